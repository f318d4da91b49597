// TZif (RFC 8536) and its POSIX TZ footer.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <limits>

#include "parts.h"

namespace oracle {
namespace {

constexpr int64_t kQuarterHour_s = 900;
constexpr int kLastYear = 2202;

int64_t big_endian(const std::string& s, size_t at, int bytes) {
  if (at + bytes > s.size()) throw Error("zone file is cut short");
  int64_t v = static_cast<signed char>(s[at]);
  for (int i = 1; i < bytes; ++i) v = v * 256 + static_cast<unsigned char>(s[at + i]);
  return v;
}

// One of the three forms of a change-over date, with its local time of day.
struct ChangeDate {
  char form = 'M';
  int month = 0, week = 0, day = 0;
  int64_t second = 7200;

  int64_t local_second(int64_t year) const {  // local standard or summer time, as the footer says
    int64_t day_number;
    if (form == 'M') {
      int64_t first = days_from_civil(year, month, 1);
      int weekday = static_cast<int>(((first + 4) % 7 + 7) % 7);  // 0 = sunday
      int of_month = (day - weekday + 7) % 7 + (week - 1) * 7;
      while (of_month >= days_in_month(year, month)) of_month -= 7;
      day_number = first + of_month;
    } else {
      bool leap = days_in_month(year, 2) == 29;
      day_number = days_from_civil(year, 1, 1) + day;
      if (form == 'J') day_number += -1 + (leap && day >= 60);  // J60 is always 1 March
    }
    return day_number * 86400 + second;
  }
};

struct Footer {
  int32_t standard = 0, summer = 0;
  bool has_summer = false;
  ChangeDate begin, end;
};

class FooterReader {
 public:
  explicit FooterReader(const std::string& s) : s_(s) {}

  Footer read() {
    Footer f;
    name();
    f.standard = -static_cast<int32_t>(clock());
    if (i_ == s_.size()) return f;
    f.has_summer = true;
    name();
    f.summer = f.standard + 3600;
    if (peek() != ',') f.summer = -static_cast<int32_t>(clock());
    f.begin = date();
    f.end = date();
    return f;
  }

 private:
  char peek() const { return i_ < s_.size() ? s_[i_] : 0; }
  void name() {
    if (peek() == '<') {
      while (peek() != '>') {
        if (!peek()) throw Error("bad zone footer " + s_);
        ++i_;
      }
      ++i_;
    } else {
      while (std::isalpha(static_cast<unsigned char>(peek()))) ++i_;
    }
  }
  int64_t number() {
    if (!std::isdigit(static_cast<unsigned char>(peek()))) throw Error("bad zone footer " + s_);
    int64_t v = 0;
    while (std::isdigit(static_cast<unsigned char>(peek()))) v = v * 10 + (s_[i_++] - '0');
    return v;
  }
  int64_t clock() {
    int64_t sign = 1;
    if (peek() == '-' || peek() == '+') sign = s_[i_++] == '-' ? -1 : 1;
    int64_t v = number() * 3600;
    if (peek() == ':') ++i_, v += number() * 60;
    if (peek() == ':') ++i_, v += number();
    return sign * v;
  }
  ChangeDate date() {
    if (peek() != ',') throw Error("bad zone footer " + s_);
    ++i_;
    ChangeDate d;
    if (peek() == 'M') {
      ++i_;
      d.month = static_cast<int>(number()), ++i_;
      d.week = static_cast<int>(number()), ++i_;
      d.day = static_cast<int>(number());
    } else {
      d.form = 'n';
      if (peek() == 'J') d.form = 'J', ++i_;
      d.day = static_cast<int>(number());
    }
    if (peek() == '/') ++i_, d.second = clock();
    return d;
  }

  std::string s_;
  size_t i_ = 0;
};

}  // namespace

int64_t days_from_civil(int64_t y, int m, int d) {
  y -= m <= 2;
  int64_t era = floor_div(y, 400), year_of_era = y - era * 400;
  int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

void civil_from_days(int64_t days, int64_t* year, int* month, int* day) {
  int64_t y = 1970 + floor_div(days, 366);
  while (days_from_civil(y + 1, 1, 1) <= days) ++y;
  int m = 1;
  while (m < 12 && days_from_civil(y, m + 1, 1) <= days) ++m;
  *year = y, *month = m, *day = static_cast<int>(days - days_from_civil(y, m, 1) + 1);
}

int days_in_month(int64_t year, int month) {
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap ? 29 : kDays[month - 1];
}

Zone Zone::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string s((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (s.substr(0, 4) != "TZif") throw Error("no zone file " + path);
  size_t at = 0;
  int time_bytes = 4;
  auto count = [&](int which) {
    return big_endian(s, at + 20 + 4 * which, 4);
  };                  // isut isstd leap time type char
  if (s[4] >= '2') {  // skip the 32-bit block
    at = 44 + count(3) * 5 + count(4) * 6 + count(5) + count(2) * 8 + count(1) + count(0);
    time_bytes = 8;
  }
  int64_t times = count(3), types = count(4), chars = count(5), leaps = count(2), stds = count(1),
          uts = count(0);
  size_t time_at = at + 44, index_at = time_at + times * time_bytes, type_at = index_at + times;
  auto type_offset = [&](int64_t type) {
    return static_cast<int32_t>(big_endian(s, type_at + 6 * type, 4));
  };

  Zone zone;
  Steps& steps = zone.true_;
  steps.before = type_offset(0);
  for (int64_t i = 0; i < times; ++i)
    steps.at.emplace_back(big_endian(s, time_at + i * time_bytes, time_bytes),
                          type_offset(static_cast<unsigned char>(s[index_at + i])));

  if (time_bytes == 8) {
    size_t footer_at = type_at + types * 6 + chars + leaps * 12 + stds + uts + 1;
    std::string text = s.substr(footer_at, s.find('\n', footer_at) - footer_at);
    int64_t last = steps.at.empty() ? std::numeric_limits<int64_t>::min() : steps.at.back().first;
    if (!text.empty()) {
      Footer f = FooterReader(text).read();
      if (steps.at.empty()) steps.before = f.standard;
      if (f.has_summer) {
        std::vector<std::pair<int64_t, int32_t>> later;
        for (int64_t year = 1960; year <= kLastYear; ++year) {
          later.emplace_back(f.begin.local_second(year) - f.standard, f.summer);
          later.emplace_back(f.end.local_second(year) - f.summer, f.standard);
        }
        std::stable_sort(later.begin(), later.end(),
                         [](auto& a, auto& b) { return a.first < b.first; });
        for (auto& step : later)
          if (step.first > last) steps.at.push_back(step);
      }
    }
  }

  zone.rounded_.before = steps.before;
  auto& rounded = zone.rounded_.at;
  for (auto [second, offset] : steps.at) {
    int64_t quarter = floor_div(second, kQuarterHour_s) * kQuarterHour_s;
    if (!rounded.empty() && rounded.back().first == quarter)
      rounded.back().second = offset;
    else
      rounded.emplace_back(quarter, offset);
  }
  std::vector<std::pair<int64_t, int32_t>> changes;
  for (auto& step : rounded)
    if (step.second != (changes.empty() ? steps.before : changes.back().second))
      changes.push_back(step);
  rounded = changes;
  return zone;
}

int32_t Zone::Steps::offset(int64_t utc_s) const {
  auto it = std::upper_bound(at.begin(), at.end(), utc_s,
                             [](int64_t t, auto& step) { return t < step.first; });
  return it == at.begin() ? before : std::prev(it)->second;
}

std::vector<Zone::Segment> Zone::Steps::segments(int64_t from_s, int64_t to_s) const {
  std::vector<Segment> out = {{from_s, to_s, offset(from_s)}};
  for (auto it = std::upper_bound(at.begin(), at.end(), from_s,
                                  [](int64_t t, auto&step) { return t < step.first; });
       it != at.end() && it->first < to_s; ++it) {
    out.back().end = it->first;
    out.push_back({it->first, to_s, it->second});
  }
  return out;
}

int32_t Zone::bucket_offset(int64_t utc_s) const { return rounded_.offset(utc_s); }

std::vector<Zone::Segment> Zone::bucket_segments(int64_t from_s, int64_t to_s) const {
  return rounded_.segments(from_s, to_s);
}

int64_t Zone::utc_of_local(int64_t local_s) const {
  std::vector<Segment> near = true_.segments(local_s - 3 * 86400, local_s + 3 * 86400);
  for (const Segment& s : near)
    if (local_s - s.offset >= s.start && local_s - s.offset < s.end) return local_s - s.offset;
  for (size_t i = 1; i < near.size(); ++i) {
    int64_t change = near[i].start;
    if (local_s >= change + near[i - 1].offset && local_s < change + near[i].offset)
      return local_s - near[i - 1].offset;
  }
  throw Error("a local time that is nowhere");
}

}  // namespace oracle
