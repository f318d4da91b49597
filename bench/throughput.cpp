// bench_throughput: counts the workload through the whole engine and prints what it took, for each
// fan-out.
//
// events/s = events / (time until the last commit is durable and compaction has nothing more to
// do); the rate while reading and the rate until the last commit stand beside it. The lines are
// written before the clock starts. Memory and stored bytes are per membership (dimension, value,
// slot newly seen by a profile) and per stored cell (value and day).
//
// With --preload the first lines make old profiles, and of the events behind them, which alone are
// measured, --cold percent are each of one of these (bench/workload.h). A memory budget much
// smaller than what they take makes that a read of the store. The other events are of profiles that
// begin then, never seen before.
#include <cstdio>
#include <filesystem>

#include "base/heap.h"
#include "bench/give_up.h"
#include "bench/line_file.h"
#include "bench/measure.h"
#include "bench/options.h"
#include "bench/report.h"

namespace quipu::bench {
namespace {

constexpr uint64_t kNoProfileTwice =
    1000000000000;  // so many that hardly a session's profile comes again

struct Settings {
  uint64_t events = 3000000;
  std::vector<int> fanouts = {10, 100};
  std::string json;
  MeasureOptions measured;
  WorkloadOptions workload;
};

Settings read_settings(int argc, char** argv) {
  Settings settings;
  MeasureOptions& measured = settings.measured;
  WorkloadOptions& workload = settings.workload;
  unsigned direct_reads = 0;
  OptionTable table("bench_throughput", "Counts the workload and prints what it took.");
  table.add("--events", "lines to measure", settings.events);
  table.add("--fanouts", "dimensions an event, a list", settings.fanouts);
  table.add("--preload", "lines before them, of old profiles; not measured", workload.preload);
  table.add("--profiles", "of all tenants; without --preload", workload.profiles);
  table.add("--tenants", "of the workload", workload.tenants);
  table.add("--rate", "events a second of event time", workload.rate);
  table.add("--values", "of p00, another for each event; 0: few", workload.values);
  table.add("--cold", "percent of the events that are of an old profile", workload.cold_percent);
  table.add("--commits", "at least so many; 0: as the engine does by itself", measured.commits);
  table.add("--checkpoint", "age of a checkpoint in seconds", measured.engine.checkpoint_s);
  table.add_mib("--memory-mb", "budget; 0: the engine's default", measured.engine.memory_bytes);
  table.add_mib("--hot-mb", "hot tiers, all together; 0: by memory", measured.engine.hot_bytes);
  table.add_mib("--pane-mb", "panes that begin a checkpoint; 0: by memory",
                measured.engine.pane_bytes);
  table.add("--shards", "0: one a core", measured.engine.shards);
  table.add("--commit-threads", "that group a checkpoint; 0: one a core",
            measured.engine.commit_threads);
  table.add("--readers", "threads that look for records", measured.engine.store.readers);
  table.add("--direct-reads", "1: past the page cache, to see what the disk costs", direct_reads);
  table.add("--inlined-rows", "rows of a month that a forever record takes",
            measured.engine.tally.inlined_rows);
  table.add("--whole-bytes", "most bytes of a record that is written whole when it was read",
            measured.engine.tally.whole_bytes);
  table.add("--matrix-rows", "rows of a month record before it goes on as words",
            measured.engine.tally.matrix_rows);
  table.add("--seed", "of the workload", workload.seed);
  table.add("--folder", "for lines and stores, on the disk to be measured", measured.engine.folder);
  table.add("--json", "file for the figures", settings.json);
  table.read(argc, argv);
  measured.engine.store.direct_reads = direct_reads != 0;
  if (workload.cold_percent > 100 || (workload.cold_percent > 0 && workload.preload == 0))
    give_up("--cold is a percentage and needs a --preload");
  return settings;
}

int run(int argc, char** argv) {
  Settings settings = read_settings(argc, argv);
  MeasureOptions& measured = settings.measured;
  WorkloadOptions& workload = settings.workload;
  std::filesystem::create_directories(measured.engine.folder);
  std::string name = measured.engine.folder + "/lines-" + std::to_string(workload.seed) + "-" +
                     std::to_string(settings.events);
  std::vector<LinePart> parts;
  if (workload.profiles != WorkloadOptions().profiles)
    name += "-of-" + std::to_string(workload.profiles);
  if (workload.tenants != WorkloadOptions().tenants)
    name += "-tenants-" + std::to_string(workload.tenants);
  if (workload.rate != WorkloadOptions().rate) name += "-rate-" + std::to_string(workload.rate);
  if (workload.values != 0) name += "-values-" + std::to_string(workload.values);
  if (workload.preload) {
    workload.profiles = kNoProfileTwice;
    name += "-cold-" + std::to_string(workload.preload);
    measured.preload = name + "-preload.jsonl";
    parts.push_back({measured.preload, workload.preload});
    name += "-" + std::to_string(workload.cold_percent);
  }
  measured.lines = name + ".jsonl";
  parts.push_back({measured.lines, settings.events});
  write_line_files(workload, parts);

  std::vector<Measurement> rows;
  for (int fanout : settings.fanouts) rows.push_back(measure(measured, fanout));
  if (workload.preload)
    print_cold(rows, workload.cold_percent, workload.preload);
  else
    print_throughput(rows);
  print_commits(rows);
  print_cpu(rows);
  std::string text;
  for (const Measurement& row : rows) {
    JsonObject object = json_of(row);
    object.add("preload", workload.preload);
    object.add("cold_percent", uint64_t(workload.cold_percent));
    text += (text.empty() ? "[" : ",\n ") + object.text();
  }
  write_json(settings.json, text + "]");
  return 0;
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  quipu::keep_heap_small();  // as the program quipu does
  return quipu::bench::run(argc, argv);
}
