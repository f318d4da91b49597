// What the tally makes of a MonthTable: which neighbour months' records an event's buckets reach
// into, and the buckets of a slot as ranges in each of those records. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/fault.h"
#include "tally/compare.h"
#include "time/month_table.h"

namespace quipu {

// The months an event's buckets may lie in, relative to its own.
enum Side : uint32_t { kPrevious = 0, kOwn = 1, kNext = 2, kSides = 3 };
constexpr MonthIndex month_at(MonthIndex month, uint32_t side) {
  return MonthIndex(month + side - 1);
}

// Which neighbours the buckets of a slot reach into.
class MonthEdges {
 public:
  explicit MonthEdges(const MonthTable& table) : reaches_(size_t(slots_in(table.month())), 0) {
    const MonthIndex month = table.month();
    for (int f = 0; f < table.frames(); ++f) {
      for (const Bucket& bucket : table.buckets(f)) {
        uint8_t reach = 0;
        for (int p = 0; p < bucket.pieces; ++p) {
          if (bucket.ranges[size_t(p)].month < 0 && month > 0) reach |= 1 << kPrevious;
          if (bucket.ranges[size_t(p)].month > 0 && month + 1 < kMonths) reach |= 1 << kNext;
        }
        if (planted(Planted::ignore_previous_month)) reach &= uint8_t(~(1 << kPrevious));
        if (planted(Planted::ignore_next_month)) reach &= uint8_t(~(1 << kNext));
        for (int p = 0; p < bucket.pieces && reach != 0; ++p) {
          const SlotRange& range = bucket.ranges[size_t(p)];
          for (Slot s = range.begin; range.month == 0 && s < range.end; ++s) reaches_[s] |= reach;
        }
      }
    }
  }
  // Bit `side`: the record of that month is concerned.
  uint8_t reach(Slot slot) const { return reaches_[slot] | 1 << kOwn; }

 private:
  std::vector<uint8_t> reaches_;
};

// The buckets of a slot: what every event of one hour shares.
struct SlotBuckets {
  const MonthTable* table = nullptr;
  Slot slot = 0;
  std::array<BucketParts, kSides> parts;  // in the month of that side
  std::array<uint64_t, kSides> frames{};  // that have a part there, as a set

  void fill(const MonthTable& of, Slot at, uint8_t reach) {
    table = &of;
    slot = at;
    frames = {};
    for (BucketParts& p : parts) p.frames = 0;
    for (int f = 0; f < of.frames(); ++f) {
      const Bucket& bucket = of.bucket(f, at);
      for (int p = 0; p < bucket.pieces; ++p) {
        const SlotRange& range = bucket.ranges[size_t(p)];
        const uint32_t side = uint32_t(range.month + 1);
        if (!(reach >> side & 1)) continue;
        parts[side].add(uint32_t(f), range.begin, range.end);
        frames[side] |= uint64_t(1) << f;
      }
    }
  }
};

}  // namespace quipu
