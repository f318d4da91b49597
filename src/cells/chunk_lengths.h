// How long the chunk prefixes of a dimension's rows should be, from how many values it has in a
// pane, and had so far that day and the day before. Remembers for each (day, tenant, selector,
// dimension) the smallest hashes of its values (a "k minimum values" sketch, Bar-Yossef et al.
// 2002), in a table of bounded size that forgets small ones first. The store's names use it, too,
// for their rows (store/name_rows.h). Hints only: any length is right. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/huge_array.h"
#include "base/ids.h"
#include "time/month_table.h"

namespace quipu {

class ChunkLengths {
 public:
  static constexpr size_t kSmallest = 8;
  static constexpr size_t kMaxEntries = size_t(1) << 18;
  // A row may grow to so many times the values aimed at, by merging, before a pane writes shorter
  // pieces than aimed at.
  static constexpr uint64_t kGrowth = 64;

  explicit ChunkLengths(size_t max_entries = kMaxEntries)
      : max_entries_(max_entries) {}  // a power of two, 1,024 or more

  struct Choice {
    int bits = 0;
    uint64_t values = 0;  // at least so many that day, by estimate
  };

  // hashes: the first min(kSmallest, values) of the pane's `values` distinct value hashes, rising.
  // chunk_values: values aimed at in a row. Never shorter than `least`, and than what was said for
  // this key before (unless forgotten).
  Choice choose(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension,
                uint64_t values, std::span<const uint64_t> hashes, int chunk_values, int least = 0);
  // For a choose() that is near.
  void prefetch(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension) const;
  // Whether something was said for this key, and is not forgotten.
  bool knows(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension);
  // Bits at which so many values fall into rows that have not grown beyond what is let grow by
  // merging.
  static int bits_of_grown(uint64_t values, int chunk_values);

 private:
  struct Entry {
    uint64_t tag = 0;  // hash of the key; 0: free
    DayIndex day = 0;
    uint8_t own_bits = 0;                        // from this day's values
    uint8_t bits = 0;                            // as said: also from the day before
    uint8_t known = 0;                           // of `smallest`
    std::array<uint32_t, kSmallest> smallest{};  // upper halves of hashes, rising, distinct
  };
  static constexpr size_t kWays = 4;

  size_t set_of(uint64_t tag) const { return tag & (table_.size() - 1) & ~(kWays - 1); }
  Entry* find(uint64_t tag);
  Entry& insert(const Entry& entry);
  void grow();

  const size_t max_entries_;
  HugeArray<Entry> table_;
  size_t used_ = 0;
};

}  // namespace quipu
