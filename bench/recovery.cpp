// bench_recovery: how long a counting process that was killed takes to count again.
//
// A child process (this program again, with --child) counts a file into a store and tells on a pipe
// how far it is. After some checkpoints and a share of the lines it gets SIGKILL; another one is
// started on the same store at once. Measured from that start: the time until the first event is
// tallied, and until the rate over a sliding window is back at 90% of what it was before the kill
// (mean of the last seconds). The second child counts to the end, so that nothing lost or counted
// twice goes unseen.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/heap.h"
#include "bench/give_up.h"
#include "bench/line_file.h"
#include "bench/measure.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/run_watch.h"
#include "bench/timeline.h"

extern char** environ;

namespace quipu::bench {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{5};
constexpr double kRateBack = 0.9;
constexpr double kBeforeKill_s =
    10;  // the rate before the kill is of so long, or of what there was

using Sample = RunWatch::Sample;

struct Choice {
  EngineChoice engine;
  uint64_t lines = 3000000;
  int fanout = 100;
  unsigned checkpoints = 3;  // before the kill
  double kill_at = 0.4;      // share of the lines
  double window_s = 1;       // of the rate
  std::string path;          // of the lines
  std::string store() const { return engine.folder + "/store-recovery"; }
};

// ---- the child ----

// Lines on the pipe: "at SECONDS TALLIED CHECKPOINT", at the end "done READ COUNTED DUPLICATES",
// all of the store.
int count_and_tell(const Choice& choice) {
  auto tell = [](const Sample& s) {
    std::printf("at %.6f %llu %llu\n", s.at_s, (unsigned long long)s.tallied,
                (unsigned long long)s.checkpoint);
    std::fflush(stdout);
  };
  std::unique_ptr<Engine> engine =
      open_engine(choice.fanout, engine_options(choice.engine, choice.store()));
  RunWatch watch(*engine, kWatchInterval, tell);
  auto summary = engine->run({choice.path}, {});
  if (!summary.ok()) give_up(summary.error().message);
  watch.stop();
  const Tallies& t = summary->committed.tallies;
  std::printf("done %llu %llu %llu\n", (unsigned long long)t.read, (unsigned long long)t.counted,
              (unsigned long long)t.duplicate);
  return 0;
}

// ---- the parent ----

struct Child {
  pid_t pid = 0;
  std::FILE* out = nullptr;
};

Child start(const Choice& choice) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    give_up("cannot make a pipe: " + std::string(std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<std::string> arguments = {"bench_recovery",
                                        "--child",
                                        choice.path,
                                        "--folder",
                                        choice.engine.folder,
                                        "--fanout",
                                        std::to_string(choice.fanout),
                                        "--shards",
                                        std::to_string(choice.engine.shards),
                                        "--memory-mb",
                                        std::to_string(choice.engine.memory_bytes >> 20),
                                        "--checkpoint",
                                        std::to_string(choice.engine.checkpoint_s)};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  Child child;
  const int error =
      ::posix_spawn(&child.pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  if (error != 0) give_up("cannot start a child: " + std::string(std::strerror(error)));
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  child.out = ::fdopen(ends[0], "r");
  return child;
}

struct Told {
  std::vector<Sample> samples;
  std::optional<Tallies> done;  // read, counted and duplicate
};

// Reads what the child tells, to its end or until `kill` says so of the last sample.
template <typename Kill>
Told listen(Child& child, Kill kill) {
  Told told;
  bool killed = false;
  char line[256];
  while (std::fgets(line, sizeof line, child.out)) {
    double at_s = 0;
    unsigned long long a = 0, b = 0, c = 0;
    if (std::sscanf(line, "at %lf %llu %llu", &at_s, &a, &b) == 3 && !killed) {
      told.samples.push_back({at_s, 0, a, b});
      if (kill(told.samples)) {
        ::kill(child.pid, SIGKILL);
        killed = true;
      }
    } else if (std::sscanf(line, "done %llu %llu %llu", &a, &b, &c) == 3) {
      told.done.emplace();
      told.done->read = a;
      told.done->counted = b;
      told.done->duplicate = c;
    }
  }
  std::fclose(child.out);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
    give_up("a child ended with an error");
  return told;
}

void print_time(const char* what, const std::optional<double>& s) {
  if (s)
    std::printf("  %-58s %8.3f s\n", what, *s);
  else
    std::printf("  %-58s not before the lines ended\n", what);
}

int kill_and_recover(const Choice& choice, const std::string& json) {
  std::filesystem::remove_all(choice.store());
  Child child = start(choice);
  const Told before = listen(child, [&](const std::vector<Sample>& samples) {
    return samples.back().checkpoint >= choice.checkpoints &&
           double(samples.back().tallied) >= choice.kill_at * double(choice.lines);
  });
  if (before.done)
    give_up("the lines ended before the kill; more --events or a smaller --checkpoint are needed");
  const double rate = rate_at_end(before.samples, kBeforeKill_s);
  const double restart_s = monotonic_s();
  child = start(choice);
  const Told after = listen(child, [](const std::vector<Sample>&) { return false; });
  if (!after.done) give_up("the second child did not come to the end");

  auto since = [&](std::optional<double> at_s) {
    return at_s ? std::optional(*at_s - restart_s) : std::nullopt;
  };
  const auto first = since(first_tallied_at_s(after.samples));
  const auto back = since(rate_reached_at_s(after.samples, kRateBack * rate, choice.window_s));
  const Sample& killed = before.samples.back();
  std::printf(
      "recovery after kill -9, F=%d, checkpoints every %g s: killed behind checkpoint %llu, %llu "
      "events tallied, %.0f events/s\n",
      choice.fanout, choice.engine.checkpoint_s, (unsigned long long)killed.checkpoint,
      (unsigned long long)killed.tallied, rate);
  print_time("from the restart to the first event tallied", first);
  print_time("to 90% of the rate before, over a sliding window", back);

  JsonObject o;
  o.add("fanout", choice.fanout);
  o.add("lines", choice.lines);
  o.add("checkpoint_s", choice.engine.checkpoint_s);
  o.add("checkpoints_before", killed.checkpoint);
  o.add("tallied_before", killed.tallied);
  o.add("rate_before", rate);
  o.add("window_s", choice.window_s);
  if (first)
    o.add("first_tallied_s", *first);
  else
    o.add_null("first_tallied_s");
  if (back)
    o.add("rate_back_s", *back);
  else
    o.add_null("rate_back_s");
  o.add("tallied_after", after.samples.back().tallied);
  o.add("events", after.done->read);
  o.add("counted", after.done->counted);
  o.add("duplicates", after.done->duplicate);
  write_json(json, o.text());
  std::filesystem::remove_all(choice.store());
  if (after.done->read != choice.lines)
    give_up("the store counted another number of lines than there are");
  return 0;
}

int run(int argc, char** argv) {
  Choice choice;
  choice.engine.checkpoint_s = 5;
  std::string json, child;
  uint64_t seed = 1;
  OptionTable table(
      "bench_recovery",
      "Kills a counting process and prints how long the next one takes to count again.");
  table.add("--events", "lines", choice.lines);
  table.add("--fanout", "dimensions an event", choice.fanout);
  table.add("--checkpoints", "before the kill, at least", choice.checkpoints);
  table.add("--kill-at", "share of the lines before the kill, at least", choice.kill_at);
  table.add("--window", "seconds over which the rate is taken", choice.window_s);
  table.add("--checkpoint", "age of a checkpoint in seconds", choice.engine.checkpoint_s);
  table.add_mib("--memory-mb", "budget; 0: the engine's default", choice.engine.memory_bytes);
  table.add("--shards", "0: one a core", choice.engine.shards);
  table.add("--seed", "of the workload", seed);
  table.add("--folder", "for lines and stores, on the disk to be measured", choice.engine.folder);
  table.add("--json", "file for the figures", json);
  table.add("--child", "FILE: count it and tell (what this program starts)", child);
  table.read(argc, argv);
  if (!child.empty()) {
    choice.path = child;
    return count_and_tell(choice);
  }
  std::filesystem::create_directories(choice.engine.folder);
  choice.path = choice.engine.folder + "/lines-" + std::to_string(seed) + "-" +
                std::to_string(choice.lines) + ".jsonl";
  write_line_files({.seed = seed}, {{choice.path, choice.lines}});
  return kill_and_recover(choice, json);
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  quipu::keep_heap_small();  // as the program quipu does
  return quipu::bench::run(argc, argv);
}
