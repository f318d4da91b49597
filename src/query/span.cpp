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
  QUIPU_ASSIGN(auto day, last_day_with_counts(view, tenant, counter, now_s));
  if (!day) return std::optional<int64_t>();
  int64_t last = int64_t(*day) * 86400;
  QUIPU_TRY(scan_counter(view, tenant, counter.selector, counter.dimension, *day, *day,
                         [&](DayIndex d, const CellEntry& entry) {
                           for (const SlotCount& s : entry.slots)
                             last = std::max(last, int64_t(d) * 86400 + s.slot * kQuarterS);
                         }));
  return std::optional<int64_t>(last);
}

constexpr int kFirstYear = 1970, kLastYear = 2199;

std::optional<int> year_of(const std::string& text) {
  if (text.size() != 4 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  const int year = std::stoi(text);
  return year >= kFirstYear && year <= kLastYear ? std::optional<int>(year) : std::nullopt;
}

std::string january_of(int year) { return std::to_string(year) + "-01"; }

// Local dates and years as what --in and --from understand: today, yesterday, tomorrow, 2026.
Result<std::string> as_written_date(StoreView& view, TenantId tenant, int calendar,
                                    const std::string& text, int64_t now_s) {
  if (auto year = year_of(text)) return january_of(*year);
  if (text != "today" && text != "yesterday" && text != "tomorrow") return text;
  QUIPU_ASSIGN(auto list, last_buckets(view, tenant, calendar, Interval::day, now_s, 1));
  Bucket day = list.buckets.front();
  if (text != "today") {
    QUIPU_ASSIGN(day, bucket_at(view, tenant, calendar, Interval::day,
                                text == "yesterday" ? day.first_s - 1 : list.end_s));
  }
  return format_instant(day.first_s, day.first_offset_s).substr(0, 10);
}

// Months become years, if they begin and end with them.
Status make_years(Span& span) {
  const std::vector<Bucket>& months = span.list.buckets;
  if (months.empty() || months.front().label % 12 != 0 || months.back().label % 12 != 11) {
    return Error{
        "years begin and end with a year: --from 2024 --to 2026 (exclusive), --in 2025 or --last "
        "2y"};
  }
  span.years = true;
  span.total = false;
  span.interval.reset();
  return {};
}

// The range [from, to) in the question's interval, or in the coarsest that it fits.
Result<Span> span_between(StoreView& view, TenantId tenant, int calendar, const Question& q,
                          int64_t from_s, int64_t to_s) {
  Span span;
  if (q.interval || q.years) {
    QUIPU_ASSIGN(span.list, bucket_range(view, tenant, calendar,
                                         q.interval.value_or(Interval::month), from_s, to_s));
    span.interval = q.interval;
    if (q.years) QUIPU_TRY(make_years(span));
    return span;
  }
  // One bucket that is the whole range answers everything; else the coarsest interval that fits is
  // added up. (A finer one holds the range in one bucket only if the coarsest does.)
  Result<BucketList> list = Error{""};
  for (Interval interval : {Interval::month, Interval::week, Interval::day, Interval::hour}) {
    list = bucket_range(view, tenant, calendar, interval, from_s, to_s);
    if (!list.ok()) continue;
    span.list = std::move(*list);
    span.total = span.list.buckets.size() != 1;
    if (!span.total) span.interval = interval;
    return span;
  }
  return list.error();
}

Result<Span> span_of_year(StoreView& view, TenantId tenant, int calendar, const Question& q,
                          int year) {
  QUIPU_ASSIGN(auto from, parse_bound(view, tenant, calendar, january_of(year)));
  QUIPU_ASSIGN(auto to, parse_bound(view, tenant, calendar, january_of(year + 1)));
  auto span = span_between(view, tenant, calendar, q, from, to);
  if (span.ok()) span->range_text = std::to_string(year);
  return span;
}

Result<Span> span_in(StoreView& view, TenantId tenant, int calendar, const Question& q) {
  Span span;
  if (*q.in == "lifetime") {
    if (q.interval || q.years) return Error{"--in lifetime has no interval"};
    span.range_text = *q.in;
    span.lifetime = true;
    return span;
  }
  if (auto year = year_of(*q.in)) return span_of_year(view, tenant, calendar, q, *year);
  if (q.years) return Error{"--interval year: name a year, as --in 2026"};
  QUIPU_ASSIGN(auto text, as_written_date(view, tenant, calendar, *q.in, q.now_s));
  span.range_text = text;
  QUIPU_ASSIGN(auto named, named_bucket(view, tenant, calendar, text));
  span.interval = q.interval.value_or(named.interval);
  if (*span.interval != named.interval) {
    QUIPU_ASSIGN(span.list, buckets_within(view, tenant, calendar, *q.interval, named));
    return span;
  }
  span.list = one_bucket(calendar, named.interval, named.bucket, named.month);
  return span;
}

// Where a range without an end ends: behind the bucket that holds the present.
Result<int64_t> open_end(StoreView& view, TenantId tenant, int calendar, const Question& q) {
  if (q.years) {
    QUIPU_ASSIGN(auto month, bucket_at(view, tenant, calendar, Interval::month, q.now_s));
    return parse_bound(view, tenant, calendar, january_of(int(month.label / 12) + 1));
  }
  QUIPU_ASSIGN(auto list, last_buckets(view, tenant, calendar, q.interval.value_or(Interval::day),
                                       q.now_s, 1));
  return list.end_s;
}

// An instant as a bound is written; at midnight the date will do.
Result<std::string> bound_text(StoreView& view, TenantId tenant, int calendar, int64_t utc_s) {
  if (utc_s >= kEndEventTimeS) return std::to_string(kLastYear + 1) + "-01-01";
  QUIPU_ASSIGN(auto hour, bucket_at(view, tenant, calendar, Interval::hour, utc_s));
  const std::string text = format_instant(utc_s, hour.first_offset_s);
  return text.substr(11, 8) == "00:00:00" ? text.substr(0, 10) : text.substr(0, 16);
}

Result<Span> span_from_to(StoreView& view, TenantId tenant, int calendar, const Question& q) {
  if (!q.from) return Error{"--to (exclusive) needs a begin: --from"};
  QUIPU_ASSIGN(auto from_text, as_written_date(view, tenant, calendar, *q.from, q.now_s));
  QUIPU_ASSIGN(auto from, parse_bound(view, tenant, calendar, from_text));
  std::string to_text;
  Result<int64_t> to = Error{""};
  if (q.to) {
    QUIPU_ASSIGN(auto text, as_written_date(view, tenant, calendar, *q.to, q.now_s));
    to = parse_bound(view, tenant, calendar, text);
    to_text = *q.to == text || year_of(*q.to) ? *q.to : text;
  } else {
    to = open_end(view, tenant, calendar, q);
    if (to.ok() && *to <= from)
      return Error{"--from " + *q.from + " is in the future; say where the range ends, --to"};
    QUIPU_ASSIGN(to_text, to.ok() ? bound_text(view, tenant, calendar, *to) : to.error());
  }
  if (!to.ok()) return to.error();
  auto span = span_between(view, tenant, calendar, q, from, *to);
  if (!span.ok()) return span;
  span->range_text = (year_of(*q.from) ? *q.from : from_text) + " to " + to_text + " (exclusive)";
  return span;
}

// "7d": a number and h, d, w, m or y.
struct LastUnits {
  size_t number = 0;
  char unit = 0;
};
Result<LastUnits> parse_last(const std::string& text) {
  LastUnits last;
  const size_t digits = text.find_first_not_of("0123456789");
  const bool known = digits != 0 && digits != std::string::npos && digits <= 5 &&
                     digits + 1 == text.size() &&
                     std::string_view("hdwmy").find(text[digits]) != std::string_view::npos;
  if (known) last = {size_t(std::stoul(text)), text[digits]};
  if (!known || last.number == 0 || last.number > kMaxBuckets) {
    return Error{"--last " + text + ": write a number from 1 to " + std::to_string(kMaxBuckets) +
                 " and a unit: 24h (hours), 7d (days), 4w (weeks), 3m (months), 2y (years)"};
  }
  return last;
}

// The last buckets, the one of the present included: together, or by interval.
Result<Span> span_last(StoreView& view, TenantId tenant, int calendar, const Question& q) {
  QUIPU_ASSIGN(auto last, parse_last(*q.last));
  int64_t from_s = 0, to_s = 0;
  std::string unit = "year";
  if (last.unit == 'y') {
    QUIPU_ASSIGN(auto month, bucket_at(view, tenant, calendar, Interval::month, q.now_s));
    const int64_t year = month.label / 12;
    QUIPU_ASSIGN(
        auto from,
        parse_bound(view, tenant, calendar,
                    january_of(std::max(kFirstYear, int(year + 1 - int64_t(last.number))))));
    QUIPU_ASSIGN(auto to, parse_bound(view, tenant, calendar, january_of(int(year + 1))));
    from_s = from, to_s = to;
  } else {
    const Interval interval = last.unit == 'h'   ? Interval::hour
                              : last.unit == 'd' ? Interval::day
                              : last.unit == 'w' ? Interval::week
                                                 : Interval::month;
    QUIPU_ASSIGN(auto list, last_buckets(view, tenant, calendar, interval, q.now_s, last.number));
    from_s = list.buckets.front().first_s, to_s = list.end_s;
    unit = interval_name(interval);
  }
  auto span = span_between(view, tenant, calendar, q, from_s, to_s);
  if (!span.ok()) return span;
  QUIPU_ASSIGN(auto from_text, bound_text(view, tenant, calendar, from_s));
  QUIPU_ASSIGN(auto to_text, bound_text(view, tenant, calendar, to_s));
  span->range_text = "the last " +
                     (last.number == 1 ? unit : std::to_string(last.number) + " " + unit + "s") +
                     ": " + from_text + " to " + to_text + " (exclusive)";
  return span;
}

Result<Span> span_with_counts(StoreView& view, TenantId tenant, int calendar,
                              const Counter& counter, const Question& q) {
  if (q.years) return Error{"--interval year: say which, as --from 2024, --in 2025 or --last 2y"};
  Span span;
  const Interval interval = q.interval.value_or(Interval::day);
  QUIPU_ASSIGN(auto last, last_slot_with_counts(view, tenant, counter, q.now_s));
  QUIPU_ASSIGN(auto list, last_buckets(view, tenant, calendar, interval, last.value_or(q.now_s),
                                       kDefaultBuckets));
  span.list = std::move(list);
  span.interval = interval;
  span.range_text = "the last " + std::to_string(span.list.buckets.size()) + " " +
                    interval_name(interval) + "s with counts";
  return span;
}

// As many buckets as the span has, before it.
Status move_back(StoreView& view, TenantId tenant, int calendar, Span& span) {
  const size_t n = span.list.buckets.size();
  const int64_t first_s = span.list.buckets.front().first_s;
  Result<BucketList> list = Error{""};
  if (first_s > kMinEventTimeS)
    list = last_buckets(view, tenant, calendar, span.list.interval, first_s - 1, n);
  if (!list.ok() || list->buckets.size() != n || list->buckets.back().first_s >= first_s)
    return Error{"--versus previous: there is no period of this length before " + span.range_text};
  span.list = std::move(*list);
  QUIPU_ASSIGN(auto from, bound_text(view, tenant, calendar, span.list.buckets.front().first_s));
  QUIPU_ASSIGN(auto to, bound_text(view, tenant, calendar, first_s));
  span.range_text = from + " to " + to + " (exclusive)";
  return {};
}

}  // namespace

Result<Span> resolve_span(StoreView& view, TenantId tenant, int calendar, const Counter& counter,
                          const Question& q) {
  if (int(bool(q.in)) + int(q.from || q.to) + int(bool(q.last)) > 1)
    return Error{"--in, --last and --from/--to are ways to say one thing; use one of them"};
  auto span = q.in               ? span_in(view, tenant, calendar, q)
              : q.last           ? span_last(view, tenant, calendar, q)
              : (q.from || q.to) ? span_from_to(view, tenant, calendar, q)
                                 : span_with_counts(view, tenant, calendar, counter, q);
  if (!span.ok() || !q.previous) return span;
  if (span->lifetime)
    return Error{"--versus previous: the lifetime has no period before it; name a range"};
  QUIPU_TRY(move_back(view, tenant, calendar, *span));
  return span;
}

Result<int64_t> read_bound(StoreView& view, TenantId tenant, int calendar, const std::string& text,
                           int64_t now_s) {
  QUIPU_ASSIGN(auto date, as_written_date(view, tenant, calendar, text, now_s));
  return parse_bound(view, tenant, calendar, date);
}

}  // namespace quipu
