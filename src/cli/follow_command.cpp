#include "cli/follow_command.h"

#include <algorithm>

#include "cli/engine_host.h"
#include "cli/run_command.h"
#include "cli/run_stats.h"
#include "cli/store_access.h"
#include "engine/follow_feed.h"

namespace quipu {
namespace {

// As a server's: as often as checkpoints are cheap.
constexpr double kFollowCheckpointS = 2, kFollowFreshS = 0.5;

std::string number_of_files(size_t n) { return std::to_string(n) + (n == 1 ? " file" : " files"); }

Result<RunSummary> follow(const Arguments& arguments, Engine& engine, StopFlag& stop,
                          const std::string& store, const Console& console) {
  RunOptions options;
  options.strict = arguments.strict;
  options.anyway = arguments.anyway || arguments.strict;
  options.stop = &stop;
  FeedSet feeds;
  const auto say = [&console](const std::string& text) { console.err("quipu: " + text + "\n"); };
  QUIPU_ASSIGN(auto feed, engine.follow_feed(arguments.inputs, options, say));
  QUIPU_ASSIGN(const auto server, answer_commands(engine));
  console.err("quipu: " + store + "; following " + number_of_files(arguments.inputs.size()) +
              " until it is stopped\n");
  const auto attached = feeds.attach(std::move(feed));
  if (!attached.ok()) return attached.error();
  return engine.run_feeds(feeds, options);
}

}  // namespace

int follow_command(const Arguments& arguments, Plan plan, EngineOptions options,
                   const Console& console) {
  const auto fail = [&](const Error& error, int status) {
    console.err("quipu run: " + error.message + "\n");
    return status;
  };
  if (arguments.inputs.size() > kMostFollowed) {
    return fail(
        Error{"--follow takes " + std::to_string(kMostFollowed) + " files at most (kMostFollowed)"},
        kExitUsage);
  }
  options.checkpoint_age_s = std::min(options.checkpoint_age_s, kFollowCheckpointS);
  options.fresh_age_s = kFollowFreshS;
  StopFlag& stop = stop_on_signals();
  auto engine = Engine::open(std::move(plan), options);
  if (!engine.ok()) return fail(engine.error(), kExitError);
  const std::string store = store_text(**engine);
  RunMeter meter;
  auto summary = follow(arguments, **engine, stop, store, console);
  meter.stop();
  if (!summary.ok()) return fail(summary.error(), kExitError);
  const RunFigures figures = meter.figures(**engine, *summary);
  console.out("stopped: " + counted_text(*summary, **engine));
  if (arguments.stats) console.out(stats_text(figures));
  console.out("the same command continues from here\n");
  return kExitDone;
}

}  // namespace quipu
