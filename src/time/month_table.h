// The buckets of one UTC month for one set of calendars, and the grain of its slots.
// A slot is a number of quarter-hours since the month began in UTC, rounded down to the grain.
// A frame is a way of cutting time into buckets: hour grids first, then day, week and month of each
// calendar (decisions 23, 24). A bucket of a frame is given as ranges of slots in this month and in
// up to two months either way, each month judged by its own rules; its label follows from this
// month's rules alone.
// A table holds the offsets in force, and works a bucket out when it is asked for: some 60 bytes a
// calendar and 200 more. Immutable after build(); any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "time/zone.h"

namespace quipu {

using MonthIndex = uint16_t;  // months since 1970-01
using Slot = uint16_t;        // quarter-hours since the UTC month began: 0 .. 2975
inline constexpr MonthIndex kMonths = 230 * 12;
inline constexpr int kMaxCalendars = 8;  // of a tenant
inline constexpr int kMaxFrames = 4 * kMaxCalendars;
// A zone changes its offset three times at most within a month (ZoneRules::fault), so a bucket has
// at most four pieces in each of three months.
inline constexpr int kMaxBucketPieces = 12;
// Offsets are less than a day either way, so a local month may begin and end in the UTC months
// beside its own, and an event at its end has to know of its begin two months before.
inline constexpr int kMonthsAround = 2;
inline constexpr int kMonthsOfTable = 2 * kMonthsAround + 1;

// Days since 1970-01-01 in UTC, used in cell keys. 2199-12-31 is 84005, beyond 16 bits.
using DayIndex = uint32_t;

int64_t month_begin_s(MonthIndex month);  // month <= kMonths
MonthIndex month_of(int64_t utc_s);       // of an instant in [1970, 2200), else a bug
inline Slot slot_of(MonthIndex month, int64_t utc_s) {
  return Slot((utc_s - month_begin_s(month)) / kQuarterS);
}
inline int slots_in(MonthIndex month) {
  return int((month_begin_s(MonthIndex(month + 1)) - month_begin_s(month)) / kQuarterS);
}

enum class WeekStart : uint8_t {
  monday = 0,
  tuesday,
  wednesday,
  thursday,
  friday,
  saturday,
  sunday
};

struct Calendar {
  std::string name;
  std::string zone;
  WeekStart week_start = WeekStart::monday;
  bool operator==(const Calendar&) const = default;
};

enum class Interval : uint8_t { hour, day, week, month };

struct SlotRange {
  int8_t month;  // -2 .. +2 relative to the table's month
  Slot begin;
  Slot end;  // exclusive
  bool operator==(const SlotRange&) const = default;
};

struct Bucket {
  // Names the bucket within its frame's interval and calendar, in whatever month it is met: an hour
  // by hour_label(), a day by its local date (days since 1970), a week by its first day, a month by
  // year * 12 + month - 1, all of local time. Negative for days before 1970.
  int64_t label = 0;
  int64_t first_s = 0;  // the bucket's first instant; before 1970 for buckets that 1970 cuts
  int32_t first_offset_s =
      0;               // offset in force then; in a shared hour grid that of its lowest calendar
  uint8_t pieces = 0;  // ranges used, by month and begin; no two touch
  bool other_months = false;  // some piece lies in another month
  std::array<SlotRange, kMaxBucketPieces> ranges{};
};

// Of the local hour (hours since 1970 by the clock) under an offset. Shared grids of UTC hours are
// those under offset 0.
constexpr int64_t hour_label(int64_t local_hour, int32_t offset_s) {
  return local_hour * (1 << 18) + offset_s + 86400;
}

class MonthTable {
 public:
  struct CalendarRules {
    Calendar calendar;
    // Those pinned for the months from two before this one to two after it. What lies before 1970
    // is under those of January 1970, whatever is given; what lies beyond 2199 is not looked at.
    std::array<std::shared_ptr<const ZoneRules>, kMonthsOfTable> rules;

    static CalendarRules under(Calendar calendar, const std::shared_ptr<const ZoneRules>& rules) {
      return {std::move(calendar), {rules, rules, rules, rules, rules}};
    }
  };
  // Needs 1 to kMaxCalendars calendars. Of two calendars of one zone the rules are taken to be the
  // same.
  static std::shared_ptr<const MonthTable> build(MonthIndex month,
                                                 std::span<const CalendarRules> calendars);

  MonthIndex month() const { return month_; }
  // Of the tables built in this process no two have the same, also when one is gone.
  uint64_t serial() const { return serial_; }
  size_t bytes() const;                          // that it takes
  int grain_quarters() const { return grain_; }  // 4, 2 or 1
  Slot round(Slot s) const { return Slot(s - s % grain_); }
  int calendars() const { return calendars_; }
  int frames() const { return hour_frames_ + 3 * calendars_; }
  int hour_frames() const { return hour_frames_; }
  int frame(int calendar, Interval interval) const {
    return interval == Interval::hour ? cuts_[size_t(calendar)].hour_frame
                                      : hour_frames_ + 3 * calendar + int(interval) - 1;
  }
  // A number that stands for (interval, calendar or shared hour grid) whatever the month: with a
  // label it names a bucket for ever. Whole-hour grids have tag 1; others depend on the calendar.
  uint32_t frame_tag(int frame) const;

  // The bucket that a slot (any quarter-hour of the month) lies in, and its label alone. In a
  // shared hour grid first_offset_s is that of its lowest calendar.
  Bucket bucket(int frame, Slot slot) const;
  int64_t label(int frame, Slot slot) const;
  // As a calendar sees its bucket: first_offset_s is its own also where the hour grid is shared.
  // For printing; everything else is as in the frame.
  Bucket bucket(int calendar, Interval interval, Slot slot) const;
  // All of the month, by their first slots in it.
  std::vector<Bucket> buckets(int frame) const;
  std::vector<Bucket> buckets(int calendar, Interval interval) const;

  // The months that some bucket of the slot has a piece in: bit kMonthsAround + n for the month n
  // after this one. Its own is always there; months before 1970 and from 2200 on never.
  uint8_t reach(Slot slot) const {
    size_t i = reaches_.size() - 1;
    while (reaches_[i].begin > slot) --i;
    return reaches_[i].months;
  }
  // A calendar is under an offset that is no multiple of 15 minutes: events there are set aside.
  bool odd_offset(Slot slot) const { return has_odd_ && is_odd(slot); }

 private:
  // A stretch under one offset, within one month; it ends where the next begins.
  struct Segment {
    int32_t begin;          // quarter-hours since the table's month began; < 0 in months before
    int32_t offset_s : 24;  // < 1 day either way
    int32_t month : 8;      // as in SlotRange
  };
  struct Cut {  // of a calendar
    uint16_t first_segment = 0, end_segment = 0;
    uint16_t own_segment = 0;  // the first of the table's month
    uint8_t hour_frame = 0;
    WeekStart week_start = WeekStart::monday;
  };
  struct Reach {
    Slot begin;
    uint8_t months;
  };
  struct LocalBucket;

  const Segment& segment_at(const Cut& cut, Slot slot) const {
    size_t i = cut.own_segment;
    while (segments_[i + 1].begin <= slot) ++i;
    return segments_[i];
  }
  LocalBucket local_bucket(Interval interval, WeekStart week_start, int64_t local_s) const;
  Bucket cut_by_local_time(const Cut& cut, Interval interval, Slot slot) const;
  Bucket utc_hour(const Cut& cut, Slot slot) const;
  bool is_utc_hours(int frame) const { return frame == utc_hours_; }
  bool is_odd(Slot slot) const;
  void add_calendar(const CalendarRules& calendar);
  void add_hour_frames(std::span<const CalendarRules> calendars);
  void find_reaches();

  MonthIndex month_ = 0;
  uint8_t calendars_ = 0, hour_frames_ = 0, grain_ = 4;
  int8_t utc_hours_ = -1;  // the hour frame that whole-hour calendars share
  bool has_odd_ = false;
  std::array<Cut, kMaxCalendars> cuts_;
  std::array<uint8_t, kMaxCalendars> lowest_{};  // by hour frame: its lowest calendar
  std::vector<Segment> segments_;  // by calendar and time; each calendar's end with one more
  std::vector<Reach> reaches_;     // by slot; the first begins at 0
  uint64_t serial_ = 0;
};

}  // namespace quipu
