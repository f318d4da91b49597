// What makes a bucket. Internal to tests/oracle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace oracle {

constexpr int64_t kDay_s = 86400;

enum Interval { kHour, kDay, kWeek, kMonth, kIntervals };
constexpr const char* kIntervalNames[] = {"hour", "day", "week", "month"};

// What makes a bucket within a calendar and an interval. Hours: hours since 1970 by local clock,
// and the offset; days: local days since 1970; weeks: their first day; months: months since year 0.
struct Label {
  int64_t number = 0;
  int32_t offset = 0;
  bool operator==(const Label& o) const { return number == o.number && offset == o.offset; }
};
struct LabelHash {
  size_t operator()(const Label& l) const {
    return std::hash<int64_t>()(l.number * 1000003 + l.offset);
  }
};

Label label_of(Interval interval, int64_t utc_s, int32_t offset, int week_start);
// Months are counted since year 0, days since 1970.
int64_t month_of_day(int64_t day);
int64_t first_day_of_month(int64_t month);

}  // namespace oracle
