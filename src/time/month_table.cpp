#include "time/month_table.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_map>

#include "base/check.h"
#include "base/fault.h"

namespace quipu {
namespace {

constexpr int64_t kHourS = 3600;
constexpr int64_t kDayS = 86400;
constexpr int kWholeHourGrain = 4, kHalfHourGrain = 2;  // in quarter-hours
constexpr uint32_t kWholeHourTag = 1, kHourTag = 0x100,
                   kDayTag = 0x200;  // and 0x300 weeks, 0x400 months
constexpr uint32_t kTagStep = 0x100;

constexpr int64_t days_in(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29
                                                                             : kDays[month - 1];
}

// First days of the months, in days since 1970; one more for the end.
constexpr auto kMonthBegins = [] {
  std::array<int32_t, kMonths + 1> begins{};
  for (int m = 0; m < kMonths; ++m)
    begins[size_t(m) + 1] = begins[size_t(m)] + int32_t(days_in(1970 + m / 12, m % 12 + 1));
  return begins;
}();
static_assert(int64_t{kMonthBegins[kMonths]} * kDayS == kEndEventTimeS);

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
int64_t ceil_div(int64_t a, int64_t b) { return -floor_div(-a, b); }

// As month_begin_s, also for the month before 1970.
int64_t begin_of(int month) { return month < 0 ? -31 * kDayS : month_begin_s(MonthIndex(month)); }

// A stretch of instants under one offset.
struct Segment {
  int64_t begin_s, end_s;
  int32_t offset_s;
};

std::vector<Segment> segments(const ZoneRules& rules, int64_t begin_s, int64_t end_s) {
  std::vector<Segment> list = {{begin_s, end_s, rules.offset_at(begin_s)}};
  auto next = std::upper_bound(rules.transitions.begin(), rules.transitions.end(), begin_s,
                               [](int64_t t, const ZoneTransition& x) { return t < x.utc_s; });
  for (; next != rules.transitions.end() && next->utc_s < end_s; ++next) {
    list.back().end_s = next->utc_s;
    list.push_back({next->utc_s, end_s, next->offset_s});
  }
  return list;
}

// One calendar's offsets in the month and its neighbours. In the first month `previous` is what the
// current rules say of December 1969: only the first instants of buckets come from it.
struct CalendarSegments {
  std::array<std::vector<Segment>, 3> of_month;  // before, this, after
  const std::vector<Segment>& current() const { return of_month[1]; }
};

// What tells a bucket from others of its frame: the local hour, day, first day of the week or
// month; for hours with the offset.
struct LocalBucket {
  int64_t number;
  int64_t end_local_s;  // exclusive
};

LocalBucket local_bucket(Interval interval, WeekStart week_start, int64_t local_s) {
  const int64_t day = floor_div(local_s, kDayS);
  switch (interval) {
    case Interval::hour: {
      const int64_t hour = floor_div(local_s, kHourS);
      return {hour, (hour + 1) * kHourS};
    }
    case Interval::day:
      return {day, (day + 1) * kDayS};
    case Interval::week: {
      const int64_t since = day + 3 - int64_t(week_start);  // 1970-01-01 was a Thursday
      const int64_t first = day - (since - floor_div(since, 7) * 7);
      return {first, (first + 7) * kDayS};
    }
    case Interval::month: {
      using namespace std::chrono;
      const year_month_day date{sys_days{days{day}}};
      const year_month next = date.year() / date.month() + months{1};
      return {int(date.year()) * 12 + int64_t(unsigned(date.month())) - 1,
              sys_days{next / 1}.time_since_epoch().count() * kDayS};
    }
  }
  CHECK(false);
}

// Visits the parts of buckets in a segment, in order: visit(key, begin_s, end_s).
template <typename Visit>
void for_each_part(const Segment& segment, Interval interval, WeekStart week_start, Visit visit) {
  for (int64_t at = segment.begin_s; at < segment.end_s;) {
    const LocalBucket bucket = local_bucket(interval, week_start, at + segment.offset_s);
    const int64_t end = std::min(segment.end_s, bucket.end_local_s - segment.offset_s);
    // Offsets are less than a day either way.
    const uint64_t offset = interval == Interval::hour ? uint64_t(segment.offset_s + kDayS) : 0;
    visit(uint64_t(bucket.number) << 18 | offset, at, end);
    at = end;
  }
}

struct Cut {
  std::vector<Bucket> buckets;
  std::vector<uint16_t> of_slot;
};

// Appends a range of quarter-hours; touching ranges become one.
void add_range(Bucket& bucket, int8_t month, int64_t begin, int64_t end) {
  if (bucket.pieces > 0) {
    SlotRange& last = bucket.ranges[bucket.pieces - 1u];
    if (last.month == month && last.end == begin) {
      last.end = Slot(end);
      return;
    }
  }
  CHECK(bucket.pieces < kMaxBucketPieces);
  bucket.ranges[bucket.pieces++] = {month, Slot(begin), Slot(end)};
  bucket.other_months = bucket.other_months || month != 0;
}

Cut cut_by_local_time(MonthIndex month, const CalendarSegments& calendar, Interval interval,
                      WeekStart week_start) {
  Cut cut;
  cut.of_slot.resize(size_t(slots_in(month)));
  std::unordered_map<uint64_t, uint16_t> index;  // by key
  const int64_t begin_s = month_begin_s(month);
  for (const Segment& segment : calendar.current()) {
    for_each_part(segment, interval, week_start, [&](uint64_t key, int64_t from_s, int64_t to_s) {
      // A part may hold no begin of a quarter-hour under odd offsets.
      const int64_t from = ceil_div(from_s - begin_s, kQuarterS),
                    to = ceil_div(to_s - begin_s, kQuarterS);
      if (from == to) return;
      auto [it, fresh] = index.emplace(key, uint16_t(cut.buckets.size()));
      if (fresh) {
        Bucket bucket;
        bucket.label = floor_div(int64_t(key), 1 << 18);
        cut.buckets.push_back(bucket);
      }
      std::fill(cut.of_slot.begin() + from, cut.of_slot.begin() + to, it->second);
    });
  }
  std::vector<bool> begun(cut.buckets.size());
  for (int relative = -1; relative <= 1; ++relative) {
    const int64_t part_begin_s = begin_of(month + relative);
    for (const Segment& segment : calendar.of_month[size_t(relative + 1)]) {
      for_each_part(segment, interval, week_start, [&](uint64_t key, int64_t from_s, int64_t to_s) {
        auto it = index.find(key);
        if (it == index.end()) return;
        Bucket& bucket = cut.buckets[it->second];
        if (!begun[it->second]) {
          begun[it->second] = true;
          bucket.first_s = from_s;
          bucket.first_offset_s = segment.offset_s;
        }
        if (part_begin_s < 0) return;
        const int64_t from = ceil_div(from_s - part_begin_s, kQuarterS),
                      to = ceil_div(to_s - part_begin_s, kQuarterS);
        if (from < to) add_range(bucket, int8_t(relative), from, to);
      });
    }
  }
  if (interval == Interval::hour) {
    for (Bucket& bucket : cut.buckets) {
      bucket.label = begin_of(month + bucket.ranges[0].month) / kQuarterS + bucket.ranges[0].begin;
    }
  }
  return cut;
}

bool on_multiples(const std::vector<Segment>& segments, int64_t of_s) {
  return std::all_of(segments.begin(), segments.end(), [&](const Segment& s) {
    return s.offset_s % of_s == 0 && s.begin_s % of_s == 0;
  });
}

// The UTC hours, as buckets of a calendar that sees them all whole.
Cut cut_by_utc_hours(MonthIndex month, const std::vector<Segment>& segments) {
  Cut cut;
  const int64_t begin_s = month_begin_s(month);
  const int hours = slots_in(month) / 4;
  cut.of_slot.resize(size_t(hours) * 4);
  auto segment = segments.begin();
  for (int hour = 0; hour < hours; ++hour) {
    Bucket bucket;
    bucket.first_s = begin_s + hour * kHourS;
    bucket.label = bucket.first_s / kQuarterS;
    while (segment->end_s <= bucket.first_s) ++segment;
    bucket.first_offset_s = segment->offset_s;
    add_range(bucket, 0, hour * 4, hour * 4 + 4);
    cut.buckets.push_back(bucket);
    std::fill_n(cut.of_slot.begin() + hour * 4, 4, uint16_t(hour));
  }
  return cut;
}

bool same_first_offsets(const std::vector<Bucket>& a, const std::vector<Bucket>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Bucket& x, const Bucket& y) {
    return x.first_offset_s == y.first_offset_s;
  });
}

}  // namespace

int64_t month_begin_s(MonthIndex month) {
  CHECK(month <= kMonths);
  return kMonthBegins[month] * kDayS;
}

MonthIndex month_of(int64_t utc_s) {
  CHECK(utc_s >= kMinEventTimeS && utc_s < kEndEventTimeS);
  const int32_t day = int32_t(utc_s / kDayS);
  // 400 years have 146097 days; months being uneven, the quotient may be one too early.
  int month = std::min(int(day * 4800 / 146097) + 1, kMonths - 1);
  while (kMonthBegins[size_t(month)] > day) --month;
  return MonthIndex(month);
}

std::shared_ptr<const MonthTable> MonthTable::build(MonthIndex month,
                                                    std::span<const CalendarRules> calendars) {
  CHECK(month < kMonths);
  CHECK(!calendars.empty() && calendars.size() <= size_t(kMaxCalendars));
  auto table = std::make_shared<MonthTable>();
  table->month_ = month;
  const int64_t begin_s = month_begin_s(month);
  const size_t slots = size_t(slots_in(month));

  std::vector<CalendarSegments> offsets;
  bool whole_hours = true, half_hours = true;
  for (const CalendarRules& c : calendars) {
    CalendarSegments own;
    const ZoneRules& before = month == 0 ? *c.current : *c.previous;
    own.of_month[0] = segments(before, begin_of(month - 1), begin_s);
    own.of_month[1] = segments(*c.current, begin_s, month_begin_s(MonthIndex(month + 1)));
    if (month + 1 < kMonths)
      own.of_month[2] = segments(*c.next, month_begin_s(MonthIndex(month + 1)),
                                 month_begin_s(MonthIndex(month + 2)));
    whole_hours = whole_hours && on_multiples(own.current(), kHourS);
    half_hours = half_hours && on_multiples(own.current(), kHourS / 2);
    for (const Segment& s : own.current()) {
      if (s.offset_s % kQuarterS == 0) continue;
      table->odd_.resize(slots);
      std::fill(table->odd_.begin() + (s.begin_s - begin_s) / kQuarterS,
                table->odd_.begin() + (s.end_s - begin_s) / kQuarterS, true);
    }
    offsets.push_back(std::move(own));
  }
  table->grain_ = whole_hours ? kWholeHourGrain : half_hours ? kHalfHourGrain : 1;

  auto add_frame = [&](uint32_t tag, Cut cut) {
    table->frames_.push_back({tag, std::move(cut.buckets), std::move(cut.of_slot)});
    return int(table->frames_.size()) - 1;
  };
  std::optional<int> utc_hours;  // the frame that whole-hour calendars share
  table->own_hours_.resize(calendars.size());
  for (size_t c = 0; c < calendars.size(); ++c) {
    const Calendar& calendar = calendars[c].calendar;
    if (planted(Planted::hour_rounding) || on_multiples(offsets[c].current(), kHourS)) {
      Cut cut = cut_by_utc_hours(month, offsets[c].current());
      if (!utc_hours) {
        utc_hours = add_frame(kWholeHourTag, std::move(cut));
      } else if (!same_first_offsets(cut.buckets, table->frames_[size_t(*utc_hours)].buckets)) {
        table->own_hours_[c] = std::move(cut.buckets);
      }
      table->hour_frame_.push_back(*utc_hours);
      continue;
    }
    size_t lowest = 0;
    while (calendars[lowest].calendar.zone != calendar.zone) ++lowest;
    table->hour_frame_.push_back(
        lowest < c
            ? table->hour_frame_[lowest]
            : add_frame(kHourTag + uint32_t(c),
                        cut_by_local_time(month, offsets[c], Interval::hour, calendar.week_start)));
  }
  table->hour_frames_ = int(table->frames_.size());
  for (size_t c = 0; c < calendars.size(); ++c) {
    for (Interval interval : {Interval::day, Interval::week, Interval::month}) {
      const uint32_t tag = kDayTag + kTagStep * (uint32_t(interval) - 1) + uint32_t(c);
      add_frame(tag,
                cut_by_local_time(month, offsets[c], interval, calendars[c].calendar.week_start));
    }
  }
  return table;
}

}  // namespace quipu
