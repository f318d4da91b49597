#include "query/buckets.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace quipu {
namespace {

constexpr int64_t kDayS = 86400;

int64_t clamp_time(int64_t utc_s) { return std::clamp(utc_s, kMinEventTimeS, kEndEventTimeS - 1); }

int64_t days_of(int year, int month, int day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / std::chrono::month(unsigned(month)) /
                  std::chrono::day(unsigned(day)))
      .time_since_epoch()
      .count();
}

bool valid_date(int year, int month, int day) {
  return (std::chrono::year(year) / std::chrono::month(unsigned(month)) /
          std::chrono::day(unsigned(day)))
             .ok() &&
         year >= 1970 && year <= 2199;
}

int64_t last_instant(const Bucket& bucket, MonthIndex month) {
  int64_t last = bucket.first_s;
  for (int i = 0; i < bucket.pieces; ++i) {
    const SlotRange& r = bucket.ranges[size_t(i)];
    last =
        std::max(last, month_begin_s(MonthIndex(month + r.month)) + int64_t(r.end) * kQuarterS - 1);
  }
  return last;
}

// Visits the calendar's buckets of months [first, last], each label once, by first instant within a
// month.
template <typename Visit>
Status visit_buckets(StoreView& view, TenantId tenant, int calendar, Interval interval,
                     MonthIndex first, MonthIndex last, Visit visit) {
  for (int m = first; m <= last; ++m) {
    QUIPU_ASSIGN(auto table, view.table(tenant, MonthIndex(m)));
    for (const Bucket& bucket : table->buckets(calendar, interval)) {
      if (!visit(bucket, MonthIndex(m))) return {};
    }
  }
  return {};
}

void add_bucket(BucketList& list, const Bucket& bucket, MonthIndex month) {
  const DayIndex first = DayIndex(clamp_time(bucket.first_s) / kDayS);
  const int64_t last_s = last_instant(bucket, month);
  const DayIndex last = DayIndex(clamp_time(last_s) / kDayS);
  list.end_s = list.buckets.empty() ? last_s + 1 : std::max(list.end_s, last_s + 1);
  if (list.buckets.empty()) list.first_day = first, list.last_day = last;
  list.first_day = std::min(list.first_day, first);
  list.last_day = std::max(list.last_day, last);
  list.buckets.push_back(bucket);
}

void finish(BucketList& list) {
  std::sort(list.buckets.begin(), list.buckets.end(),
            [](const Bucket& a, const Bucket& b) { return a.first_s < b.first_s; });
  for (size_t i = 0; i < list.buckets.size(); ++i) list.index_of_label[list.buckets[i].label] = i;
}

Result<NamedBucket> by_label(StoreView& view, TenantId tenant, int calendar, Interval interval,
                             int64_t label, int64_t near_s, const std::string& text) {
  const MonthIndex middle = month_of(clamp_time(near_s));
  const MonthIndex first = middle > 0 ? MonthIndex(middle - 1) : middle;
  const MonthIndex last = middle + 1 < kMonths ? MonthIndex(middle + 1) : middle;
  std::optional<NamedBucket> found;
  QUIPU_TRY(visit_buckets(view, tenant, calendar, interval, first, last,
                          [&](const Bucket& b, MonthIndex month) {
                            if (b.label == label) found = NamedBucket{interval, b, month};
                            return !found;
                          }));
  if (found) return *found;
  return Error{"\"" + text + "\" does not exist in this calendar's zone (its clocks skipped it)"};
}

// A time without offset is read under the rules of the month in which it then lies.
Result<ParsedTime> parse_local_time(StoreView& view, TenantId tenant, int calendar,
                                    const std::string& text) {
  const ParsedTime as_utc = parse_time_text(text, ZoneRules{});
  if (as_utc.error == TimeError::bad) return as_utc;
  const int near = as_utc.error == TimeError::none ? month_of(as_utc.ms / 1000) : 0;
  ParsedTime parsed;
  for (int month :
       {near, near - 1, near + 1, as_utc.error == TimeError::none ? near : kMonths - 1}) {
    if (month < 0 || month >= kMonths) continue;
    QUIPU_ASSIGN(auto rules, view.zone(tenant, calendar, MonthIndex(month)));
    parsed = parse_time_text(text, *rules);
    if (parsed.error == TimeError::none && month_of(parsed.ms / 1000) == month) break;
  }
  return parsed;
}

}  // namespace

std::string interval_name(Interval interval) {
  switch (interval) {
    case Interval::hour:
      return "hour";
    case Interval::day:
      return "day";
    case Interval::week:
      return "week";
    case Interval::month:
      return "month";
  }
  return "";
}

std::optional<Interval> parse_interval(const std::string& text) {
  for (Interval i : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
    if (text == interval_name(i)) return i;
  }
  return std::nullopt;
}

Result<NamedBucket> named_bucket(StoreView& view, TenantId tenant, int calendar,
                                 const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, week = 0, length = 0;
  const int size = int(text.size());
  auto whole = [&] { return length == size; };
  if (std::sscanf(text.c_str(), "%4d-W%2d%n", &year, &week, &length) == 2 && whole() &&
      year >= 1970 && year <= 2199 && week >= 1 && week <= 53) {
    // ISO 8601: week 1 holds 4 January. The calendar's week that holds the ISO week's Thursday.
    const int64_t fourth = days_of(year, 1, 4);
    const int64_t monday = fourth - (fourth + 3) % 7 + int64_t(week - 1) * 7;
    const int64_t thursday = monday + 3;
    const int64_t year_of_thursday = days_of(year + 1, 1, 1) <= thursday ? year + 1 : year;
    if (year_of_thursday != year)
      return Error{"\"" + text + "\": " + std::to_string(year) + " has no week 53"};
    const int start = int(view.calendars(tenant)[size_t(calendar)].week_start);
    const int64_t first = thursday - ((thursday + 3) % 7 - start + 7) % 7;
    return by_label(view, tenant, calendar, Interval::week, first, first * kDayS, text);
  }
  length = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d%n", &year, &month, &length) == 2 && whole() &&
      valid_date(year, month, 1)) {
    return by_label(view, tenant, calendar, Interval::month, int64_t(year) * 12 + month - 1,
                    days_of(year, month, 15) * kDayS, text);
  }
  length = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &length) == 3 && whole() &&
      valid_date(year, month, day)) {
    const int64_t label = days_of(year, month, day);
    return by_label(view, tenant, calendar, Interval::day, label, label * kDayS, text);
  }
  length = 0;
  char sign = 0;
  int offset_hours = 0, offset_minutes = 0;
  int fields = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d%n%c%2d:%2d%n", &year, &month, &day, &hour,
                           &length, &sign, &offset_hours, &offset_minutes, &length);
  if ((fields == 4 || fields == 7) && whole() && valid_date(year, month, day) && hour >= 0 &&
      hour < 24 && (!sign || sign == '+' || sign == '-')) {
    const int64_t local_s = days_of(year, month, day) * kDayS + hour * 3600;
    std::vector<NamedBucket> found;
    const MonthIndex near = month_of(clamp_time(local_s));
    QUIPU_TRY(visit_buckets(
        view, tenant, calendar, Interval::hour, near > 0 ? MonthIndex(near - 1) : near,
        near + 1 < kMonths ? MonthIndex(near + 1) : near, [&](const Bucket& b, MonthIndex month) {
          const int64_t local = b.first_s + b.first_offset_s;
          const bool same_hour = local >= local_s && local < local_s + 3600;
          const int offset = (sign == '-' ? -1 : 1) * (offset_hours * 3600 + offset_minutes * 60);
          const bool known = std::any_of(found.begin(), found.end(), [&](const NamedBucket& f) {
            return f.bucket.label == b.label;
          });
          if (same_hour && !known && (fields == 4 || offset == b.first_offset_s))
            found.push_back({Interval::hour, b, month});
          return true;
        }));
    if (found.size() == 1) return found[0];
    if (found.empty())
      return Error{"the hour \"" + text + "\" does not exist in this calendar's zone"};
    std::string both;
    for (const NamedBucket& f : found)
      both += (both.empty() ? "" : " or ") + text +
              format_instant(f.bucket.first_s, f.bucket.first_offset_s).substr(19);
    return Error{"the hour \"" + text + "\" happens twice in this calendar's zone; say " + both};
  }
  return Error{"\"" + text +
               "\" is no year (2026), month (2026-03), week (2026-W10), day (2026-03-05, today, "
               "yesterday) or "
               "hour (2026-03-05T14)"};
}

Result<int64_t> parse_bound(StoreView& view, TenantId tenant, int calendar,
                            const std::string& text) {
  if (text == "2200-01-01" || text == "2200-01") return kEndEventTimeS;
  // What names a bucket (as --in does) is its begin; a time has minutes.
  const bool hour = text.size() >= 13 && text[10] == 'T' &&
                    (text.size() == 13 || text[13] == '+' || text[13] == '-');
  if (text.size() == 7 || text.size() == 8 || text.size() == 10 || hour) {
    QUIPU_ASSIGN(auto named, named_bucket(view, tenant, calendar, text));
    return named.bucket.first_s;
  }
  QUIPU_ASSIGN(auto read, parse_local_time(view, tenant, calendar, text));
  const ParsedTime& parsed = read;
  if (parsed.error != TimeError::none) {
    return Error{"\"" + text +
                 "\" is no date (2026-03-05) or time (2026-03-05T14:00, with an offset or in the "
                 "calendar's zone): " +
                 parsed.hint};
  }
  if (parsed.ms % 1000 != 0) return Error{"\"" + text + "\": bounds are whole seconds"};
  return parsed.ms / 1000;
}

Result<BucketList> bucket_range(StoreView& view, TenantId tenant, int calendar, Interval interval,
                                int64_t from_s, int64_t to_s) {
  if (from_s >= to_s)
    return Error{"the range is empty: its end (exclusive) is not after its begin"};
  for (int64_t edge : {from_s, to_s}) {
    if (edge >= kEndEventTimeS) continue;
    QUIPU_ASSIGN(auto bucket, bucket_at(view, tenant, calendar, interval, edge));
    if (bucket.first_s != edge) {
      return Error{format_instant(edge, bucket.first_offset_s) + " is inside the " +
                   interval_name(interval) + " that begins at " +
                   format_instant(bucket.first_s, bucket.first_offset_s) +
                   "; a range must begin and end where " +
                   (interval == Interval::hour ? "an " : "a ") + interval_name(interval) +
                   " does, or have a finer --interval"};
    }
  }
  BucketList list;
  list.calendar = calendar;
  list.interval = interval;
  const MonthIndex first = month_of(clamp_time(from_s - 2 * kDayS));
  const MonthIndex last = month_of(clamp_time(to_s + 2 * kDayS));
  std::unordered_map<int64_t, bool> seen;
  bool too_many = false;
  QUIPU_TRY(visit_buckets(
      view, tenant, calendar, interval, first, last, [&](const Bucket& b, MonthIndex m) {
        if (b.first_s < from_s || b.first_s >= to_s || !seen.emplace(b.label, true).second)
          return true;
        add_bucket(list, b, m);
        too_many = list.buckets.size() > kMaxBuckets;
        return !too_many;
      }));
  if (too_many) {
    return Error{"the range has more than " + std::to_string(kMaxBuckets) + " " +
                 interval_name(interval) +
                 " buckets; ask for a shorter one or a longer --interval"};
  }
  finish(list);
  return list;
}

Result<BucketList> buckets_within(StoreView& view, TenantId tenant, int calendar, Interval interval,
                                  const NamedBucket& named) {
  const int64_t from = named.bucket.first_s;
  const int64_t longest = 40 * kDayS;
  if (interval >= named.interval ||
      (interval == Interval::week && named.interval == Interval::month)) {
    int64_t to = from;
    while (to < from + longest && to < kEndEventTimeS) {
      QUIPU_ASSIGN(auto at, bucket_at(view, tenant, calendar, named.interval, to));
      if (at.label != named.bucket.label) break;
      to += kQuarterS;
    }
    return bucket_range(view, tenant, calendar, interval, from, to);
  }
  // By label, for a day need not be one piece of time.
  BucketList list;
  list.calendar = calendar;
  list.interval = interval;
  std::unordered_map<int64_t, bool> seen;
  Status inner;
  QUIPU_TRY(visit_buckets(view, tenant, calendar, interval, month_of(clamp_time(from)),
                          month_of(clamp_time(from + longest)), [&](const Bucket& b, MonthIndex m) {
                            auto of = bucket_at(view, tenant, calendar, named.interval, b.first_s);
                            if (!of.ok()) inner = of.error();
                            if (inner.ok() && of->label == named.bucket.label &&
                                seen.emplace(b.label, true).second)
                              add_bucket(list, b, m);
                            return inner.ok();
                          }));
  QUIPU_TRY(inner);
  finish(list);
  return list;
}

Result<Bucket> bucket_at(StoreView& view, TenantId tenant, int calendar, Interval interval,
                         int64_t utc_s) {
  const int64_t t = clamp_time(utc_s);
  QUIPU_ASSIGN(auto table, view.table(tenant, month_of(t)));
  return table->bucket(calendar, interval, slot_of(table->month(), t));
}

Result<BucketList> last_buckets(StoreView& view, TenantId tenant, int calendar, Interval interval,
                                int64_t utc_s, size_t n) {
  QUIPU_ASSIGN(auto last, bucket_at(view, tenant, calendar, interval, utc_s));
  // Walk back bucket by bucket: the one before is the one that holds the instant before its first.
  int64_t from = last.first_s;
  for (size_t i = 1; i < n && from > kMinEventTimeS; ++i) {
    QUIPU_ASSIGN(auto before, bucket_at(view, tenant, calendar, interval, from - 1));
    from = std::min(before.first_s, from - 1);
  }
  BucketList list;
  list.calendar = calendar;
  list.interval = interval;
  std::unordered_map<int64_t, bool> seen;
  QUIPU_TRY(visit_buckets(view, tenant, calendar, interval, month_of(clamp_time(from)),
                          month_of(clamp_time(utc_s)), [&](const Bucket& b, MonthIndex m) {
                            if (b.first_s >= from && b.first_s <= last.first_s &&
                                seen.emplace(b.label, true).second)
                              add_bucket(list, b, m);
                            return true;
                          }));
  finish(list);
  return list;
}

BucketList one_bucket(int calendar, Interval interval, const Bucket& bucket, MonthIndex month) {
  BucketList list;
  list.calendar = calendar;
  list.interval = interval;
  add_bucket(list, bucket, month);
  finish(list);
  return list;
}

}  // namespace quipu
