#include "query/metric_totals.h"

#include <algorithm>

#include "query/cell_scan.h"

namespace quipu {
namespace {

constexpr size_t kBytesOfCounter = 128;  // beside its days
constexpr DayIndex kEndDay = DayIndex(kEndEventTimeS / 86400);

}  // namespace

MetricTotals::Total MetricTotals::total_of(const Days& days) {
  Total total;
  for (const auto& [day, count] : days) total.count += count;
  if (!days.empty()) {
    total.first = days.front().first;
    total.last = days.back().first;
  }
  return total;
}

Result<MetricTotals::Days> MetricTotals::read(StoreView& view, const Counter& counter,
                                              DayIndex first, DayIndex last) {
  const auto [tenant, selector, dimension] = counter;
  Days days;
  QUIPU_TRY(scan_counter(view, tenant, selector, dimension, first, last,
                         [&](DayIndex day, const CellEntry& cell) {
                           if (days.empty() || days.back().first != day) days.emplace_back(day, 0);
                           for (const SlotCount& s : cell.slots) days.back().second += s.count;
                         }));
  return days;
}

Result<bool> MetricTotals::renew(StoreView& view, const Counter& counter, Kept& kept) const {
  const uint64_t checkpoint = view.snapshot().state().checkpoint;
  if (checkpoint == kept.checkpoint) return true;
  const auto changed = store_->changed_cells(kept.checkpoint, checkpoint);
  if (!changed) return false;
  const CellPlace first{std::get<0>(counter), std::get<1>(counter), 0};
  for (auto place = std::lower_bound(changed->begin(), changed->end(), first);
       place != changed->end() && place->tenant == first.tenant &&
       place->selector == first.selector;
       ++place) {
    if (place->day > kEndDay) continue;  // of the lifetime
    QUIPU_ASSIGN(const Days now, read(view, counter, place->day, place->day));
    if (now.empty()) continue;  // of other counters
    const auto at =
        std::lower_bound(kept.days.begin(), kept.days.end(), std::pair(place->day, uint64_t(0)));
    if (at != kept.days.end() && at->first == place->day)
      at->second = now[0].second;
    else
      kept.days.insert(at, now[0]);
  }
  kept.checkpoint = checkpoint;
  return true;
}

Result<MetricTotals::Total> MetricTotals::total(StoreView& view, TenantId tenant,
                                                SelectorId selector, DimensionId dimension) {
  const Counter counter{tenant, selector, dimension};
  const auto found = kept_.find(counter);
  if (found != kept_.end()) {
    const size_t before = found->second.days.size();
    const auto renewed = renew(view, counter, found->second);
    bytes_ += (found->second.days.size() - before) * sizeof(Days::value_type);
    if (!renewed.ok()) return renewed.error();
    if (*renewed) return total_of(found->second.days);
  }
  QUIPU_ASSIGN(Days days, read(view, counter, 0, kEndDay));
  const Total total = total_of(days);
  const uint64_t checkpoint = view.snapshot().state().checkpoint;
  if (!store_ || (found != kept_.end() && checkpoint < found->second.checkpoint)) return total;
  if (found != kept_.end()) {
    bytes_ -= kBytesOfCounter + found->second.days.size() * sizeof(Days::value_type);
    kept_.erase(found);
  }
  const size_t bytes = kBytesOfCounter + days.size() * sizeof(Days::value_type);
  if (bytes_ + bytes > kMaxTotalsBytes) {
    kept_.clear();
    bytes_ = 0;
  }
  bytes_ += bytes;
  kept_[counter] = {checkpoint, std::move(days)};
  return total;
}

}  // namespace quipu
