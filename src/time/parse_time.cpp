#include "time/parse_time.h"

#include <algorithm>
#include <chrono>

#include "base/decimal.h"
#include "time/civil.h"

namespace quipu {
namespace {

constexpr int64_t kDayS = 86400;
constexpr int64_t kEndMs = kEndEventTimeS * 1000;
constexpr int kFirstYear = 1969, kLastYear = 2200;  // local years that may hold an instant in range
constexpr int kMsDigits = 16;                       // of the last millisecond in range
constexpr const char* kOutOfRange = "outside 1970-01-01 to 2199-12-31 UTC";

struct UnitScale {
  TimeUnit unit;
  const char* name;
  int ms_power;  // milliseconds = value * 10^ms_power
};
constexpr UnitScale kUnits[] = {{TimeUnit::s, "unix_s", 3},
                                {TimeUnit::ms, "unix_ms", 0},
                                {TimeUnit::us, "unix_us", -3},
                                {TimeUnit::ns, "unix_ns", -6}};

const UnitScale* scale_of(TimeUnit unit) {
  for (const UnitScale& scale : kUnits) {
    if (scale.unit == unit) return &scale;
  }
  return nullptr;
}

int64_t days_of(int year, int month, int day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / month / day).time_since_epoch().count();
}

int days_in(int year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

ParsedTime out_of_range(std::string hint) {
  ParsedTime result;
  result.error = TimeError::out_of_range;
  result.hint = std::move(hint);
  return result;
}

// A number >= 0 as digits and the place of its point; digits beyond the end are zeros.
struct NumberDigits {
  std::string_view whole, fraction;
  int64_t point = 0;  // digits of `whole` and `fraction` before the point
};

// Floored milliseconds, or -1 if that is beyond the range.
int64_t floor_ms(const NumberDigits& number, int ms_power) {
  const int64_t all = int64_t(number.whole.size() + number.fraction.size());
  const int64_t take = number.point + ms_power;
  int64_t ms = 0, significant = 0;
  for (int64_t i = 0; i < take; ++i) {
    const char c = i >= all ? '0'
                   : i < int64_t(number.whole.size())
                       ? number.whole[size_t(i)]
                       : number.fraction[size_t(i) - number.whole.size()];
    ms = ms * 10 + (c - '0');
    if (ms > 0 && ++significant > kMsDigits) return -1;
  }
  return ms < kEndMs ? ms : -1;
}

// In which unit the number is a time of these decades, if any.
const UnitScale* likely_unit(const NumberDigits& number) {
  constexpr int64_t kFromMs = 631152000000, kToMs = 4102444800000;  // 1990 to 2100
  for (const UnitScale& scale : kUnits) {
    const int64_t ms = floor_ms(number, scale.ms_power);
    if (ms >= kFromMs && ms < kToMs) return &scale;
  }
  return nullptr;
}

ParsedTime number_without_unit(const NumberDigits& number) {
  std::string hint = "a bare number needs `unit`";
  if (const UnitScale* likely = likely_unit(number)) {
    hint += std::string("; this one looks like ") + likely->name + " (" +
            format_instant(floor_ms(number, likely->ms_power) / 1000, 0).substr(0, 10) + ")";
  } else {
    hint += " (unix_s, unix_ms, unix_us or unix_ns)";
  }
  return bad_time(std::move(hint));
}

ParsedTime finish_number(const NumberDigits& number, TimeUnit unit) {
  const UnitScale* scale = scale_of(unit);
  if (scale == nullptr) return number_without_unit(number);
  ParsedTime result;
  result.ms = floor_ms(number, scale->ms_power);
  if (result.ms >= 0) return result;
  const UnitScale* likely = likely_unit(number);
  return out_of_range(std::string(kOutOfRange) + (likely ? std::string(" as ") + scale->name +
                                                               "; it looks like " + likely->name
                                                         : std::string()));
}

// Digits, or digits '.' digits: what nearly all numbers are. Without leading zeros if there is a
// point.
bool plain_digits(std::string_view text, NumberDigits& number) {
  const size_t point = std::min(text.find('.'), text.size());
  number.whole = text.substr(0, point);
  number.fraction = point < text.size() ? text.substr(point + 1) : std::string_view();
  number.point = int64_t(point);
  if (number.whole.empty() || !std::all_of(number.whole.begin(), number.whole.end(), is_digit))
    return false;
  if (point == text.size()) return true;
  return !number.fraction.empty() && (number.whole[0] != '0' || number.whole.size() == 1) &&
         std::all_of(number.fraction.begin(), number.fraction.end(), is_digit);
}

bool read_rfc3339(std::string_view text, Civil& civil) {
  TimeCursor in(text);
  if (!in.digits(4, civil.year) || !in.take('-') || !in.digits(2, civil.month) || !in.take('-') ||
      !in.digits(2, civil.day))
    return false;
  if (in.done()) return true;
  const bool blank = in.take(' ');
  const bool time_of_day = blank ? in.digit_ahead() : in.take('T') || in.take('t');
  if (time_of_day) {
    if (!in.digits(2, civil.hour) || !in.take(':') || !in.digits(2, civil.minute)) return false;
    if (in.take(':')) {
      if (!in.digits(2, civil.second)) return false;
      if ((in.take('.') || in.take(',')) && !in.fraction(civil.millisecond)) return false;
    }
    if (in.done()) return true;
    in.take(' ');
  }
  return in.offset(civil) && in.done();
}

}  // namespace

ParsedTime bad_time(std::string hint) {
  ParsedTime result;
  result.error = TimeError::bad;
  result.hint = std::move(hint);
  return result;
}

ParsedTime instant_of(Civil civil, const ZoneRules& no_offset) {
  if (civil.second == 60) civil.second = 59;
  if (civil.month < 1 || civil.month > 12 || civil.day < 1 ||
      civil.day > days_in(civil.year, civil.month) || civil.hour > 23 || civil.minute > 59 ||
      civil.second > 59) {
    return bad_time("there is no such date or time of day");
  }
  if (civil.year < kFirstYear || civil.year > kLastYear) return out_of_range(kOutOfRange);
  const int64_t local_s = days_of(civil.year, civil.month, civil.day) * kDayS + civil.hour * 3600 +
                          civil.minute * 60 + civil.second;
  ParsedTime result;
  int64_t utc_s = local_s - civil.offset_s;
  if (!civil.has_offset) {
    const ResolvedLocal resolved = resolve_local(no_offset, local_s);
    utc_s = resolved.utc_s;
    result.local = resolved.kind;
  }
  if (utc_s < kMinEventTimeS || utc_s >= kEndEventTimeS) return out_of_range(kOutOfRange);
  result.ms = utc_s * 1000 + civil.millisecond;
  return result;
}

ParsedTime parse_time_text(std::string_view text, const ZoneRules& no_offset) {
  Civil civil;
  if (read_rfc3339(text, civil)) return instant_of(civil, no_offset);
  NumberDigits number;
  if (plain_digits(text, number)) return number_without_unit(number);
  if (is_json_number(text))
    return bad_time("a bare number needs `unit` (unix_s, unix_ms, unix_us or unix_ns)");
  return bad_time("no time as in RFC 3339 (2013-03-10T14:30:00Z); other forms need `format`");
}

ParsedTime parse_time_number(std::string_view text, TimeUnit unit) {
  NumberDigits number;
  if (plain_digits(text, number)) return finish_number(number, unit);
  std::string canonical;
  if (canonical_number(text, canonical)) {
    std::string_view rest = canonical;
    const bool negative = rest[0] == '-';
    if (negative) rest.remove_prefix(1);
    const size_t e = std::min(rest.find('e'), rest.size());
    plain_digits(rest.substr(0, e), number);
    if (e < rest.size()) number.point += std::stoll(std::string(rest.substr(e + 1)));
    if (negative) {
      return unit == TimeUnit::none
                 ? bad_time("a bare number needs `unit`, and this one is negative")
                 : out_of_range(kOutOfRange);
    }
    return finish_number(number, unit);
  }
  if (!is_json_number(text)) return bad_time("no number");
  if (unit == TimeUnit::none) return number_without_unit(number);
  // An exponent beyond +-10^18: zero, or as good as zero, or far outside.
  const size_t e = text.find_first_of("eE");
  const bool zero = text.substr(0, e).find_first_of("123456789") == std::string_view::npos;
  if (zero || (text[0] != '-' && text[e + 1] == '-')) return ParsedTime{};
  return out_of_range(kOutOfRange);
}

std::string format_instant(int64_t utc_s, int32_t offset_s) {
  using namespace std::chrono;
  const sys_seconds local{seconds(utc_s + offset_s)};
  const sys_days day = floor<days>(local);
  const year_month_day date(day);
  const int second = int((local - day).count());
  const int away = offset_s < 0 ? -offset_s : offset_s;
  std::string out;
  out.reserve(32);
  auto two = [&](int v, char before) {
    if (before != 0) out.push_back(before);
    out.push_back(char('0' + v / 10 % 10));
    out.push_back(char('0' + v % 10));
  };
  two(int(date.year()) / 100, 0);
  two(int(date.year()) % 100, 0);
  two(int(unsigned(date.month())), '-');
  two(int(unsigned(date.day())), '-');
  two(second / 3600, 'T');
  two(second / 60 % 60, ':');
  two(second % 60, ':');
  two(away / 3600, offset_s < 0 ? '-' : '+');
  two(away / 60 % 60, ':');
  if (away % 60 != 0) two(away % 60, ':');
  return out;
}

}  // namespace quipu
