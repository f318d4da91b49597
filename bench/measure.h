// Counting a file of the workload's lines through the whole engine, with everything that can be
// told of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/quantiles.h"
#include "engine/engine.h"

namespace quipu::bench {

struct EngineChoice {
  std::string folder = "/tmp/quipu-bench";  // for lines and stores, on the disk to be measured
  uint64_t memory_bytes = 0;                // 0: the engine's default
  uint64_t hot_bytes = 0, pane_bytes = 0;   // 0: by memory
  unsigned shards = 0;                      // 0: one a core
  unsigned commit_threads = 0;              // 0: one a core
  StoreOptions store = {.create = true};
  TallyOptions tally = {};
  double checkpoint_s = 60;
};

// Ends the process with a message if there is no such engine.
EngineOptions engine_options(const EngineChoice& choice, const std::string& store);
std::unique_ptr<Engine> open_engine(int fanout, const EngineOptions& options);

// Of the lines after the preload, unless it says otherwise.
struct Measurement {
  int fanout = 0;
  uint64_t events = 0, counted = 0, duplicates = 0;
  double reading_s = 0, committed_s = 0, settled_s = 0, cpu_s = 0;  // since the begin
  std::vector<std::pair<const char*, double>> cpu_parts;            // where the CPU time went, in s
  uint64_t commits = 0;
  Quantiles commit_s;
  uint64_t stall_us =
      0;  // the longest of a shard at a barrier, preload included: no others are known
  uint64_t memberships = 0;  // newly seen
  uint64_t loads = 0, loads_found = 0,
           waited = 0;  // records read; of them stored; events that waited for one
  uint64_t hot_bytes = 0, hot_budget = 0;  // of the hot tiers, at the end
  uint64_t state_bytes =
      0;  // what all records made by the preload (if none: by the end) take in a hot tier
  uint64_t peak_rss_bytes = 0, memory_budget = 0;  // of the process, preload included
  uint64_t cells = 0, record_bytes = 0, cell_bytes = 0, name_bytes = 0;  // on disk
};

struct MeasureOptions {
  EngineChoice engine;
  uint64_t commits = 20;  // at least so many; 0: as the engine does by itself
  std::string preload;    // file counted and settled before the clock starts; "": none
  std::string lines;      // the file
};

Measurement measure(const MeasureOptions& options, int fanout);

}  // namespace quipu::bench
