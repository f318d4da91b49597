// The pane: an append-only log of the events that one shard has tallied since the last barrier.
// The shard's thread appends; at the barrier the whole pane moves to the checkpoint writer's thread.
// It holds pointers to CompiledMetric and MonthTable, which outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "event/event.h"

namespace quipu {

class Pane {
 public:
  Pane() = default;
  Pane(Pane&&) = default;
  Pane& operator=(Pane&&) = default;

  // One row of a counted event. first: month->frames() bitmaps of metric->blocks words, then one of
  // first-ever if metric->has_lifetime (see TallyResult).
  void add(const EventBatch& batch, const Event& event, uint32_t row, const uint64_t* first);

  size_t bytes() const;    // memory held
  uint64_t rows() const;
  bool empty() const { return rows() == 0; }

  struct Entry;            // layout in pane.cpp / group_by.cpp
 private:
  friend class PaneReader;
  std::vector<uint64_t> log_;
  uint64_t rows_ = 0;
};

}  // namespace quipu
