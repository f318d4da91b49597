// How long the chunk prefixes of a dimension's rows should be, from how many values it has in a
// pane, and had so far that day and the day before. Remembers for each (day, tenant, selector,
// dimension) a sketch of its values, in a table of bounded size that forgets small ones first; of
// what is not remembered, or was never learnt, the store is asked (group_by.cpp). The store's names
// use it, too, for their rows (store/name_rows.h). Hints only: any length is right. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/huge_array.h"
#include "base/ids.h"
#include "cells/value_sketch.h"
#include "time/month_table.h"

namespace quipu {

class ChunkLengths {
 public:
  static constexpr size_t kMaxEntries = size_t(1) << 18;
  // A row may grow to so many times the values aimed at, by merging, before a pane writes shorter
  // pieces than aimed at.
  static constexpr uint64_t kGrowth = 64;

  explicit ChunkLengths(size_t max_entries = kMaxEntries)
      : max_entries_(max_entries) {}  // a power of two, 1,024 or more

  struct Choice {
    int bits = 0;
    uint64_t values = 0;       // at least so many that day, by estimate
    bool has_changed = false;  // what is to be stored: see sketch()
  };

  // hashes: the first min(ValueSketch::kMost, values) of the pane's `values` distinct value hashes,
  // rising. chunk_values: values aimed at in a row. Never shorter than what was said or learnt for
  // this key before (unless forgotten).
  Choice choose(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension,
                uint64_t values, std::span<const uint64_t> hashes, int chunk_values);
  // What the store holds of a key; from then on, and until it is forgotten, it is known.
  void learn(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension,
             const ValueSketch& stored);
  // What choose() knew of the key. It must not be forgotten: ask right after choose().
  ValueSketch sketch(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension);
  // For a choose() that is near.
  void prefetch(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension) const;
  // Whether this key was learnt, and is not forgotten.
  bool knows(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension);
  // Bits at which so many values fall into rows that have not grown beyond what is let grow by
  // merging.
  static int bits_of_grown(uint64_t values, int chunk_values);

 private:
  struct Entry {
    uint64_t tag = 0;       // hash of the key; 0: free
    ValueSketch sketch;     // its bits: from this day's values
    uint32_t day : 26 = 0;  // or kLastDay
    uint32_t bits : 5 = 0;  // as said: also from the day before
    uint32_t is_learnt : 1 = 0;
  };
  static constexpr uint32_t kLastDay = (uint32_t(1) << 26) - 1;
  static constexpr size_t kWays = 4;

  size_t set_of(uint64_t tag) const { return tag & (table_.size() - 1) & ~(kWays - 1); }
  Entry* find(uint64_t tag);
  Entry& find_or_insert(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension);
  Entry& insert(const Entry& entry);
  void grow();

  size_t max_entries_;
  HugeArray<Entry> table_;
  size_t used_ = 0;
};

}  // namespace quipu
