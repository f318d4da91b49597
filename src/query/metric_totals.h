// What counters came to, day by day, kept from one checkpoint to the next: only days that were
// written since are read again, so that asking what there is costs no more the longer it was
// counted. One thread; views of one store, whose checkpoints rise (an older one is read in full).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "query/view.h"
#include "store/store.h"

namespace quipu {

// Of all days of all counters; then all are forgotten, and read again.
inline constexpr size_t kMaxTotalsBytes = size_t(16) << 20;

class MetricTotals {
 public:
  struct Total {
    uint64_t count = 0;
    std::optional<DayIndex> first, last;  // none: it has no cells
  };
  // The store outlives it. nullptr: nothing is kept.
  explicit MetricTotals(const Store* store) : store_(store) {}
  // Of a counter's cells of all days.
  Result<Total> total(StoreView& view, TenantId tenant, SelectorId selector, DimensionId dimension);

 private:
  using Counter = std::tuple<TenantId, SelectorId, DimensionId>;
  using Days = std::vector<std::pair<DayIndex, uint64_t>>;  // rising
  struct Kept {
    uint64_t checkpoint = 0;
    Days days;
  };
  static Total total_of(const Days& days);
  static Result<Days> read(StoreView& view, const Counter& counter, DayIndex first, DayIndex last);
  // Brings it to the view's checkpoint. False: not all that changed is known.
  Result<bool> renew(StoreView& view, const Counter& counter, Kept& kept) const;

  const Store* const store_;
  std::map<Counter, Kept> kept_;
  size_t bytes_ = 0;
};

}  // namespace quipu
