#include "time/month_table.h"

#include <algorithm>
#include <atomic>

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
constexpr int64_t kFirstMonthLabel = 1970 * 12;

constexpr int64_t days_in(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29
                                                                             : kDays[month - 1];
}

// First days of the months from two before 1970 to the second after 2199, in days since 1970.
constexpr int kMonthsBefore = 2;
constexpr auto kMonthBegins = [] {
  std::array<int32_t, kMonthsBefore + kMonths + 2> begins{-61, -31};
  for (int m = 0; m <= kMonths; ++m) {
    const size_t at = size_t(m + kMonthsBefore);
    begins[at + 1] = begins[at] + int32_t(days_in(1970 + m / 12, m % 12 + 1));
  }
  return begins;
}();
constexpr int32_t begin_day(int month) { return kMonthBegins[size_t(month + kMonthsBefore)]; }
static_assert(begin_day(0) == 0 && begin_day(kMonths) * kDayS == kEndEventTimeS);

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
int64_t ceil_div(int64_t a, int64_t b) { return -floor_div(-a, b); }

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

}  // namespace

int64_t month_begin_s(MonthIndex month) {
  CHECK(month <= kMonths);
  return begin_day(month) * kDayS;
}

MonthIndex month_of(int64_t utc_s) {
  CHECK(utc_s >= kMinEventTimeS && utc_s < kEndEventTimeS);
  const int32_t day = int32_t(utc_s / kDayS);
  // 400 years have 146097 days; months being uneven, the quotient may be one too early.
  int month = std::min(int(day * 4800 / 146097) + 1, kMonths - 1);
  while (begin_day(month) > day) --month;
  return MonthIndex(month);
}

// What tells a bucket from others of its frame: the local hour, day, first day of the week, or
// month since 1970.
struct MonthTable::LocalBucket {
  int64_t number;
  int64_t begin_s, end_s;  // by the local clock, since 1970
};

MonthTable::LocalBucket MonthTable::local_bucket(Interval interval, WeekStart week_start,
                                                 int64_t local_s) const {
  const int64_t day = floor_div(local_s, kDayS);
  switch (interval) {
    case Interval::hour: {
      const int64_t hour = floor_div(local_s, kHourS);
      return {hour, hour * kHourS, (hour + 1) * kHourS};
    }
    case Interval::day:
      return {day, day * kDayS, (day + 1) * kDayS};
    case Interval::week: {
      const int64_t since = day + 3 - int64_t(week_start);  // 1970-01-01 was a Thursday
      const int64_t first = day - (since - floor_div(since, 7) * 7);
      return {first, first * kDayS, (first + 7) * kDayS};
    }
    case Interval::month: {
      // By the local clock it is this UTC month or one beside it.
      const int month = month_ - (day < begin_day(month_)) + (day >= begin_day(month_ + 1));
      return {month, begin_day(month) * kDayS, begin_day(month + 1) * kDayS};
    }
  }
  CHECK(false);
}

Bucket MonthTable::cut_by_local_time(const Cut& cut, Interval interval, Slot slot) const {
  const int64_t month_s = month_begin_s(month_);
  const Segment& own = segment_at(cut, slot);
  const int32_t offset_s = own.offset_s;
  const LocalBucket local =
      local_bucket(interval, cut.week_start, month_s + slot * kQuarterS + offset_s);
  Bucket bucket;
  bucket.label = interval == Interval::hour    ? hour_label(local.number, offset_s)
                 : interval == Interval::month ? kFirstMonthLabel + local.number
                                               : local.number;
  bool begun = false;
  const Segment* s = &segments_[cut.first_segment];
  const Segment* end = &segments_[cut.end_segment];
  // Under any offset it lies within a day of where UTC has it: mostly in one segment.
  if (local.begin_s - kDayS >= month_s + own.begin * kQuarterS &&
      local.end_s + kDayS <= month_s + (&own)[1].begin * kQuarterS) {
    s = &own;
    end = s + 1;
  }
  for (; s != end; ++s) {
    if (interval == Interval::hour && s->offset_s != offset_s) continue;
    const int64_t from_s = std::max(month_s + s->begin * kQuarterS, local.begin_s - s->offset_s);
    const int64_t to_s = std::min(month_s + s[1].begin * kQuarterS, local.end_s - s->offset_s);
    if (from_s >= to_s) continue;
    if (!begun) {
      begun = true;
      bucket.first_s = from_s;
      bucket.first_offset_s = s->offset_s;
    }
    if (month_ + s->month < 0) continue;
    // A part may hold no begin of a quarter-hour under odd offsets.
    const int64_t part_s = begin_day(month_ + s->month) * kDayS;
    const int64_t from = ceil_div(from_s - part_s, kQuarterS),
                  to = ceil_div(to_s - part_s, kQuarterS);
    if (from < to) add_range(bucket, int8_t(s->month), from, to);
  }
  return bucket;
}

// As a calendar sees it that has it whole.
Bucket MonthTable::utc_hour(const Cut& cut, Slot slot) const {
  const Slot first = Slot(slot - slot % 4);
  Bucket bucket;
  bucket.first_s = month_begin_s(month_) + first * kQuarterS;
  bucket.label = hour_label(bucket.first_s / kHourS, 0);
  bucket.first_offset_s = segment_at(cut, first).offset_s;
  add_range(bucket, 0, first, first + 4);
  return bucket;
}

uint32_t MonthTable::frame_tag(int frame) const {
  if (is_utc_hours(frame)) return kWholeHourTag;
  if (frame < hour_frames_) return kHourTag + lowest_[size_t(frame)];
  const int of_calendar = frame - hour_frames_;
  return kDayTag + kTagStep * uint32_t(of_calendar % 3) + uint32_t(of_calendar / 3);
}

Bucket MonthTable::bucket(int calendar, Interval interval, Slot slot) const {
  const Cut& cut = cuts_[size_t(calendar)];
  return interval == Interval::hour && is_utc_hours(cut.hour_frame)
             ? utc_hour(cut, slot)
             : cut_by_local_time(cut, interval, slot);
}

Bucket MonthTable::bucket(int frame, Slot slot) const {
  if (frame < hour_frames_) return bucket(lowest_[size_t(frame)], Interval::hour, slot);
  const int of_calendar = frame - hour_frames_;
  return bucket(of_calendar / 3, Interval(1 + of_calendar % 3), slot);
}

int64_t MonthTable::label(int frame, Slot slot) const {
  const int64_t at_s = month_begin_s(month_) + slot * kQuarterS;
  if (is_utc_hours(frame)) return hour_label(at_s / kHourS, 0);
  if (frame < hour_frames_) {
    const int32_t offset_s = segment_at(cuts_[lowest_[size_t(frame)]], slot).offset_s;
    return hour_label(floor_div(at_s + offset_s, kHourS), offset_s);
  }
  const int of_calendar = frame - hour_frames_;
  const Interval interval = Interval(1 + of_calendar % 3);
  const Cut& cut = cuts_[size_t(of_calendar / 3)];
  const int64_t number =
      local_bucket(interval, cut.week_start, at_s + segment_at(cut, slot).offset_s).number;
  return interval == Interval::month ? kFirstMonthLabel + number : number;
}

std::vector<Bucket> MonthTable::buckets(int calendar, Interval interval) const {
  std::vector<Bucket> all;
  const int slots = slots_in(month_);
  for (int slot = 0; slot < slots;) {
    Bucket here = bucket(calendar, interval, Slot(slot));
    const auto range = std::find_if(
        here.ranges.begin(), here.ranges.begin() + here.pieces,
        [&](const SlotRange& r) { return r.month == 0 && r.begin <= slot && slot < r.end; });
    const auto first = std::find_if(here.ranges.begin(), here.ranges.begin() + here.pieces,
                                    [](const SlotRange& r) { return r.month == 0; });
    slot = range->end;
    if (range == first) all.push_back(here);  // else it was met before
  }
  return all;
}

std::vector<Bucket> MonthTable::buckets(int frame) const {
  if (frame < hour_frames_) return buckets(lowest_[size_t(frame)], Interval::hour);
  const int of_calendar = frame - hour_frames_;
  return buckets(of_calendar / 3, Interval(1 + of_calendar % 3));
}

bool MonthTable::is_odd(Slot slot) const {
  return std::any_of(cuts_.begin(), cuts_.begin() + calendars_, [&](const Cut& cut) {
    return segment_at(cut, slot).offset_s % kQuarterS != 0;
  });
}

size_t MonthTable::bytes() const {
  return sizeof *this + segments_.capacity() * sizeof(Segment) +
         reaches_.capacity() * sizeof(Reach);
}

void MonthTable::add_calendar(const CalendarRules& calendar) {
  Cut& cut = cuts_[calendars_++];
  cut.first_segment = uint16_t(segments_.size());
  cut.week_start = calendar.calendar.week_start;
  const int32_t month_day = begin_day(month_);
  const auto quarters = [&](int64_t utc_s) { return int32_t(utc_s / kQuarterS) - month_day * 96; };
  int32_t end = 0;
  for (int month = -kMonthsAround; month <= kMonthsAround && month_ + month < kMonths; ++month) {
    const ZoneRules& rules = *calendar.rules[size_t(kMonthsAround + std::max(month, -int(month_)))];
    const int64_t begin_s = begin_day(month_ + month) * kDayS;
    const int64_t end_s = begin_day(month_ + month + 1) * kDayS;
    if (month == 0) cut.own_segment = uint16_t(segments_.size());
    segments_.push_back({quarters(begin_s), rules.offset_at(begin_s), month});
    auto next = std::upper_bound(rules.transitions.begin(), rules.transitions.end(), begin_s,
                                 [](int64_t t, const ZoneTransition& x) { return t < x.utc_s; });
    for (; next != rules.transitions.end() && next->utc_s < end_s; ++next)
      segments_.push_back({quarters(next->utc_s), next->offset_s, month});
    end = quarters(end_s);
  }
  cut.end_segment = uint16_t(segments_.size());
  segments_.push_back({end, 0, 0});
}

// Calendars whose offsets are whole hours all month share the UTC hours, those of one zone share
// one grid; also finds the grain.
void MonthTable::add_hour_frames(std::span<const CalendarRules> calendars) {
  for (int c = 0; c < calendars_; ++c) {
    Cut& cut = cuts_[size_t(c)];
    bool whole_hours = true, half_hours = true;
    for (size_t i = cut.own_segment; segments_[i].begin < slots_in(month_); ++i) {
      const Segment& s = segments_[i];
      whole_hours = whole_hours && s.offset_s % kHourS == 0 && s.begin % 4 == 0;
      half_hours = half_hours && s.offset_s % (kHourS / 2) == 0 && s.begin % 2 == 0;
      has_odd_ = has_odd_ || s.offset_s % kQuarterS != 0;
    }
    const int grain = whole_hours ? kWholeHourGrain : half_hours ? kHalfHourGrain : 1;
    grain_ = std::min(grain_, uint8_t(grain));
    int lowest = 0;
    while (calendars[size_t(lowest)].calendar.zone != calendars[size_t(c)].calendar.zone) ++lowest;
    if (planted(Planted::hour_rounding) || whole_hours) {
      if (utc_hours_ >= 0) {
        cut.hour_frame = uint8_t(utc_hours_);
        continue;
      }
      utc_hours_ = int8_t(hour_frames_);
    } else if (lowest < c) {
      cut.hour_frame = cuts_[size_t(lowest)].hour_frame;
      continue;
    }
    lowest_[hour_frames_] = uint8_t(c);
    cut.hour_frame = hour_frames_++;
  }
}

// Hours lie in days, days in weeks and in months: so weeks and months reach furthest.
void MonthTable::find_reaches() {
  std::array<uint8_t, 31 * 96> months;
  const int slots = slots_in(month_);
  std::fill_n(months.begin(), slots, uint8_t(1 << kMonthsAround));
  for (int c = 0; c < calendars_; ++c) {
    for (Interval interval : {Interval::week, Interval::month}) {
      for (const Bucket& bucket : buckets(c, interval)) {
        uint8_t reached = 0;
        for (int p = 0; p < bucket.pieces; ++p)
          reached |= uint8_t(1 << (kMonthsAround + bucket.ranges[size_t(p)].month));
        for (int p = 0; p < bucket.pieces; ++p) {
          const SlotRange& range = bucket.ranges[size_t(p)];
          if (range.month != 0) continue;
          for (Slot s = range.begin; s < range.end; ++s) months[s] |= reached;
        }
      }
    }
  }
  for (int s = 0; s < slots; ++s)
    if (s == 0 || months[size_t(s)] != months[size_t(s) - 1])
      reaches_.push_back({Slot(s), months[size_t(s)]});
}

std::shared_ptr<const MonthTable> MonthTable::build(MonthIndex month,
                                                    std::span<const CalendarRules> calendars) {
  CHECK(month < kMonths);
  CHECK(!calendars.empty() && calendars.size() <= size_t(kMaxCalendars));
  static std::atomic<uint64_t> built{0};
  auto table = std::make_shared<MonthTable>();
  table->month_ = month;
  table->serial_ = built.fetch_add(1, std::memory_order_relaxed) + 1;
  table->segments_.reserve(calendars.size() * (kMonthsOfTable + 2));
  for (const CalendarRules& calendar : calendars) table->add_calendar(calendar);
  table->add_hour_frames(calendars);
  table->find_reaches();
  table->segments_.shrink_to_fit();
  table->reaches_.shrink_to_fit();
  return table;
}

}  // namespace quipu
