// `dead`: lines that were set aside, listed, shown, and given once more.
#pragma once

#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/store_access.h"
#include "engine/engine.h"

namespace quipu {

// Sources and reasons that `dead list` tells apart; the rest is one line.
inline constexpr size_t kMaxDeadGroups = 1000;

// `dead list` and `dead show`.
int dead_letters_command(const Arguments& arguments, StoreAccess& access, const Console& console);
// `dead replay`, in the process of a server, for a client of its socket; and in its own.
int replay_served(Engine& engine, FeedSet& feeds, const Console& client);
int replay_command(const Arguments& arguments, const Console& console);

}  // namespace quipu
