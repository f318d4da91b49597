// What the tally makes of a MonthTable: which other months' records an event's buckets reach into,
// and the buckets of a slot as ranges in each of those records. One thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/fault.h"
#include "tally/compare.h"
#include "time/month_table.h"

namespace quipu {

// The months an event's buckets may lie in, relative to its own.
inline constexpr uint32_t kOwn = kMonthsAround, kSides = kMonthsOfTable;
constexpr MonthIndex month_at(MonthIndex month, uint32_t side) {
  return MonthIndex(month + side - kOwn);
}

// The sides whose records are concerned, as a set of bits; the own one among them.
inline uint8_t reach_of(const MonthTable& table, Slot slot) {
  constexpr uint8_t kBefore = (1 << kOwn) - 1, kBehind = uint8_t(~kBefore) & ~(1 << kOwn);
  uint8_t reach = table.reach(slot);
  if (planted(Planted::ignore_previous_month)) reach &= uint8_t(~kBefore);
  if (planted(Planted::ignore_next_month)) reach &= uint8_t(~kBehind);
  return reach;
}

// Calls f(side) for the own month, which is looked at first, and then for the others.
template <typename F>
void for_each_side(uint8_t reach, const F& f) {
  f(kOwn);
  for (uint32_t rest = reach & ~(1u << kOwn); rest != 0; rest &= rest - 1)
    f(uint32_t(std::countr_zero(rest)));
}

// The buckets of a slot: what every event of one hour shares.
struct SlotBuckets {
  uint64_t table = 0;  // its serial number
  Slot slot = 0;
  std::array<BucketParts, kSides> parts;  // in the month of that side
  std::array<uint64_t, kSides> frames{};  // that have a part there, as a set

  void fill(const MonthTable& of, Slot at, uint8_t reach) {
    table = of.serial();
    slot = at;
    frames = {};
    for (BucketParts& p : parts) p.frames = 0;
    for (int f = 0; f < of.frames(); ++f) {
      const Bucket bucket = of.bucket(f, at);
      for (int p = 0; p < bucket.pieces; ++p) {
        const SlotRange& range = bucket.ranges[size_t(p)];
        const uint32_t side = uint32_t(range.month + int(kOwn));
        if (!(reach >> side & 1)) continue;
        parts[side].add(uint32_t(f), range.begin, range.end);
        frames[side] |= uint64_t(1) << f;
      }
    }
  }
};

}  // namespace quipu
