// The buckets of one UTC month for one set of calendars, and the grain of its slots.
// A slot is a number of quarter-hours since the month began in UTC, rounded down to the grain.
// A frame is a way of cutting time into buckets: hour grids first, then day, week and month of each
// calendar (decisions 23, 24). A bucket of a frame is given as ranges of slots in this month and in
// its neighbours, each month judged by its own rules. Immutable after build(); any thread.
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
inline constexpr int kMaxBucketPieces = 6;

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
  int8_t month;  // -1, 0, +1 relative to the table's month
  Slot begin;
  Slot end;  // exclusive
  bool operator==(const SlotRange&) const = default;
};

struct Bucket {
  // Names the bucket within its frame's interval and calendar, in whatever month it is met: an hour
  // by its first quarter-hour since 1970, a day by its local date (days since 1970), a week by its
  // first day, a month by year * 12 + month - 1, all of local time but the hour (UTC). Negative for
  // days before 1970.
  int64_t label = 0;
  int64_t first_s = 0;  // the bucket's first instant; before 1970 for buckets that 1970 cuts
  int32_t first_offset_s =
      0;               // offset in force then; in a shared hour grid that of its lowest calendar
  uint8_t pieces = 0;  // ranges used, by month and begin; no two touch
  bool other_months = false;  // some piece lies in a neighbour month
  std::array<SlotRange, kMaxBucketPieces> ranges{};
};

class MonthTable {
 public:
  // rules[c] are calendar c's rules pinned for the month before, this month and the month after.
  struct CalendarRules {
    Calendar calendar;
    std::shared_ptr<const ZoneRules> previous, current, next;
  };
  // Needs 1 to kMaxCalendars calendars. Of two calendars of one zone the rules are taken to be the
  // same.
  static std::shared_ptr<const MonthTable> build(MonthIndex month,
                                                 std::span<const CalendarRules> calendars);

  MonthIndex month() const { return month_; }
  int grain_quarters() const { return grain_; }  // 4, 2 or 1
  Slot round(Slot s) const { return Slot(s - s % grain_); }
  int calendars() const { return int(hour_frame_.size()); }
  int frames() const { return int(frames_.size()); }
  int hour_frames() const { return hour_frames_; }
  int frame(int calendar, Interval interval) const {
    return interval == Interval::hour ? hour_frame_[size_t(calendar)]
                                      : hour_frames_ + 3 * calendar + int(interval) - 1;
  }
  // A number that stands for (interval, calendar or shared hour grid) whatever the month: with a
  // label it names a bucket for ever. Whole-hour grids have tag 1; others depend on the calendar.
  uint32_t frame_tag(int frame) const { return frames_[size_t(frame)].tag; }

  const Bucket& bucket(int frame, Slot slot) const {
    const Frame& f = frames_[size_t(frame)];
    return f.buckets[f.of_slot[slot]];
  }
  std::span<const Bucket> buckets(int frame) const { return frames_[size_t(frame)].buckets; }
  // As a calendar sees its buckets: first_offset_s is its own also where the hour grid is shared.
  // For printing; everything else is as in the frame.
  std::span<const Bucket> buckets(int calendar, Interval interval) const {
    if (interval == Interval::hour && !own_hours_[size_t(calendar)].empty())
      return own_hours_[size_t(calendar)];
    return buckets(frame(calendar, interval));
  }
  const Bucket& bucket(int calendar, Interval interval, Slot slot) const {
    return buckets(calendar, interval)[frames_[size_t(frame(calendar, interval))].of_slot[slot]];
  }
  // A calendar is under an offset that is no multiple of 15 minutes: events there are set aside.
  bool odd_offset(Slot slot) const { return !odd_.empty() && odd_[slot]; }

 private:
  struct Frame {
    uint32_t tag = 0;
    std::vector<Bucket> buckets;
    std::vector<uint16_t> of_slot;  // by slot (every quarter-hour)
  };
  MonthIndex month_ = 0;
  int grain_ = 4;
  int hour_frames_ = 0;
  std::vector<int> hour_frame_;  // by calendar
  std::vector<Frame> frames_;
  std::vector<std::vector<Bucket>> own_hours_;  // by calendar; empty where the frame's say the same
  std::vector<bool> odd_;
};

}  // namespace quipu
