#include "time/parse_time.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace quipu {
namespace {

const ZoneRules& utc() {
  static const ZoneRules rules;
  return rules;
}
ZoneRules berlin() { return load_zone("Europe/Berlin").value(); }

// The milliseconds, or what went wrong.
std::string text(std::string_view s, const ZoneRules& zone = utc()) {
  const ParsedTime t = parse_time_text(s, zone);
  if (t.error == TimeError::bad) return "bad";
  if (t.error == TimeError::out_of_range) return "out of range";
  return std::to_string(t.ms);
}
std::string number(std::string_view s, TimeUnit unit) {
  const ParsedTime t = parse_time_number(s, unit);
  if (t.error == TimeError::bad) return "bad";
  if (t.error == TimeError::out_of_range) return "out of range";
  return std::to_string(t.ms);
}
std::string formatted(std::string_view s, std::string_view format, const ZoneRules& zone = utc()) {
  EXPECT_TRUE(check_time_format(format).ok()) << format;
  const ParsedTime t = parse_time_format(s, format, zone);
  if (t.error == TimeError::bad) return "bad";
  if (t.error == TimeError::out_of_range) return "out of range";
  return std::to_string(t.ms);
}

TEST(ParseTime, ReadsEverySpellingOfAnInstant) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  auto draw = [&](int n) { return int(rng() % uint64_t(n)); };
  for (int i = 0; i < 20000; ++i) {
    const int64_t utc_s = int64_t(rng() % uint64_t(kEndEventTimeS));
    int offset = 0;
    std::string offset_text;
    switch (draw(6)) {
      case 0:
        offset_text = "Z";
        break;
      case 1:
        offset_text = "z";
        break;
      case 2:
        break;  // none: UTC is given as the zone
      default: {
        int minutes = draw(18 * 60 + 1);
        if (draw(3) == 0) minutes -= minutes % 60;
        const bool west = draw(2) == 0;
        offset = (west ? -60 : 60) * minutes;
        char buffer[16];
        const int form = draw(3);
        if (form == 2 && minutes % 60 == 0)
          std::snprintf(buffer, sizeof buffer, "%c%02d", west ? '-' : '+', minutes / 60);
        else
          std::snprintf(buffer, sizeof buffer, form == 0 ? "%c%02d:%02d" : "%c%02d%02d",
                        west ? '-' : '+', minutes / 60, minutes % 60);
        offset_text = buffer;
      }
    }
    const std::chrono::sys_seconds local{std::chrono::seconds(utc_s + offset)};
    const auto day = std::chrono::floor<std::chrono::days>(local);
    const std::chrono::year_month_day date(day);
    const int second = int((local - day).count());
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u%c%02d:%02d", int(date.year()),
                  unsigned(date.month()), unsigned(date.day()), "Tt "[draw(3)], second / 3600,
                  second / 60 % 60);
    std::string spelled = buffer;
    int64_t expected = utc_s;
    int64_t milliseconds = 0;
    if (draw(4) == 0) {
      expected -= second % 60;
    } else {
      std::snprintf(buffer, sizeof buffer, ":%02d", second % 60);
      spelled += buffer;
      if (const int digits = draw(12)) {
        std::string fraction;
        for (int k = 0; k < digits; ++k) fraction.push_back(char('0' + draw(10)));
        spelled += (draw(2) ? "." : ",") + fraction;
        milliseconds = std::stoi((fraction + "000").substr(0, 3));
      }
    }
    if (!offset_text.empty()) spelled += (draw(3) == 0 ? " " : "") + offset_text;
    ASSERT_EQ(text(spelled), std::to_string(expected * 1000 + milliseconds)) << spelled;
  }
}

TEST(ParseTime, LooseForms) {
  const std::string midnight = "1362873600000";  // 2013-03-10
  for (const char* s : {"2013-03-10", "2013-03-10T00:00", "2013-03-10 00:00:00", "2013-03-10Z",
                        "2013-03-10 Z", "2013-03-10+00", "2013-03-10T02:30:00+02:30",
                        "2013-03-09T23:59:60+00:00", "2013-03-10T00:00:00.0009Z"}) {
    const bool sixty = std::string_view(s).find(":60") != std::string_view::npos;
    EXPECT_EQ(text(s), sixty ? "1362873599000" : midnight) << s;
  }
  EXPECT_EQ(text("2012-02-29"), "1330473600000");
  EXPECT_EQ(text("1970-01-01T00:00:00Z"), "0");
  EXPECT_EQ(text("2199-12-31T23:59:59.999Z"), "7258118399999");
  EXPECT_EQ(text("1969-12-31T20:00:00-04:00"), "0");
  EXPECT_EQ(text("2200-01-01T01:00:00+02:00"), std::to_string((kEndEventTimeS - 3600) * 1000));
}

TEST(ParseTime, WhatIsNoTimeIsBadAndWhatIsFarAwayIsOutOfRange) {
  for (const char* s : {"",
                        " ",
                        "yesterday",
                        "2013",
                        "2013-3-10",
                        "2013-03",
                        "2013-13-01",
                        "2013-00-01",
                        "2013-02-29",
                        "2013-04-31",
                        "2013-03-10T",
                        "2013-03-10T24:00",
                        "2013-03-10T12",
                        "2013-03-10T12:60",
                        "2013-03-10T12:00:61",
                        "2013-03-10T12:00:00.",
                        "2013-03-10T12:00:00.Z",
                        "2013-03-10T12:00:00 ",
                        " 2013-03-10",
                        "2013-03-10  12:00",
                        "2013-03-10T12:00:00+2",
                        "2013-03-10T12:00:00+02:3",
                        "2013-03-10T12:00:00+02:60",
                        "2013-03-10T12:00:00+18:01",
                        "2013-03-10T12:00:00+-2:00",
                        "2013-03-10T12:00:00  Z",
                        "2013-03-10T12:00:00Zulu",
                        "2013-03-10T12:00:00Z ",
                        "12013-03-10",
                        "+2013-03-10",
                        "-2013-03-10",
                        "2013/03/10",
                        "2013-03-1012:00",
                        "2013-03-10T12.00",
                        "1362873600",
                        "1362873600.5",
                        "1.3e9",
                        "-5",
                        "20130310",
                        "2013-W10-7",
                        "2013-03-10\n"}) {
    EXPECT_EQ(text(s), "bad") << s;
    EXPECT_FALSE(parse_time_text(s, utc()).hint.empty());
  }
  EXPECT_EQ(text(std::string_view("2013-03-10\0", 11)), "bad");
  for (const char* s :
       {"1969-12-31", "1969-12-31T23:59:59Z", "2200-01-01", "0000-01-01", "9999-12-31",
        "0001-01-01T00:00:00", "1970-01-01T00:00:00+00:01", "2199-12-31T23:59:59-00:01"}) {
    EXPECT_EQ(text(s), "out of range") << s;
  }
}

TEST(ParseTime, LocalTimesUseTheGivenZone) {
  const ZoneRules zone = berlin();
  auto kind = [&](const char* s) { return parse_time_text(s, zone).local; };
  EXPECT_EQ(text("2013-07-01T12:00", zone), "1372672800000");   // 10:00 UTC
  EXPECT_EQ(text("2013-07-01T12:00Z", zone), "1372680000000");  // an offset wins
  EXPECT_EQ(kind("2013-07-01T12:00"), LocalKind::unique);
  EXPECT_EQ(text("2013-10-27T02:30", zone), "1382833800000");  // twice: the first, 00:30 UTC
  EXPECT_EQ(kind("2013-10-27T02:30"), LocalKind::twice);
  EXPECT_EQ(text("2013-03-31T02:30", zone), "1364693400000");  // skipped: 01:30 UTC, shown as 03:30
  EXPECT_EQ(kind("2013-03-31T02:30"), LocalKind::skipped);
  EXPECT_EQ(kind("2013-03-31T02:30+01:00"), LocalKind::unique);
}

TEST(ParseTime, NumbersInEveryUnitAreFloored) {
  EXPECT_EQ(number("1362873600", TimeUnit::s), "1362873600000");
  EXPECT_EQ(number("1362873600.1239", TimeUnit::s), "1362873600123");
  EXPECT_EQ(number("1.3628736005e9", TimeUnit::s), "1362873600500");
  EXPECT_EQ(number("1362873600123", TimeUnit::ms), "1362873600123");
  EXPECT_EQ(number("1362873600123.9", TimeUnit::ms), "1362873600123");
  EXPECT_EQ(number("1362873600123999", TimeUnit::us), "1362873600123");
  EXPECT_EQ(number("1362873600123999999", TimeUnit::ns), "1362873600123");
  EXPECT_EQ(number("7258118399999999999", TimeUnit::ns), "7258118399999");
  EXPECT_EQ(number("7258118400000000000", TimeUnit::ns), "out of range");
  EXPECT_EQ(number("7258118399.9999999999999999999999999999999999999999", TimeUnit::s),
            "7258118399999");
  EXPECT_EQ(number("0", TimeUnit::s), "0");
  EXPECT_EQ(number("-0.0", TimeUnit::s), "0");
  EXPECT_EQ(number("0.9999999999999999999999999999999999999999999", TimeUnit::s), "999");
  EXPECT_EQ(number("999999", TimeUnit::ns), "0");
  EXPECT_EQ(number("0001362873600", TimeUnit::s), "1362873600000");
  EXPECT_EQ(number("1e-400", TimeUnit::s), "0");
  EXPECT_EQ(number("1e-99999999999999999999", TimeUnit::s), "0");
  EXPECT_EQ(number("0e99999999999999999999", TimeUnit::s), "0");
  for (const char* s :
       {"1e12", "1e400", "1e999999999", "1e99999999999999999999", "-1", "-0.0001",
        "-1e-99999999999999999999", "99999999999999999999999999999999999999999999999999"}) {
    EXPECT_EQ(number(s, TimeUnit::s), "out of range") << s;
  }
  for (const char* s : {"", "x", "1.", ".5", "01.5", "+1", "1 ", "0x10", "1e", "--1", "1.5.5"})
    EXPECT_EQ(number(s, TimeUnit::s), "bad") << s;
  const std::string long_zero = "0." + std::string(100000, '0') + "1";
  EXPECT_EQ(number(long_zero, TimeUnit::s), "0");
  EXPECT_EQ(number(std::string(100000, '0') + "7", TimeUnit::s), "7000");
}

TEST(ParseTime, RandomNumbersAreExact) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  constexpr TimeUnit kUnits[] = {TimeUnit::s, TimeUnit::ms, TimeUnit::us, TimeUnit::ns};
  for (int i = 0; i < 5000; ++i) {
    const int unit = int(rng() % 4);
    // A time in nanoseconds, written as a decimal number of the unit.
    const uint64_t ns = rng() % 7258118400000000000u;
    std::string digits = std::to_string(ns);
    const size_t behind = size_t(9 - 3 * unit);
    while (digits.size() <= behind) digits.insert(digits.begin(), '0');
    std::string spelled = digits.substr(0, digits.size() - behind);
    if (behind > 0) spelled += "." + digits.substr(digits.size() - behind);
    ASSERT_EQ(number(spelled, kUnits[unit]), std::to_string(ns / 1000000)) << spelled;
    // The same with an exponent.
    const std::string scientific = std::to_string(ns) + "e-" + std::to_string(behind);
    ASSERT_EQ(number(scientific, kUnits[unit]), std::to_string(ns / 1000000)) << scientific;
  }
}

TEST(ParseTime, ABareNumberIsBadWithAHintOfItsUnit) {
  auto hint = [](const char* s) {
    const ParsedTime t = parse_time_number(s, TimeUnit::none);
    EXPECT_EQ(t.error, TimeError::bad);
    EXPECT_EQ(parse_time_text(s, utc()).error, TimeError::bad);
    return t.hint;
  };
  EXPECT_NE(hint("1362873600").find("unix_s (2013-03-10)"), std::string::npos);
  EXPECT_NE(hint("1362873600000").find("unix_ms (2013-03-10)"), std::string::npos);
  EXPECT_NE(hint("1362873600000000").find("unix_us (2013-03-10)"), std::string::npos);
  EXPECT_NE(hint("1362873600000000000").find("unix_ns (2013-03-10)"), std::string::npos);
  EXPECT_NE(hint("5").find("unit"), std::string::npos);
  EXPECT_NE(parse_time_text("1362873600", utc()).hint.find("unix_s"), std::string::npos);
  // A wrong unit: out of range, with the likely one.
  const ParsedTime wrong = parse_time_number("1362873600000", TimeUnit::s);
  EXPECT_EQ(wrong.error, TimeError::out_of_range);
  EXPECT_NE(wrong.hint.find("unix_ms"), std::string::npos);
}

TEST(ParseTime, FormatsReadWhatTheySay) {
  EXPECT_EQ(formatted("10/Mar/2013:14:30:05 +0100", "%d/%b/%Y:%H:%M:%S %z"), "1362922205000");
  EXPECT_EQ(formatted("19970101", "%Y%m%d"), "852076800000");
  EXPECT_EQ(formatted("03/10/13", "%D"), "1362873600000");
  EXPECT_EQ(formatted("2013-03-10  01:02:03.5", "%F %T.%f"), "1362877323500");
  EXPECT_EQ(formatted("march 9 2013 12:05 am", "%B %e %Y %I:%M %p"), "1362787500000");
  EXPECT_EQ(formatted("Mar  9 2013 12:05PM", "%b %e %Y %I:%M%p"), "1362830700000");
  EXPECT_EQ(formatted("2012 366", "%Y %j"), "1356912000000");
  EXPECT_EQ(formatted("2013 366", "%Y %j"), "bad");
  EXPECT_EQ(formatted("2013 0", "%Y %j"), "bad");
  EXPECT_EQ(formatted("100% 2013", "100%% %Y"), "1356998400000");
  EXPECT_EQ(formatted("may 2013", "%B %Y"), "1367366400000");
  EXPECT_EQ(formatted("2013-03-10 UTC", "%F %Z", berlin()), "1362873600000");
  EXPECT_EQ(formatted("2013-03-10", "%F", berlin()), "1362870000000");
  EXPECT_EQ(formatted("69", "%y"), "out of range");
  EXPECT_EQ(formatted("70", "%y"), "0");
  EXPECT_EQ(formatted("68", "%y"), "3092601600000");
  EXPECT_EQ(formatted("2013-03-10 12:00:60", "%F %T"), "1362916859000");
  for (const char* s : {"2013-03-10x", "2013-3-10 ", "2013-02-30", "13-13-13", "", "x2013-03-10"})
    EXPECT_EQ(formatted(s, "%Y-%m-%d"), "bad") << s;
  EXPECT_EQ(formatted("2013 13:00 pm", "%Y %I:%M %p"), "bad");
}

TEST(ParseTime, FormatsThatCannotWorkAreRefused) {
  for (const char* format : {"", "%H:%M", "%Y-%Q", "%Y-%", "%%Y", "%Y %I:%M", "%Y %k"}) {
    const Status status = check_time_format(format);
    ASSERT_FALSE(status.ok()) << format;
    EXPECT_FALSE(status.error().message.empty());
  }
}

TEST(ParseTime, NoTextBreaksIt) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 rng(seed);
  const std::string starts[] = {"2013-03-10T14:30:00.123+02:00", "1362873600.25",
                                "10/Mar/2013:14:30:05 +0100", "12e-3"};
  for (int i = 0; i < 50000; ++i) {
    std::string s = starts[rng() % 4];
    for (uint32_t n = 1 + rng() % 3; n > 0 && !s.empty(); --n) {
      const size_t at = rng() % s.size();
      switch (rng() % 3) {
        case 0:
          s[at] = char(rng());
          break;
        case 1:
          s.erase(at, 1 + rng() % 4);
          break;
        default:
          s.insert(at, 1, "0123456789-+:.TZeE "[rng() % 19]);
      }
    }
    const std::vector<char> exact(s.begin(), s.end());  // so that a read beyond its end is seen
    const std::string_view view(exact.data(), exact.size());
    for (const ParsedTime& t : {parse_time_text(view, utc()), parse_time_number(view, TimeUnit::s),
                                parse_time_format(view, "%d/%b/%Y:%H:%M:%S %z", utc())}) {
      ASSERT_EQ(t.error == TimeError::none, t.hint.empty());
      ASSERT_TRUE(t.ms >= 0 && t.ms < kEndEventTimeS * 1000);
    }
  }
}

TEST(ParseTime, InstantsPrintWithTheirOffset) {
  EXPECT_EQ(format_instant(1362891600, -5 * 3600), "2013-03-10T00:00:00-05:00");
  EXPECT_EQ(format_instant(0, 0), "1970-01-01T00:00:00+00:00");
  EXPECT_EQ(format_instant(-3 * 86400, 0), "1969-12-29T00:00:00+00:00");
  EXPECT_EQ(format_instant(7258118399, 20700), "2200-01-01T05:44:59+05:45");
  EXPECT_EQ(format_instant(2670, -2670), "1970-01-01T00:00:00-00:44:30");
}

}  // namespace
}  // namespace quipu
