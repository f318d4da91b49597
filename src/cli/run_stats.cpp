#include "cli/run_stats.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/cpu_clock.h"
#include "query/render.h"

namespace quipu {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr const char* kNoFigure = "-";  // nothing to divide by

std::string decimal(double x, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  return text;
}
std::string ratio(double part, double whole, int digits) {
  return whole > 0 ? decimal(part / whole, digits) : kNoFigure;
}
std::string percent(double part, double whole, int digits) {
  return whole > 0 ? decimal(100 * part / whole, digits) + "%" : kNoFigure;
}

std::string several(uint64_t n, const std::string& thing) {
  return with_thousands(n) + " " + thing + (n == 1 ? "" : "s");
}

std::string hits_text(const RunFigures& f) {
  return percent(double(f.tallied) - double(f.hot.events_waited), double(f.tallied), 2);
}

Rows cpu_rows(const RunFigures& f) {
  const CpuFigures& c = f.cpu;
  const std::pair<const char*, uint64_t> parts[] = {
      {"read", c.read},
      {"decode", c.decode},
      {"tally", c.tally},
      {"pane", c.pane},
      {"group into cells", c.cells},
      {"records", c.records},
      {"names", c.names},
      {"rest of the commit", c.commit},
  };
  uint64_t known = 0;
  for (const auto& part : parts) known += part.second;
  const uint64_t whole = std::max(c.process, known);
  Rows rows{{"CPU", "us an event", "share"}};
  auto add = [&](const char* name, uint64_t ns) {
    rows.push_back(
        {name, ratio(double(ns) / 1000, double(f.read), 3), percent(double(ns), double(whole), 1)});
  };
  for (const auto& [name, ns] : parts) add(name, ns);
  add("flush, compaction, else", whole - known);
  add("whole", whole);
  return rows;
}

void add_hot_tier(const RunFigures& f, Rows& rows) {
  const TallyStats& t = f.hot;
  rows.push_back({"hot tier", "", ""});
  rows.push_back({"  records in memory", with_thousands(t.records),
                  several(t.rows, "row") + ", " + several(t.words, "word")});
  rows.push_back({"  bytes of them", with_thousands(t.memory_bytes),
                  several(t.memberships, "new membership")});
  rows.push_back({"  hits", hits_text(f),
                  "of " + several(f.tallied, "event") + "; " + with_thousands(t.events_waited) +
                      " waited for a load"});
  rows.push_back({"  loads", with_thousands(t.loads),
                  with_thousands(t.loads_found) + " found, the others are not stored yet"});
  rows.push_back({"  reads a cold event", ratio(double(t.loads), double(t.events_waited), 2),
                  "loads for an event that waited"});
  rows.push_back({"  evictions", with_thousands(t.evictions), ""});
}

void add_checkpoints(const RunFigures& f, Rows& rows) {
  const CheckpointTotals& t = f.checkpoints;
  const double n = double(t.checkpoints);
  auto mean = [&](uint64_t sum) {
    return t.checkpoints ? with_thousands((sum + t.checkpoints / 2) / t.checkpoints) : kNoFigure;
  };
  rows.push_back(
      {"checkpoints", with_thousands(t.checkpoints), with_thousands(t.ingested) + " by files"});
  rows.push_back({"  mean seconds", ratio(t.commit_s, n, 3),
                  t.checkpoints ? ratio(t.group_s, n, 3) + " of them group into cells" : ""});
  rows.push_back({"  longest seconds", t.checkpoints ? decimal(t.longest_s, 3) : kNoFigure, ""});
  rows.push_back({"  mean bytes of cells", mean(t.cell_bytes),
                  several(t.cells, "cell") + " in all, in " + several(t.cell_rows, "row") + " (" +
                      with_thousands(t.sparse_rows) + " sparse, " + with_thousands(t.joint_rows) +
                      " joint)"});
  rows.push_back({"  mean bytes of records", mean(t.record_bytes), ""});
  rows.push_back({"  mean bytes of names", mean(t.name_bytes),
                  several(t.names, "name") + " in all, in " + several(t.name_rows, "row")});
  rows.push_back(
      {"  longest stall, us", with_thousands(f.longest_stall_us), "of a shard at a barrier"});
}

void add_store(const RunFigures& f, Rows& rows) {
  rows.push_back({"store", "", ""});
  rows.push_back({"  backlog", with_thousands(f.waiting_runs),
                  "sorted runs beyond those that compaction lets wait"});
  rows.push_back(
      {"  filter of profiles", with_thousands(f.filter.profiles),
       several(f.filter.bytes, "byte") +
           (f.filter.complete ? "; it says which are new" : "; not filled yet, so not asked")});
  const uint64_t given =
      f.checkpoints.cell_bytes + f.checkpoints.record_bytes + f.checkpoints.name_bytes;
  uint64_t rewritten = 0;
  for (const FamilyStats& s : f.families) rewritten += s.compacted_bytes;
  if (given == 0) {
    rows.push_back({"  write amplification", kNoFigure, "nothing was given to the store"});
  } else {
    rows.push_back({"  write amplification", ratio(double(given + rewritten), double(given), 2),
                    with_thousands(given) + " bytes given to the store, and " +
                        with_thousands(rewritten) + " written by compaction"});
  }
  for (const FamilyStats& s : f.families) {
    rows.push_back({"  bytes of " + s.family, with_thousands(s.bytes),
                    several(s.rows, "row") + " in " + several(s.files, "file")});
    rows.push_back({"  compaction of " + s.family, decimal(s.compaction_cpu_s, 2) + " s",
                    "of CPU time; " + several(s.compacted_rows, "row") + " read"});
  }
}

}  // namespace

RunMeter::RunMeter() : begin_(std::chrono::steady_clock::now()), cpu_ns_(process_cpu_ns()) {}

void RunMeter::stop() {
  seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

RunFigures RunMeter::figures(Engine& engine, const RunSummary& summary) const {
  RunFigures f;
  f.seconds = seconds_;
  const CpuSpent& spent = engine.live().cpu;
  f.cpu = {spent.read,  spent.decode, spent.tally,
           spent.pane,  spent.cells,  spent.records,
           spent.names, spent.commit, process_cpu_ns() - cpu_ns_};
  f.read = summary.tallies.read;
  f.tallied = summary.tallies.counted + summary.tallies.duplicate;
  f.hot = engine.tally_stats();
  f.checkpoints = engine.checkpoint_totals();
  f.longest_stall_us = engine.live().longest_stall_us;
  f.waiting_runs = engine.store().waiting_runs();
  f.filter = engine.store().filter_stats();
  if (auto families = engine.store().family_stats(); families.ok())
    f.families = std::move(*families);
  return f;
}

std::string summary_line(const RunFigures& f) {
  const uint64_t rate = f.seconds > 0 ? uint64_t(std::llround(double(f.read) / f.seconds)) : 0;
  std::string line = decimal(f.seconds, 2) + " s, " + with_thousands(rate) + " events/s, " +
                     several(f.checkpoints.checkpoints, "checkpoint");
  if (f.hot.loads_found) line += ", " + hits_text(f) + " of events found their profile in memory";
  return line + "\n";
}

std::string stats_text(const RunFigures& f) {
  Rows rows;
  add_hot_tier(f, rows);
  add_checkpoints(f, rows);
  add_store(f, rows);
  return aligned(cpu_rows(f), {false, true, true}) + aligned(rows, {false, true, false});
}

}  // namespace quipu
