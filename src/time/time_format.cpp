#include <chrono>
#include <span>

#include "time/civil.h"

namespace quipu {
namespace {

constexpr std::string_view kDirectives = "YymdeHIpMSfbBaAzZjTFDnt%";
constexpr std::string_view kMonthNames[] = {"january",   "february", "march",    "april",
                                            "may",       "june",     "july",     "august",
                                            "september", "october",  "november", "december"};

constexpr std::string_view kDayNames[] = {"monday", "tuesday",  "wednesday", "thursday",
                                          "friday", "saturday", "sunday"};

// What the directives leave to be put together at the end.
struct Reading {
  Civil civil;
  int twelve_hour = -1;  // %I
  int afternoon = -1;    // %p: 0 am, 1 pm
  int day_of_year = 0;   // %j
};

// The place of a name, or of its first three letters, in a list; -1: it is none of them.
int read_name(TimeCursor& in, std::span<const std::string_view> names) {
  // A full name begins with its short one: try that first.
  for (size_t letters : {size_t{9}, size_t{3}}) {
    for (size_t n = 0; n < names.size(); ++n) {
      if (in.word(names[n].substr(0, letters))) return int(n);
    }
  }
  return -1;
}

bool read(TimeCursor& in, std::string_view format, Reading& r);

bool read_directive(TimeCursor& in, char directive, Reading& r) {
  Civil& c = r.civil;
  switch (directive) {
    case 'Y':
      return in.up_to_digits(4, c.year);
    case 'y':
      if (!in.up_to_digits(2, c.year)) return false;
      c.year += c.year < 69 ? 2000 : 1900;
      return true;
    case 'm':
      return in.up_to_digits(2, c.month);
    case 'e':
      in.take(' ');
      return in.up_to_digits(2, c.day);
    case 'd':
      return in.up_to_digits(2, c.day);
    case 'H':
      return in.up_to_digits(2, c.hour);
    case 'I':
      return in.up_to_digits(2, r.twelve_hour) && r.twelve_hour >= 1 && r.twelve_hour <= 12;
    case 'p':
      r.afternoon = in.word("am") ? 0 : in.word("pm") ? 1 : -1;
      return r.afternoon >= 0;
    case 'M':
      return in.up_to_digits(2, c.minute);
    case 'S':
      return in.up_to_digits(2, c.second);
    case 'f':
      return in.fraction(c.millisecond);
    case 'b':
    case 'B':
      c.month = read_name(in, kMonthNames) + 1;
      return c.month > 0;
    case 'a':
    case 'A':
      return read_name(in, kDayNames) >= 0;  // the date says which day it was
    case 'j':
      return in.up_to_digits(3, r.day_of_year) && r.day_of_year >= 1;
    case 'z':
      return in.offset(c);
    case 'Z':
      c.has_offset = in.word("utc") || in.word("gmt") || in.word("z");
      c.offset_s = 0;
      return c.has_offset;
    case 'T':
      return read(in, "%H:%M:%S", r);
    case 'F':
      return read(in, "%Y-%m-%d", r);
    case 'D':
      return read(in, "%m/%d/%y", r);
    case 'n':
    case 't':
      in.white_space();
      return true;
    case '%':
      return in.take('%');
  }
  return false;
}

bool read(TimeCursor& in, std::string_view format, Reading& r) {
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if (is_white_space(c)) {
      in.white_space();
    } else if (c != '%') {
      if (!in.take(c)) return false;
    } else if (++i == format.size() || !read_directive(in, format[i], r)) {
      return false;
    }
  }
  return true;
}

bool put_together(Reading& r) {
  Civil& c = r.civil;
  if (r.twelve_hour >= 0)
    c.hour = r.afternoon < 0 ? r.twelve_hour : r.twelve_hour % 12 + 12 * r.afternoon;
  if (r.day_of_year > 0) {
    using namespace std::chrono;
    const year_month_day date{sys_days(year(c.year) / January / 1) + days(r.day_of_year - 1)};
    if (int(date.year()) != c.year) return false;
    c.month = int(unsigned(date.month()));
    c.day = int(unsigned(date.day()));
  }
  return true;
}

}  // namespace

ParsedTime parse_time_format(std::string_view text, std::string_view format,
                             const ZoneRules& no_offset) {
  TimeCursor in(text);
  Reading r;
  if (!read(in, format, r) || !in.done() || !put_together(r)) {
    return bad_time("does not match the format " + std::string(format));
  }
  return instant_of(r.civil, no_offset);
}

Status check_time_format(std::string_view format) {
  auto has = [&](std::string_view directives) {
    for (size_t i = 0; i + 1 < format.size(); ++i) {
      if (format[i] == '%' && directives.find(format[++i]) != std::string_view::npos) return true;
    }
    return false;
  };
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i == format.size())
      return Error{"the time format ends in a lone %; a literal % is written %%"};
    if (kDirectives.find(format[i]) == std::string_view::npos) {
      std::string known;
      for (char c : kDirectives) known += std::string(known.empty() ? "%" : " %") + c;
      return Error{std::string("the time format has %") + format[i] + ", which is none of " +
                   known};
    }
  }
  if (!has("YyFD")) return Error{"the time format has no year (%Y, %y, %F or %D)"};
  if (has("I") && !has("p"))
    return Error{
        "the time format has %I but no %p: morning and afternoon would be one; 24 hours are %H"};
  return {};
}

}  // namespace quipu
