#include <algorithm>
#include <cctype>
#include <cstring>

#include "parts.h"

namespace oracle {
namespace {

constexpr int64_t kEnd_s = 7'258'118'400;  // 2200-01-01T00:00:00Z
constexpr int kFarthestOffset_s = 18 * 3600;

// A civil time as read, not yet an instant.
struct Civil {
  int64_t year = 0;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0;
  std::optional<int> offset_s;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Cursor {
 public:
  explicit Cursor(std::string_view s) : s_(s) {}
  bool done() const { return i_ == s_.size(); }
  char peek() const { return done() ? '\0' : s_[i_]; }
  bool take(char c) {
    if (done() || s_[i_] != c) return false;
    ++i_;
    return true;
  }
  // least to most digits
  bool number(int least, int most, int* out) {
    int v = 0, n = 0;
    while (n < most && !done() && is_digit(s_[i_])) v = v * 10 + (s_[i_++] - '0'), ++n;
    *out = v;
    return n >= least;
  }
  // Any number of digits behind a point, floored to the millisecond.
  bool fraction(int* millisecond) {
    int n = 0, v = 0;
    for (; !done() && is_digit(s_[i_]); ++i_, ++n)
      if (n < 3) v = v * 10 + (s_[i_] - '0');
    for (int k = n; k < 3; ++k) v *= 10;
    *millisecond = v;
    return n > 0;
  }
  void spaces() {
    while (!done() && (s_[i_] == ' ' || (s_[i_] >= '\t' && s_[i_] <= '\r'))) ++i_;
  }
  bool word(const char* w) {  // in any case
    size_t n = std::strlen(w);
    if (s_.size() - i_ < n) return false;
    for (size_t k = 0; k < n; ++k)
      if (std::tolower(static_cast<unsigned char>(s_[i_ + k])) !=
          std::tolower(static_cast<unsigned char>(w[k])))
        return false;
    i_ += n;
    return true;
  }
  // Z, +HH:MM, +HHMM, +HH
  bool offset(std::optional<int>* out) {
    if (take('Z') || take('z')) {
      *out = 0;
      return true;
    }
    int sign = take('+') ? 1 : take('-') ? -1 : 0, hours, minutes = 0;
    if (!sign || !number(2, 2, &hours)) return false;
    if (take(':')) {
      if (!number(2, 2, &minutes)) return false;
    } else if (is_digit(peek())) {
      if (!number(2, 2, &minutes)) return false;
    }
    int total = hours * 3600 + minutes * 60;
    if (minutes > 59 || total > kFarthestOffset_s) return false;
    *out = sign * total;
    return true;
  }

 private:
  std::string_view s_;
  size_t i_ = 0;
};

bool sane(Civil* c) {
  if (c->second == 60) c->second = 59;
  return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
         c->day <= days_in_month(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
         c->second <= 59;
}

bool read_rfc3339(std::string_view text, Civil* c) {
  Cursor in(text);
  int year;
  if (!in.number(4, 4, &year) || !in.take('-') || !in.number(2, 2, &c->month) || !in.take('-') ||
      !in.number(2, 2, &c->day))
    return false;
  c->year = year;
  if (!in.done() && (in.peek() == 'T' || in.peek() == 't' || in.peek() == ' ')) {
    Cursor before = in;
    bool was_blank = in.take(' ');
    if (!was_blank) in.take(in.peek());
    if (is_digit(in.peek())) {
      if (!in.number(2, 2, &c->hour) || !in.take(':') || !in.number(2, 2, &c->minute)) return false;
      if (in.take(':')) {
        if (!in.number(2, 2, &c->second)) return false;
        if ((in.take('.') || in.take(',')) && !in.fraction(&c->millisecond)) return false;
      }
    } else if (was_blank) {
      in = before;  // the blank before an offset
    } else {
      return false;
    }
  }
  if (!in.done()) {
    in.take(' ');
    if (!in.offset(&c->offset_s)) return false;
  }
  return in.done() && sane(c);
}

int month_named(Cursor* in) {
  static const char* kNames[] = {"January",   "February", "March",    "April",
                                 "May",       "June",     "July",     "August",
                                 "September", "October",  "November", "December"};
  for (int m = 0; m < 12; ++m)
    if (in->word(kNames[m])) return m + 1;
  for (int m = 0; m < 12; ++m)
    if (in->word(std::string(kNames[m], 3).c_str())) return m + 1;
  return 0;
}

bool passes_day_name(Cursor* in) {
  for (const char* name :
       {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}) {
    if (in->word(name)) return true;
  }
  for (const char* name : {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}) {
    if (in->word(name)) return true;
  }
  return false;
}

// Short forms written out.
std::string expanded_format(const std::string& format) {
  std::string expanded;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 1 < format.size()) {
      char f = format[++i];
      expanded += f == 'T'   ? "%H:%M:%S"
                  : f == 'F' ? "%Y-%m-%d"
                  : f == 'D' ? "%m/%d/%y"
                             : std::string("%") + f;
    } else {
      expanded += format[i];
    }
  }
  return expanded;
}

// What a format may say beside the parts of a Civil.
struct FormatParts {
  int year = -1, day_of_year = 0, half = -1, twelve = -1;
};

// What stands for % and a letter.
bool read_part(char letter, Cursor* in, FormatParts* parts, Civil* c) {
  bool ok = true;
  switch (letter) {
    case 'Y':
      ok = in->number(1, 4, &parts->year);
      break;
    case 'y':
      ok = in->number(1, 2, &parts->year), parts->year += parts->year < 69 ? 2000 : 1900;
      break;
    case 'm':
      ok = in->number(1, 2, &c->month);
      break;
    case 'e':
      in->take(' ');
      [[fallthrough]];
    case 'd':
      ok = in->number(1, 2, &c->day);
      break;
    case 'H':
      ok = in->number(1, 2, &c->hour);
      break;
    case 'I':
      ok = in->number(1, 2, &parts->twelve) && parts->twelve >= 1 && parts->twelve <= 12;
      break;
    case 'p':
      parts->half = in->word("am") ? 0 : in->word("pm") ? 1 : -1, ok = parts->half >= 0;
      break;
    case 'M':
      ok = in->number(1, 2, &c->minute);
      break;
    case 'S':
      ok = in->number(1, 2, &c->second);
      break;
    case 'f':
      ok = in->fraction(&c->millisecond);
      break;
    case 'b':
    case 'B':
      c->month = month_named(in), ok = c->month > 0;
      break;
    case 'j':
      ok = in->number(1, 3, &parts->day_of_year) && parts->day_of_year >= 1;
      break;
    case 'z':
      ok = in->offset(&c->offset_s);
      break;
    case 'Z':
      ok = in->word("UTC") || in->word("GMT") || in->word("Z"), c->offset_s = 0;
      break;
    case 'n':
    case 't':
      in->spaces();
      break;
    case '%':
      ok = in->take('%');
      break;
    default:
      ok = (letter == 'a' || letter == 'A') && passes_day_name(in);
  }
  return ok;
}

bool read_formatted(const std::string& format, std::string_view text, Civil* c) {
  Cursor in(text);
  FormatParts parts;
  const std::string expanded = expanded_format(format);
  for (size_t i = 0; i < expanded.size(); ++i) {
    char f = expanded[i];
    if (f != '%') {
      if (f == ' ' || (f >= '\t' && f <= '\r'))
        in.spaces();
      else if (!in.take(f))
        return false;
      continue;
    }
    if (++i == expanded.size() || !read_part(expanded[i], &in, &parts, c)) return false;
  }
  if (!in.done() || parts.year < 0) return false;
  c->year = parts.year;
  if (parts.twelve >= 0)
    c->hour = parts.half < 0 ? parts.twelve : parts.twelve % 12 + 12 * parts.half;
  if (parts.day_of_year > 0) {
    int64_t y;
    civil_from_days(days_from_civil(parts.year, 1, 1) + parts.day_of_year - 1, &y, &c->month,
                    &c->day);
    if (y != parts.year) return false;
  }
  return sane(c);
}

// Whole milliseconds since 1970 of a number in a unit that has 10^-digits milliseconds.
std::string from_number(const Decimal& d, int power, int64_t* utc_ms) {
  if (d.digits.empty()) {
    *utc_ms = 0;
    return "";
  }
  if (d.negative || d.beyond > 0) return "time_out_of_range";
  int64_t n = static_cast<int64_t>(d.digits.size()), exponent = d.exponent + power;
  if (d.beyond < 0 || n + exponent <= 0) {
    *utc_ms = 0;
    return "";
  }
  if (n + exponent > 16) return "time_out_of_range";
  std::string whole =
      exponent >= 0 ? d.digits + std::string(exponent, '0') : d.digits.substr(0, n + exponent);
  *utc_ms = std::stoll(whole);
  return *utc_ms < kEnd_s * 1000 ? "" : "time_out_of_range";
}

}  // namespace

std::string read_time(const TimeSpec& spec, const Json* value, const Zone* no_offset,
                      int64_t* utc_ms) {
  if (!value || value->kind == Json::kNull || (value->kind == Json::kString && value->text.empty()))
    return "time_missing";
  if (value->kind != Json::kString && value->kind != Json::kNumber) return "time_bad";
  const std::string& text = value->text;
  bool formatted = !spec.format.empty() && (value->kind == Json::kString || spec.unit.empty());
  Civil c;
  if (formatted) {
    if (!read_formatted(spec.format, text, &c)) return "time_bad";
  } else {
    std::optional<Decimal> d = read_decimal(text);
    if (!d && std::all_of(text.begin(), text.end(), is_digit)) {  // leading zeros
      size_t from = text.find_first_not_of('0');
      d = read_decimal(from == std::string::npos ? "0" : text.substr(from));
    }
    if (d) {
      if (spec.unit.empty()) return "time_bad";
      int power = spec.unit == "unix_s"    ? 3
                  : spec.unit == "unix_ms" ? 0
                  : spec.unit == "unix_us" ? -3
                                           : -6;
      return from_number(*d, power, utc_ms);
    }
    if (!read_rfc3339(text, &c)) return "time_bad";
  }
  if (c.year < 1969 || c.year > 2200) return "time_out_of_range";
  int64_t local_s =
      days_from_civil(c.year, c.month, c.day) * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
  int64_t utc_s = c.offset_s ? local_s - *c.offset_s : no_offset->utc_of_local(local_s);
  if (utc_s < 0 || utc_s >= kEnd_s) return "time_out_of_range";
  *utc_ms = utc_s * 1000 + c.millisecond;
  return "";
}

}  // namespace oracle
