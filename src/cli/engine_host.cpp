#include "cli/engine_host.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <mutex>

#include "cli/dead_command.h"
#include "cli/feed_commands.h"
#include "cli/store_access.h"

namespace quipu {
namespace {

std::atomic<int> g_signal{0};            // that came first
std::atomic<StopFlag*> g_stop{nullptr};  // set before signals are taken

void on_signal(int number) {
  int none = 0;
  g_signal.compare_exchange_strong(none, number);
  g_stop.load()->set();
}

int answer_command(Engine& engine, FeedSet* feeds, std::mutex& one_audit,
                   const std::vector<std::string>& args, const Console& client) {
  if (args.empty()) return kExitUsage;
  ParsedArguments parsed = parse_arguments({args.begin() + 1, args.end()});
  if (parsed.arguments) resolve_paths(*parsed.arguments, args[0]);
  if (!parsed.arguments) {
    client.err(parsed.text);
    return parsed.status;
  }
  const Arguments::Command command = parsed.arguments->command;
  const bool replays = command == Arguments::Command::dead &&
                       parsed.arguments->dead_action == Arguments::DeadAction::replay;
  if (command == Arguments::Command::load || command == Arguments::Command::sources || replays) {
    if (!feeds) {
      client.err(
          "quipu: this store is counted into by quipu run, which takes nothing else in; "
          "wait for its end, or end it\n");
      return kExitError;
    }
    if (replays) return replay_served(engine, *feeds, client);
    return command == Arguments::Command::load
               ? load_command(*parsed.arguments, engine, *feeds, client)
               : sources_command(*parsed.arguments, *feeds, client);
  }
  // An audit sorts with much memory.
  const bool audits = parsed.arguments->command == Arguments::Command::audit;
  std::unique_lock auditing(one_audit, std::defer_lock);
  if (audits && !auditing.try_lock()) {
    client.err("quipu audit: another audit of this store is under way; wait for its end\n");
    return kExitError;
  }
  StoreAccess access(engine.store(), engine.catalogue(), [&engine] {
    return engine.checkpoint_if_older(std::chrono::seconds(kFreshS));
  });
  return store_command(*parsed.arguments, access, client);
}

}  // namespace

StopFlag& stop_on_signals() {
  static StopFlag stop;
  g_stop = &stop;
  struct sigaction action {};
  action.sa_handler = on_signal;  // no SA_RESTART: a read of standard input returns
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error like a full disk
  return stop;
}

int first_signal() { return g_signal; }

Result<EngineOptions> engine_options_of(const Arguments& arguments, const std::string& plan_name) {
  EngineOptions options;
  options.data_folder = data_folder_of_plan(arguments.data, plan_name);
  options.shards = arguments.shards;
  options.checkpoint_age_s = arguments.checkpoint_s;
  options.zoneinfo_dir = arguments.zoneinfo_dir;
  if (arguments.ingest_bytes) options.store.ingest_bytes = arguments.ingest_bytes;
  options.hot_bytes = arguments.hot_bytes;
  options.pane_bytes = arguments.pane_bytes;
  if (!arguments.memory.empty()) {
    auto memory = parse_size(arguments.memory);
    if (!memory.ok()) return Error{"--memory: " + memory.error().message};
    options.memory_bytes = *memory;
  }
  options.store.keep_waiting = [folder = options.data_folder] { return !is_served(folder); };
  return options;
}

std::string store_text(const Engine& engine) {
  const uint64_t checkpoint = engine.store().committed().checkpoint;
  return "store " + engine.store().folder() +
         (checkpoint ? ", continuing after checkpoint " + std::to_string(checkpoint) : ", new");
}

Result<std::unique_ptr<CommandServer>> answer_commands(Engine& engine, FeedSet* feeds) {
  auto one_audit = std::make_shared<std::mutex>();
  return CommandServer::listen(
      engine.store().folder(),
      [&engine, feeds, one_audit](const std::vector<std::string>& args, const Console& client) {
        return answer_command(engine, feeds, *one_audit, args, client);
      });
}

}  // namespace quipu
