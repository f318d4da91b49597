#include "labels.h"

#include "parts.h"

namespace oracle {

namespace {

int64_t week_of(int64_t day, int week_start) {
  int64_t monday_based = day + 3 - week_start;  // 1970-01-01 was a thursday
  return day - (monday_based - floor_div(monday_based, 7) * 7);
}

}  // namespace

int64_t month_of_day(int64_t day) {
  int64_t year;
  int month, of_month;
  civil_from_days(day, &year, &month, &of_month);
  return year * 12 + month - 1;
}

int64_t first_day_of_month(int64_t month) {
  return days_from_civil(floor_div(month, 12),
                         static_cast<int>(month - floor_div(month, 12) * 12) + 1, 1);
}

Label label_of(Interval interval, int64_t utc_s, int32_t offset, int week_start) {
  int64_t local = utc_s + offset, day = floor_div(local, kDay_s);
  switch (interval) {
    case kHour:
      return {floor_div(local, 3600), offset};
    case kDay:
      return {day, 0};
    case kWeek:
      return {week_of(day, week_start), 0};
    default:
      return {month_of_day(day), 0};
  }
}

}  // namespace oracle
