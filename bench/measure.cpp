#include "bench/measure.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "bench/give_up.h"
#include "bench/run_watch.h"
#include "bench/ways/way.h"
#include "bench/workload.h"
#include "cells/cell_rows.h"

namespace quipu::bench {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{5};

// From here on peak_rss_bytes() is the most since now.
void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }

uint64_t default_memory() {
  return uint64_t(::sysconf(_SC_PHYS_PAGES)) * uint64_t(::sysconf(_SC_PAGE_SIZE)) / 2;
}

// Stored values and days: a cell each.
uint64_t count_cells(Engine& engine) {
  uint64_t cells = 0;
  auto snapshot = engine.store().snapshot();
  Status inner;
  Status status = snapshot->scan_cells("", "", [&](std::string_view bytes, std::string_view value) {
    auto key = CellKey::parse(bytes);
    if (!key || key->day == kLifetimeDay) return true;
    if (key->dimension == DimensionId::none) {
      inner = read_sparse_row(
          value, [&](LayoutId id) { return engine.catalogue().layout(id); }, DimensionId::none,
          [&](const SparseCell&) { ++cells; });
    } else if (key->joint()) {
      inner = read_joint_row(value, *key, DimensionId::none,
                             [&](DimensionId, const CellEntry&) { ++cells; });
    } else {
      inner = read_cell_row(value, [&](const CellEntry&) { ++cells; });
    }
    return inner.ok();
  });
  if (!status.ok() || !inner.ok()) give_up("the store cannot be read");
  return cells;
}

std::vector<std::pair<const char*, double>> cpu_parts(Engine& engine) {
  const CpuSpent& c = engine.live().cpu;
  auto s = [](const std::atomic<uint64_t>& ns) { return double(ns) / 1e9; };
  return {{"read", s(c.read)},   {"decode", s(c.decode)}, {"tally", s(c.tally)},
          {"pane", s(c.pane)},   {"cells", s(c.cells)},   {"records", s(c.records)},
          {"names", s(c.names)}, {"commit", s(c.commit)}};
}

// Each record was made once; what was evicted and not read again is not in memory.
uint64_t whole_state_bytes(const TallyStats& stats) {
  const double made = double(stats.records) + double(stats.evictions) - double(stats.loads_found);
  return uint64_t(double(stats.memory_bytes) * made / std::max(1.0, double(stats.records)));
}

void settle(Engine& engine) {
  if (Status status = engine.store().settle(); !status.ok()) give_up(status.error().message);
}

Tallies count(Engine& engine, const std::string& lines, const RunOptions& run) {
  auto summary = engine.run({lines}, run);
  if (!summary.ok()) give_up(summary.error().message);
  return summary->tallies;
}

void add_disk(Engine& engine, Measurement& m) {
  auto families = engine.store().family_stats();
  if (!families.ok()) give_up(families.error().message);
  for (const FamilyStats& f : *families) {
    if (f.family == "records") m.record_bytes += f.bytes;
    if (f.family == "names") m.name_bytes += f.bytes;
    if (f.family.starts_with("cells")) m.cell_bytes += f.bytes;
  }
  m.cells = count_cells(engine);
}

}  // namespace

EngineOptions engine_options(const EngineChoice& choice, const std::string& store) {
  EngineOptions options;
  options.data_folder = store;
  options.memory_bytes = choice.memory_bytes;
  options.hot_bytes = choice.hot_bytes;
  options.pane_bytes = choice.pane_bytes;
  options.shards = choice.shards;
  options.commit_threads = choice.commit_threads;
  options.store = choice.store;
  options.tally = choice.tally;
  options.checkpoint_age_s = choice.checkpoint_s;
  return options;
}

std::unique_ptr<Engine> open_engine(int fanout, const EngineOptions& options) {
  auto plan = Plan::parse(workload_plan(fanout), "plan.yaml", ".");
  if (!plan.ok()) give_up(plan.error().message);
  auto opened = Engine::open(std::move(*plan), options);
  if (!opened.ok()) give_up(opened.error().message);
  return std::move(*opened);
}

Measurement measure(const MeasureOptions& o, int fanout) {
  const std::string store = o.engine.folder + "/store-" + std::to_string(fanout);
  std::filesystem::remove_all(store);
  EngineOptions options = engine_options(o.engine, store);
  if (o.commits)
    options.checkpoint_blocks = std::max<uint64_t>(
        1, std::filesystem::file_size(o.lines) / SourceOptions().block_bytes / o.commits);
  reset_peak_rss();
  std::unique_ptr<Engine> engine = open_engine(fanout, options);
  if (!o.preload.empty()) {
    count(*engine, o.preload, {});
    settle(*engine);
  }

  Measurement m;
  m.fanout = fanout;
  const TallyStats stats_before = engine->tally_stats();
  const auto parts_before = cpu_parts(*engine);
  const Watch clock;
  RunOptions run;
  run.progress = [&](const Progress&) { m.reading_s = clock.wall_s(); };
  RunWatch watch(*engine, kWatchInterval);
  const Tallies tallies = count(*engine, o.lines, run);
  m.committed_s = clock.wall_s();
  settle(*engine);
  m.settled_s = clock.wall_s();
  m.cpu_s = clock.cpu_s();
  watch.stop();
  if (m.reading_s == 0) m.reading_s = m.committed_s;  // too short for a word of progress

  m.events = tallies.read;
  m.counted = tallies.counted;
  m.duplicates = tallies.duplicate;
  const TallyStats stats = engine->tally_stats();
  m.memberships = stats.memberships - stats_before.memberships;
  m.loads = stats.loads - stats_before.loads;
  m.loads_found = stats.loads_found - stats_before.loads_found;
  m.waited = stats.events_waited - stats_before.events_waited;
  m.hot_bytes = stats.memory_bytes;
  m.hot_budget = divide_memory(options).hot;
  m.state_bytes = whole_state_bytes(o.preload.empty() ? stats : stats_before);
  m.cpu_parts = cpu_parts(*engine);
  for (size_t i = 0; i < m.cpu_parts.size(); ++i) m.cpu_parts[i].second -= parts_before[i].second;
  m.commits = watch.commit_seconds().size();
  m.commit_s = quantiles(watch.commit_seconds());
  m.stall_us = engine->live().longest_stall_us;
  m.peak_rss_bytes = peak_rss_bytes();
  m.memory_budget = o.engine.memory_bytes ? o.engine.memory_bytes : default_memory();
  add_disk(*engine, m);
  engine.reset();
  std::filesystem::remove_all(store);
  return m;
}

}  // namespace quipu::bench
