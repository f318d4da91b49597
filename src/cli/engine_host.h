// What commands that count share: options of the engine, signals, and the socket by which others
// ask. Called by the main thread.
#pragma once

#include <memory>
#include <string>

#include "base/stop_flag.h"
#include "cli/arguments.h"
#include "cli/socket.h"
#include "engine/engine.h"

namespace quipu {

// An error is one of usage.
Result<EngineOptions> engine_options_of(const Arguments& arguments, const std::string& plan_name);

// SIGINT and SIGTERM set the flag from here on; SIGPIPE and SIGXFSZ are ignored.
StopFlag& stop_on_signals();
int first_signal();  // that came; 0: none

// "store ./plan.quipu, new"
std::string store_text(const Engine& engine);

// Answers commands of other processes, as long as it lives. The engine outlives it, and the feeds
// of a server, if there are any.
Result<std::unique_ptr<CommandServer>> answer_commands(Engine& engine, FeedSet* feeds = nullptr);

}  // namespace quipu
