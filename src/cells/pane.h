// The pane: an append-only log of the events that one shard has tallied since the last barrier.
// The shard's thread appends; at the barrier the whole pane moves to the checkpoint writer's thread
// and leaves an empty one behind. It holds pointers to CompiledMetric, which outlive it, and to
// elements that lie elsewhere already, if it is told where. Layout of an entry:
// pane_entry.h.
#pragma once

#include <cstdint>
#include <utility>

#include "base/block_log.h"
#include "event/event.h"

namespace quipu {

class Pane {
 public:
  Pane() = default;
  Pane(Pane&& other) noexcept { swap(other); }
  Pane& operator=(Pane&& other) noexcept {
    Pane taken(std::move(other));
    swap(taken);
    return *this;
  }

  // One row of a counted event. first: month->frames() bitmaps of metric->bitmap_words words, then
  // one of first-ever if metric->has_lifetime (see TallyResult). Rows of one event follow each
  // other, rising. kept: the elements of metric->columns, in order, where they stay as long as the
  // pane is read; nullptr: they are copied from the batch.
  void append_event(const EventBatch& batch, const Event& event, uint32_t row,
                    const uint64_t* first, const uint64_t* kept = nullptr);

  size_t bytes() const {
    return log_.size() * sizeof(uint64_t);
  }  // of the entries; bitmap_words hold up to 1 MiB more
  uint64_t rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }

 private:
  friend class PaneReader;
  bool goes_on(const EventBatch& batch, const Event& event, uint32_t row);
  void swap(Pane& other) noexcept;

  BlockLog<uint64_t> log_;
  uint64_t rows_ = 0;
  // The row last added, if its event has several.
  struct LastRow {
    const EventBatch* batch = nullptr;
    const Event* event = nullptr;
    uint32_t row = 0;
    Hash128 profile;
    uint64_t id = 0;
  };
  LastRow last_;
};

}  // namespace quipu
