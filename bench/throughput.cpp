// bench_throughput: counts the workload through the whole engine and prints what it took, for each fan-out.
//
// events/s = events / (time until the last commit is durable and compaction has nothing more to do); the rate
// while reading and the rate until the last commit stand beside it. The lines are written before the clock
// starts. Memory and stored bytes are per membership (dimension, value, slot newly seen by a profile) and per
// stored cell (value and day).
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench/workload.h"
#include "cells/cell_rows.h"
#include "engine/engine.h"

namespace quipu::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  uint64_t events = 3000000;
  std::vector<int> fanouts = {10, 100};
  std::string folder = "/tmp/quipu-bench";
  size_t memory_bytes = 0;
  size_t pane_bytes = 0;
  unsigned shards = 0;
  double checkpoint_s = 60;
  uint64_t commits = 20;  // at least; 0: as the engine does by itself
  WorkloadOptions workload;
  std::string json;
};

struct Row {
  int fanout;
  double reading_s, committed_s, settled_s, cpu_s;
  uint64_t events, memberships, cells, commits, stall_us, hot_bytes, record_bytes, cell_bytes, name_bytes, rss_bytes;
};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "bench_throughput: %s\n", message.c_str());
  std::exit(1);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto s = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

// The most memory resident since reset_peak_rss().
uint64_t peak_rss() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "VmHWM:") {
      uint64_t kib = 0;
      status >> kib;
      return kib << 10;
    }
  }
  return 0;
}
void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::string write_lines(const Options& o) {
  const std::string path = o.folder + "/lines-" + std::to_string(o.workload.seed) + "-" + std::to_string(o.events) + ".jsonl";
  if (std::filesystem::exists(path)) return path;
  std::FILE* file = std::fopen((path + ".part").c_str(), "wb");
  if (!file) fail("cannot write " + path);
  Workload workload(o.workload);
  std::string text;
  for (uint64_t i = 0; i < o.events; ++i) {
    workload.next(text);
    if (text.size() > (1 << 20)) {
      if (std::fwrite(text.data(), 1, text.size(), file) != text.size()) fail("cannot write " + path);
      text.clear();
    }
  }
  if (std::fwrite(text.data(), 1, text.size(), file) != text.size() || std::fclose(file) != 0) fail("cannot write " + path);
  std::filesystem::rename(path + ".part", path);
  return path;
}

uint64_t count_cells(Engine& engine) {
  uint64_t cells = 0;
  auto snapshot = engine.store().snapshot();
  Status inner;
  Status status = snapshot->scan_cells("", "", [&](std::string_view bytes, std::string_view value) {
    auto key = CellKey::parse(bytes);
    if (!key || key->day == kLifetimeDay) return true;
    if (key->dimension == DimensionId::none) {
      inner = read_sparse_row(value, [&](LayoutId id) { return engine.catalogue().layout(id); }, DimensionId::none, [&](const SparseCell&) { ++cells; });
    } else {
      inner = read_cell_row(value, [&](const CellEntry&) { ++cells; });
    }
    return inner.ok();
  });
  if (!status.ok() || !inner.ok()) fail("the store cannot be read");
  return cells;
}

// Where the CPU time of an event went, in us.
void print_cpu(Engine& engine, double events, double cpu_s) {
  const CpuSpent& c = engine.live().cpu;
  const std::pair<const char*, const std::atomic<uint64_t>&> parts[] = {
      {"read", c.read}, {"decode", c.decode}, {"tally", c.tally}, {"pane", c.pane},
      {"cells", c.cells}, {"records", c.records}, {"names", c.names}, {"commit", c.commit}};
  double known = 0;
  for (const auto& [name, ns] : parts) {
    std::printf("%s %.2f  ", name, double(ns) / events / 1000);
    known += double(ns) / 1e9;
  }
  std::printf("store's threads and else %.2f us CPU/event\n", (cpu_s - known) / events * 1e6);
}

Row measure(const Options& o, const std::string& lines, int fanout) {
  const std::string folder = o.folder + "/store-" + std::to_string(fanout);
  std::filesystem::remove_all(folder);
  auto plan = Plan::parse(workload_plan(fanout), "plan.yaml", ".");
  if (!plan.ok()) fail(plan.error().message);
  EngineOptions options;
  options.directory = folder;
  options.memory_bytes = o.memory_bytes;
  options.pane_bytes = o.pane_bytes;
  options.shards = o.shards;
  options.checkpoint_age_s = o.checkpoint_s;
  if (o.commits) options.checkpoint_blocks = std::max<uint64_t>(1, std::filesystem::file_size(lines) / SourceOptions().block_bytes / o.commits);
  reset_peak_rss();
  auto opened = Engine::open(std::move(*plan), options);
  if (!opened.ok()) fail(opened.error().message);
  Engine& engine = **opened;
  Row row{};
  row.fanout = fanout;
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  auto since = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  auto last_progress = begin;
  RunOptions run;
  run.progress = [&](const Progress&) { last_progress = Clock::now(); };
  auto summary = engine.run({lines}, run);
  if (!summary.ok()) fail(summary.error().message);
  row.reading_s = std::chrono::duration<double>(last_progress - begin).count();
  row.committed_s = since();
  if (Status status = engine.store().settle(); !status.ok()) fail(status.error().message);
  row.settled_s = since();
  row.cpu_s = cpu_seconds() - cpu;
  row.events = summary->tallies.read;
  print_cpu(engine, double(row.events), row.cpu_s);
  for (const TallyStats& s : engine.tally_stats()) {
    row.memberships += s.memberships;
    row.hot_bytes += s.memory_bytes;
  }
  row.commits = engine.checkpoint_totals().checkpoints;
  row.stall_us = engine.live().longest_stall_us;
  row.rss_bytes = peak_rss();
  auto families = engine.store().family_stats();
  if (!families.ok()) fail(families.error().message);
  for (const FamilyStats& f : *families) {
    if (f.family == "records") row.record_bytes += f.bytes;
    if (f.family == "names") row.name_bytes += f.bytes;
    if (f.family.starts_with("cells")) row.cell_bytes += f.bytes;
  }
  row.cells = count_cells(engine);
  opened->reset();
  std::filesystem::remove_all(folder);
  return row;
}

void print(const std::vector<Row>& rows) {
  std::printf("%5s %9s %10s %10s %10s %8s %8s %10s %10s %9s %9s %9s %9s %8s\n", "F", "events", "reading/s", "commit/s", "events/s", "us CPU/ev",
              "commits", "members/ev", "cells/ev", "B RAM/mem", "B dsk/mem", "B/cell", "stall ms", "RSS MB");
  for (const Row& r : rows) {
    const double n = double(r.events), m = double(r.memberships);
    std::printf("%5d %9llu %10.0f %10.0f %10.0f %9.2f %8llu %10.1f %10.1f %9.2f %9.2f %9.2f %9.2f %8.0f\n", r.fanout, (unsigned long long)r.events,
                n / r.reading_s, n / r.committed_s, n / r.settled_s, r.cpu_s / n * 1e6, (unsigned long long)r.commits, m / n, double(r.cells) / n,
                double(r.hot_bytes) / m, double(r.record_bytes) / m, double(r.cell_bytes) / double(r.cells), double(r.stall_us) / 1000,
                double(r.rss_bytes) / 1e6);
  }
}

void write_json(const std::vector<Row>& rows, const std::string& path) {
  std::ofstream out(path);
  out << "[";
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    out << (i ? ",\n " : "") << "{\"fanout\":" << r.fanout << ",\"events\":" << r.events << ",\"reading_s\":" << r.reading_s << ",\"committed_s\":" << r.committed_s
        << ",\"settled_s\":" << r.settled_s << ",\"cpu_s\":" << r.cpu_s << ",\"commits\":" << r.commits << ",\"memberships\":" << r.memberships
        << ",\"cells\":" << r.cells << ",\"hot_bytes\":" << r.hot_bytes << ",\"record_bytes\":" << r.record_bytes << ",\"cell_bytes\":" << r.cell_bytes
        << ",\"name_bytes\":" << r.name_bytes << ",\"stall_us\":" << r.stall_us << ",\"peak_rss_bytes\":" << r.rss_bytes << "}";
  }
  out << "]\n";
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || i + 1 >= argc) {
      std::printf("usage: bench_throughput [--events N] [--fanouts 10,100] [--memory-mb N] [--pane-mb N] [--shards N] [--checkpoint S] [--commits N] [--seed N] [--folder DIR] [--json FILE]\n");
      std::exit(name == "--help" ? 0 : 2);
    }
    const std::string value = argv[++i];
    if (name == "--events") o.events = std::stoull(value);
    else if (name == "--memory-mb") o.memory_bytes = std::stoull(value) << 20;
    else if (name == "--pane-mb") o.pane_bytes = std::stoull(value) << 20;
    else if (name == "--shards") o.shards = unsigned(std::stoul(value));
    else if (name == "--checkpoint") o.checkpoint_s = std::stod(value);
    else if (name == "--commits") o.commits = std::stoull(value);
    else if (name == "--seed") o.workload.seed = std::stoull(value);
    else if (name == "--folder") o.folder = value;
    else if (name == "--json") o.json = value;
    else if (name == "--fanouts") {
      o.fanouts.clear();
      for (size_t at = 0; at < value.size();) {
        const size_t comma = std::min(value.find(',', at), value.size());
        o.fanouts.push_back(std::stoi(value.substr(at, comma - at)));
        at = comma + 1;
      }
    } else fail("unknown option " + name);
  }
  return o;
}

int run(const Options& o) {
  std::filesystem::create_directories(o.folder);
  const std::string lines = write_lines(o);
  std::vector<Row> rows;
  for (int fanout : o.fanouts) rows.push_back(measure(o, lines, fanout));
  print(rows);
  if (!o.json.empty()) write_json(rows, o.json);
  return 0;
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) { return quipu::bench::run(quipu::bench::parse(argc, argv)); }
