#include "query/span.h"

#include <algorithm>

#include "query/cell_scan.h"

namespace quipu {
namespace {

// The last UTC day not after `now` on which the counter has an entry.
Result<std::optional<DayIndex>> last_day_with_counts(StoreView& view, TenantId tenant,
                                                     const Counter& counter, int64_t now_s) {
  std::optional<DayIndex> last;
  const DayIndex end = DayIndex(std::clamp<int64_t>(now_s, 0, kEndEventTimeS - 1) / 86400);
  QUIPU_TRY(scan_counter(
      view, tenant, counter.selector, counter.dimension, 0, end,
      [&](DayIndex day, const CellEntry&) { last = last ? std::max(*last, day) : day; }));
  return last;
}

// The latest instant (a slot) not after now with a count.
Result<std::optional<int64_t>> last_slot_with_counts(StoreView& view, TenantId tenant,
                                                     const Counter& counter, int64_t now_s) {
  auto day = last_day_with_counts(view, tenant, counter, now_s);
  if (!day.ok()) return day.error();
  if (!*day) return std::optional<int64_t>();
  int64_t last = int64_t(**day) * 86400;
  QUIPU_TRY(scan_counter(view, tenant, counter.selector, counter.dimension, **day, **day,
                         [&](DayIndex d, const CellEntry& entry) {
                           for (const SlotCount& s : entry.slots)
                             last = std::max(last, int64_t(d) * 86400 + s.slot * kQuarterS);
                         }));
  return std::optional<int64_t>(last);
}

Result<Span> span_in(StoreView& view, TenantId tenant, int calendar, const Question& q) {
  Span span;
  span.range_text = *q.in;
  if (*q.in == "lifetime") {
    if (q.interval) return Error{"--in lifetime has no interval"};
    span.lifetime = true;
    return span;
  }
  auto named = named_bucket(view, tenant, calendar, *q.in);
  if (!named.ok()) return named.error();
  span.interval = q.interval.value_or(named->interval);
  if (*span.interval != named->interval) {
    auto list = buckets_within(view, tenant, calendar, *q.interval, *named);
    if (!list.ok()) return list.error();
    span.list = std::move(*list);
    return span;
  }
  span.list = one_bucket(calendar, named->interval, named->bucket, named->month);
  return span;
}

Result<Span> span_from_to(StoreView& view, TenantId tenant, int calendar, const Question& q) {
  if (!q.from || !q.to) return Error{"--from and --to (exclusive) go together"};
  auto from = parse_bound(view, tenant, calendar, *q.from);
  if (!from.ok()) return from.error();
  auto to = parse_bound(view, tenant, calendar, *q.to);
  if (!to.ok()) return to.error();
  Span span;
  span.range_text = *q.from + " to " + *q.to + " (exclusive)";
  if (q.interval) {
    auto list = bucket_range(view, tenant, calendar, *q.interval, *from, *to);
    if (!list.ok()) return list.error();
    span.list = std::move(*list);
    span.interval = q.interval;
    return span;
  }
  // One bucket that is the whole range answers everything; else the coarsest interval that fits is
  // added up. (A finer one holds the range in one bucket only if the coarsest does.)
  Result<BucketList> list = Error{""};
  for (Interval interval : {Interval::month, Interval::week, Interval::day, Interval::hour}) {
    list = bucket_range(view, tenant, calendar, interval, *from, *to);
    if (!list.ok()) continue;
    span.list = std::move(*list);
    span.total = span.list.buckets.size() != 1;
    if (!span.total) span.interval = interval;
    return span;
  }
  return list.error();
}

}  // namespace

Result<Span> resolve_span(StoreView& view, TenantId tenant, int calendar, const Counter& counter,
                          const Question& q) {
  if (q.in && (q.from || q.to))
    return Error{"--in and --from/--to are two ways to say one thing; use one of them"};
  if (q.in) return span_in(view, tenant, calendar, q);
  if (q.from || q.to) return span_from_to(view, tenant, calendar, q);
  Span span;
  const Interval interval = q.interval.value_or(Interval::day);
  auto last = last_slot_with_counts(view, tenant, counter, q.now_s);
  if (!last.ok()) return last.error();
  auto list =
      last_buckets(view, tenant, calendar, interval, last->value_or(q.now_s), kDefaultBuckets);
  if (!list.ok()) return list.error();
  span.list = std::move(*list);
  span.interval = interval;
  span.range_text = "the last " + std::to_string(span.list.buckets.size()) + " " +
                    interval_name(interval) + "s with counts";
  return span;
}

}  // namespace quipu
