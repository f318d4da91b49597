// What a run was like: its figures, and the text that `quipu run` makes of them. The figures are of
// one run and of this process; what is in memory and on disk, and compaction's backlog, are as they
// stand at its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace quipu {

// CPU time by part, in ns. What no part claims of the process's is the store's own threads (flush,
// compaction) and what little the program does beside counting.
struct CpuFigures {
  uint64_t read = 0, decode = 0, tally = 0, pane = 0;
  uint64_t cells = 0, records = 0, names = 0,
           commit = 0;  // of the checkpoints; commit: all else in them
  uint64_t process = 0;
};

struct RunFigures {
  uint64_t read = 0;     // events
  uint64_t tallied = 0;  // those that came to the hot tier: counted or duplicate
  double seconds = 0;    // wall, until the last commit
  CpuFigures cpu;
  TallyStats hot;  // of all shards
  CheckpointTotals checkpoints;
  uint64_t longest_stall_us = 0;  // of a shard at a barrier
  uint64_t waiting_runs = 0;      // see Store
  FilterStats filter;
  std::vector<FamilyStats> families;
};

// Made just before the run, stopped just after it. figures() then wants the engine quiet: nobody
// asks it for checkpoints any more.
class RunMeter {
 public:
  RunMeter();
  void stop();
  RunFigures figures(Engine& engine, const RunSummary& summary) const;

 private:
  const std::chrono::steady_clock::time_point begin_;
  double seconds_ = 0;
  const uint64_t cpu_ns_;
};

std::string summary_line(const RunFigures& figures);  // one line, at the end of every run
std::string stats_text(const RunFigures& figures);    // tables, for --stats

}  // namespace quipu
