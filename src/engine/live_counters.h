// What a run tells of itself while it goes on: counters that any thread may read. Each is written
// by the threads it is of, without order between them.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/in_flight.h"

namespace quipu {

// CPU time by what it was spent on, in ns. What the store's own threads take (flushes, compaction)
// is the rest of the process's.
struct CpuSpent {
  std::atomic<uint64_t> read{0}, decode{0}, tally{0}, pane{0};
  std::atomic<uint64_t> cells{0}, records{0}, names{0},
      commit{0};  // of the checkpoint; commit: all else in it
};

// Counters that any thread may read while the run goes on.
struct LiveCounters {
  std::atomic<uint64_t> read{0}, set_aside{0}, duplicate{0}, counted{0}, unplanned{0};
  std::atomic<uint64_t> pending_bytes{
      0};  // panes, new rows, names and dead letters since the last barrier
  std::atomic<uint64_t> hot_bytes{0};  // of all shards' hot tiers
  std::atomic<uint64_t> durable_epoch{0};
  std::atomic<uint64_t> longest_stall_us{0};  // of a shard at a barrier
  InFlight in_flight;
  CpuSpent cpu;
};

// Keeps a shared counter in step with one stage's own figure.
inline void publish(std::atomic<uint64_t>& total, uint64_t& seen, uint64_t now) {
  total.fetch_add(now - seen, std::memory_order_relaxed);
  seen = now;
}

}  // namespace quipu
