// A time as read from text, before it is an instant, and the reading of its parts. Internal to
// parse_time.cpp and time_format.cpp. Pure; the text outlives the cursor.
#pragma once

#include <cstdint>
#include <string_view>

#include "time/parse_time.h"

namespace quipu {

struct Civil {
  int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0;
  bool has_offset = false;
  int32_t offset_s = 0;
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_white_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class TimeCursor {
 public:
  explicit TimeCursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
  bool done() const { return at_ == end_; }
  char peek() const { return at_ < end_ ? *at_ : '\0'; }
  bool digit_ahead() const { return at_ < end_ && is_digit(*at_); }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  // Exactly n digits.
  bool digits(int n, int& value) {
    if (end_ - at_ < n) return false;
    int v = 0;
    for (int i = 0; i < n; ++i) {
      const char c = at_[i];
      if (!is_digit(c)) return false;
      v = v * 10 + (c - '0');
    }
    at_ += n;
    value = v;
    return true;
  }
  // One to n digits.
  bool up_to_digits(int n, int& value) {
    int taken = 0, v = 0;
    for (; taken < n && digit_ahead(); ++taken) v = v * 10 + (*at_++ - '0');
    value = v;
    return taken > 0;
  }
  // Digits behind a point, at least one, floored to the millisecond.
  bool fraction(int& millisecond) {
    int taken = 0, v = 0;
    for (; digit_ahead(); ++at_, ++taken) {
      if (taken < 3) v = v * 10 + (*at_ - '0');
    }
    for (int i = taken; i < 3; ++i) v *= 10;
    millisecond = v;
    return taken > 0;
  }
  // Z, z, +HH:MM, +HHMM, +HH; at most 18 hours.
  bool offset(Civil& civil) {
    int32_t sign = 0, hours = 0, minutes = 0;
    if (take('Z') || take('z')) {
      civil.offset_s = 0;
    } else {
      sign = take('+') ? 1 : take('-') ? -1 : 0;
      if (sign == 0 || !digits(2, hours)) return false;
      if ((take(':') || digit_ahead()) && !digits(2, minutes)) return false;
      civil.offset_s = sign * (hours * 3600 + minutes * 60);
      if (minutes > 59 || hours * 60 + minutes > 18 * 60) return false;
    }
    civil.has_offset = true;
    return true;
  }
  void white_space() {
    while (at_ < end_ && is_white_space(*at_)) ++at_;
  }
  // A word in any ASCII case.
  bool word(std::string_view lower_case) {
    if (size_t(end_ - at_) < lower_case.size()) return false;
    for (size_t i = 0; i < lower_case.size(); ++i) {
      const char c = at_[i];
      if ((c >= 'A' && c <= 'Z' ? char(c + 32) : c) != lower_case[i]) return false;
    }
    at_ += lower_case.size();
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

// The instant of a civil time: checks that such a day and time of day exist (second 60 is 59) and
// that the instant is in range.
ParsedTime instant_of(Civil civil, const ZoneRules& no_offset);

ParsedTime bad_time(std::string hint);

}  // namespace quipu
