// The newest rows of a few heavy months, beside their words: most of what a heavy profile does it
// did a moment ago, and rows tell that for all dimensions at once. A cache of what is known to have
// been seen: it may hold anything that was tallied and forget anything. Fixed memory: some 64 rows
// of the plan's columns for each of 64 records. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "tally/month_record.h"
#include "tally/record_key.h"

namespace quipu {

class RecentRows {
 public:
  explicit RecentRows(size_t plan_columns) : columns_(plan_columns), places_(kRecords) {}

  // Valid until the next add().
  MatrixView of(TenantId tenant, const Hash128& profile, MonthIndex month) const {
    const Place& place = places_[place_of(profile, month)];
    const bool its = place.tenant == tenant && place.profile == profile && place.month == month;
    return {reinterpret_cast<const uint64_t*>(place.lines.data()), all_columns(),
            its ? place.rows : 0, kTileRows, lines()};
  }

  // elements: of the plan's columns; only those in `filled` are read, others are empty.
  void add(TenantId tenant, const Hash128& profile, MonthIndex month, uint64_t meta,
           uint64_t filled, const uint64_t* elements) {
    Place& place = places_[place_of(profile, month)];
    if (place.tenant != tenant || place.profile != profile || place.month != month) {
      place.tenant = tenant;
      place.profile = profile;
      place.month = month;
      place.rows = place.next = 0;
      place.lines.resize(size_t(kRows / kTileRows) * lines());
    }
    Line* line = place.lines.data() + size_t(place.next / kTileRows) * lines();
    const uint32_t lane = place.next % kTileRows;
    line->lanes[lane] = meta;
    for (size_t c = 0; c < columns_; ++c)
      (++line)->lanes[lane] = filled >> c & 1 ? elements[c] : kEmptyElement;
    place.rows = std::max(place.rows, place.next + 1);
    place.next = (place.next + 1) % kRows;
  }

 private:
  static constexpr uint32_t kRows = 64, kRecords = 64;
  struct alignas(64) Line {
    uint64_t lanes[kTileRows];
  };
  struct Place {
    TenantId tenant{};
    Hash128 profile;
    MonthIndex month = kForever;  // nobody's
    uint32_t rows = 0, next = 0;
    std::vector<Line> lines;
  };

  static size_t place_of(const Hash128& profile, MonthIndex month) {
    return mix64(profile.lo + month) % kRecords;
  }
  uint32_t lines() const { return uint32_t(columns_) + 1; }
  uint64_t all_columns() const {
    return columns_ == 64 ? ~uint64_t(0) : (uint64_t(1) << columns_) - 1;
  }

  const size_t columns_;
  std::vector<Place> places_;
};

}  // namespace quipu
