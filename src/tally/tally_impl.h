// The tally's inside, for tally.cpp (what a batch needs in memory) and tally_event.cpp (an event in
// hand). One thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "tally/compare.h"
#include "tally/heavy_months.h"
#include "tally/hot_tier.h"
#include "tally/metric_shape.h"
#include "tally/slot_buckets.h"
#include "tally/tally.h"

namespace quipu {

// Calls f(dimension, frames) for each dimension that is fresh in some frame: in these.
template <typename F>
void each_fresh(const MetricShape& shape, uint32_t frames, const uint64_t* first, const F& f) {
  for (uint32_t b = 0; b < shape.bitmap_words; ++b) {
    uint64_t any = 0;
    for (uint32_t i = 0; i < frames; ++i) any |= first[i * shape.bitmap_words + b];
    for (; any != 0; any &= any - 1) {
      const int bit = std::countr_zero(any);
      uint32_t fresh = 0;
      for (uint32_t i = 0; i < frames; ++i)
        fresh |= uint32_t(first[i * shape.bitmap_words + b] >> bit & 1) << i;
      f(b * 64 + uint32_t(bit), fresh);
    }
  }
}

// Calls f(dimension) for each bit of a bitmap.
template <typename F>
void for_each_bit(const uint64_t* bitmap, uint32_t bitmap_words, const F& f) {
  for (uint32_t b = 0; b < bitmap_words; ++b)
    for (uint64_t rest = bitmap[b]; rest != 0; rest &= rest - 1)
      f(b * 64 + uint32_t(std::countr_zero(rest)));
}

inline bool any_bit(const uint64_t* bitmap, uint32_t bitmap_words) {
  uint64_t any = 0;
  for (uint32_t b = 0; b < bitmap_words; ++b) any |= bitmap[b];
  return any != 0;
}

struct Tally::Impl {
  Impl(const TallyOptions& tally_options, const CompiledPlan& compiled, DurableTier& tier)
      : plan(compiled),
        matrix_rows(std::clamp(tally_options.matrix_rows, 1, int(kMaxMatrixRows))),
        ops(tile_ops(tally_options.variant)),
        hot(tally_options, compiled, tier),
        heavy(compiled.columns.size(), tally_options.memory_bytes / kHeavyShare) {}

  const CompiledPlan& plan;
  const int matrix_rows;
  const TileOps& ops;
  HotTier hot;
  static constexpr size_t kHeavyShare = 2;  // of the hot tier's memory, for tables of heavy months
  HeavyMonths heavy;
  uint64_t memberships = 0, events_waited = 0;

  std::vector<std::unique_ptr<MetricShape>> shapes;  // by CompiledMetric::index

  const MetricShape& shape_of(const CompiledMetric& metric);
  const SlotBuckets& buckets_of(const MonthTable& table, Slot slot, uint8_t reach);

  // Loading: is all that the event may look at in memory?
  struct Key {
    uint64_t hash = 0;
    Hash128 profile;
    bool any = false;   // there is a record to look at: a profile or an id
    uint8_t reach = 0;  // months concerned, if there is a profile
  };
  std::vector<Key> keys, next_keys;  // of the batch's events, and of the next one's
  std::vector<uint32_t> waiting, still_waiting;
  Key key_of(const Event& event);
  bool ready(const EventBatch& batch, uint32_t i);
  bool words_ready(const EventBatch& batch, uint32_t i, Handle profile, bool lifetime);
  Status load(const EventBatch& batch);
  void ask_ahead(const EventBatch& next);
  template <typename F>
  void each_profile(const EventBatch& batch, std::vector<Key>& keys_of_batch, const F& f);

  // The event in hand, and its profile's records.
  struct Record {
    RecordRef* ref = nullptr;  // nullptr: not concerned
    bool has_words = false;
  };
  Handle profile = kNoHandle;
  std::array<Record, kSides> records;
  uint8_t reached = 0;                       // sides of `records`
  bool any_words = false;                    // in any of them
  static constexpr size_t kSlotsKnown = 64;  // direct-mapped by table and slot
  std::array<SlotBuckets, kSlotsKnown> slots_known;
  const SlotBuckets* buckets = nullptr;
  // The row in hand.
  const uint64_t* row_elements = nullptr;
  std::array<uint64_t, kMaxBitmapWords> wanted, hashed;
  std::array<uint64_t, kMaxDimensions> value_hashes;
  std::vector<WordLookup> lookups, others;
  std::vector<const HeavyMonths::Entry*> entries;  // of lookups
  HeavyMonths::Place* heavy_own = nullptr;         // of the own month's record, if it has words

  static constexpr uint32_t kHandles = 16;  // a ring of profiles found ahead
  std::array<Handle, kHandles> found{};
  void prefetch(const EventBatch& batch, size_t i);

  void tally_event(const EventBatch& batch, uint32_t i, TallyResult& result);
  void open_records(const Event& event, uint8_t reach);
  const uint64_t* tally_row(const Event& event, const MetricShape& shape, uint64_t* first);
  uint64_t meta_of(const Event& e) const {
    return row_meta(e.metric->metric, e.slot, plan.version);
  }
  uint64_t filled_of(const MetricShape& shape) const;
  bool look_at_matrices(const MetricShape& shape, uint64_t* first);
  void look_at_words(const Event& e, const MetricShape& shape, uint32_t frames, uint64_t* first);
  void look_at_words_of(uint32_t side, const HeavyMonths::Place* known);
  void fill_heavy(const RecordRef& own);
  const uint64_t* store_row(const Event& event, const MetricShape& shape, const uint64_t* first);
  void tally_lifetime(const MetricShape& shape, uint64_t* first);
  uint64_t value_hash(const MetricShape& shape, uint32_t dimension);
};

}  // namespace quipu
