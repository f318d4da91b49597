// bench_backfill: how fresh live events are while years of history are counted.
//
// The engine reads its inputs one after the other, so this is ONE interleaved stream: a file of
// history, lines some seconds of event time apart, in which every tenth line is a live one, of
// today. It is read as fast as it can be counted. A live line's freshness is the time from its
// reading to the moment when the checkpoint that holds it was seen to be durable. When a line was
// read is told by how many lines are decoded, less what may wait between reader and decoder; so
// freshness is never made out too short, and too long by a few thousandths of a second.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/heap.h"
#include "bench/give_up.h"
#include "bench/line_file.h"
#include "bench/measure.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/run_watch.h"
#include "bench/timeline.h"
#include "bench/ways/way.h"

namespace quipu::bench {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{2};
constexpr int64_t kYear_s = 365 * 86400;

// Lines that the reader may be ahead of the decoders: their full queues, a block in each decoder
// and one in its hand.
uint64_t lines_ahead(unsigned decoders, double bytes_a_line) {
  const uint64_t blocks = decoders * (kDecodeQueueBlocks + 1) + 1;
  return uint64_t(double(blocks * kBlockBytes) / bytes_a_line) + 1;
}

struct Settings {
  uint64_t lines = 3000000;
  int fanout = 25;
  unsigned live_every = 10, years = 3;
  std::string json;
  EngineChoice choice;
};

Settings read_settings(int argc, char** argv) {
  Settings settings;
  EngineChoice& choice = settings.choice;
  choice.checkpoint_s = 1;
  OptionTable table("bench_backfill",
                    "Counts history with live lines in it, and prints how fresh those are.");
  table.add("--events", "lines, live ones included", settings.lines);
  table.add("--fanout", "dimensions an event", settings.fanout);
  table.add("--live-every", "one line of so many is live", settings.live_every);
  table.add("--years", "of history", settings.years);
  table.add("--checkpoint", "age of a checkpoint in seconds", choice.checkpoint_s);
  table.add_mib("--memory-mb", "budget; 0: the engine's default", choice.memory_bytes);
  table.add("--shards", "0: one a core", choice.shards);
  table.add("--folder", "for lines and stores, on the disk to be measured", choice.folder);
  table.add("--json", "file for the figures", settings.json);
  table.read(argc, argv);
  if (settings.live_every < 2 || settings.lines < settings.live_every)
    give_up("--live-every takes 2 or more, and there must be a live line");
  return settings;
}

// Made once; the file's name says what is in it.
std::string history_with_live_lines(const Settings& settings) {
  const auto& [lines, fanout, live_every, years, json, choice] = settings;
  std::filesystem::create_directories(choice.folder);
  const std::string path = choice.folder + "/lines-history-" + std::to_string(lines) + "-" +
                           std::to_string(live_every) + "-" + std::to_string(years) + ".jsonl";
  if (std::filesystem::exists(path)) return path;
  WorkloadOptions live{.seed = 2};
  WorkloadOptions history;
  history.line_s = uint32_t(std::max<int64_t>(1, years * kYear_s / int64_t(lines)));
  history.base_s = live.base_s - int64_t(history.line_s) * int64_t(lines);
  Workload old_lines(history), live_lines(live);
  uint64_t n = 0;
  const unsigned every = live_every;
  write_line_file(path, lines,
                  [&](std::string& out) { (++n % every == 0 ? live_lines : old_lines).next(out); });
  return path;
}

int run(int argc, char** argv) {
  const Settings settings = read_settings(argc, argv);
  const auto& [lines, fanout, live_every, years, json, choice] = settings;
  const std::string path = history_with_live_lines(settings);
  const std::string store = choice.folder + "/store-backfill";
  std::filesystem::remove_all(store);
  EngineOptions options = engine_options(choice, store);
  options.decoders = std::max(1u, std::thread::hardware_concurrency() / 2);
  std::unique_ptr<Engine> engine = open_engine(fanout, options);
  const Watch clock;
  RunWatch watch(*engine, kWatchInterval);
  auto summary = engine->run({path}, {});
  if (!summary.ok()) give_up(summary.error().message);
  const double committed_s = clock.wall_s();
  watch.stop();
  const Tallies& tallies = summary->tallies;
  const uint64_t ahead =
      lines_ahead(options.decoders, double(std::filesystem::file_size(path)) / double(lines));
  const std::vector<double> fresh =
      freshness(watch.samples(), watch.commits(), lines, live_every, ahead);
  const Quantiles fresh_s = quantiles(fresh);
  const Quantiles commit_s = quantiles(watch.commit_seconds());

  std::printf(
      "backfill of %u years, F=%d, checkpoints every %g s. One interleaved stream: 1 line of %u is "
      "live.\n",
      years, fanout, choice.checkpoint_s, live_every);
  std::printf("%10s %10s %10s %8s %12s %12s %14s %14s %14s\n", "lines", "live", "commit/s",
              "commits", "commit p50 s", "commit max s", "fresh p50 s", "fresh p99 s",
              "fresh max s");
  std::printf("%10llu %10llu %10.0f %8zu %12.3f %12.3f %14.3f %14.3f %14.3f\n",
              (unsigned long long)tallies.read, (unsigned long long)fresh.size(),
              double(tallies.read) / committed_s, watch.commit_seconds().size(), commit_s.p50,
              commit_s.max, fresh_s.p50, fresh_s.p99, fresh_s.max);

  JsonObject o;
  o.add("stream", "interleaved");
  o.add("fanout", fanout);
  o.add("years", uint64_t(years));
  o.add("checkpoint_s", choice.checkpoint_s);
  o.add("events", tallies.read);
  o.add("counted", tallies.counted);
  o.add("duplicates", tallies.duplicate);
  o.add("live_events", lines / live_every);
  o.add("live_events_seen_durable", uint64_t(fresh.size()));
  o.add("committed_s", committed_s);
  o.add("commits", uint64_t(watch.commit_seconds().size()));
  o.add("commit_s", commit_s);
  o.add("freshness_s", fresh_s);
  o.add("longest_stall_us", uint64_t(engine->live().longest_stall_us));
  o.add("peak_rss_bytes", peak_rss_bytes());
  write_json(json, o.text());
  engine.reset();
  std::filesystem::remove_all(store);
  return 0;
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  quipu::keep_heap_small();  // as the program quipu does
  return quipu::bench::run(argc, argv);
}
