// Cases for the oracle's reading of lines and times, answered by hand.
#include <gtest/gtest.h>

#include <memory>

#include "oracle.h"
#include "oracle_cases.h"
#include "parts.h"

namespace oracle {
namespace {

TEST(Canonical, NumbersAreOneByTheirExactValue) {
  const std::string d37(37, '9'), d38(38, '9'), d39(39, '9');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"95", "95"},
      {"95.0", "95"},
      {"9.5e1", "95"},
      {"-0", "0"},
      {"0.000", "0"},
      {"0e7", "0"},
      {"0.50", "0.5"},
      {"-12.300e1", "-123"},
      {"5e-1", "0.5"},
      {"820982911946154509", "820982911946154509"},
      {d38, d38},
      {d38 + "0", d38.substr(0, 1) + "." + d37 + "e38"},
      {"1e37", "1" + std::string(37, '0')},
      {"1e38", "1e38"},
      {"12e37", "1.2e38"},
      {"1e-38", "0." + std::string(37, '0') + "1"},
      {"1e-39", "1e-39"},
      {"15e-401", "1.5e-400"},
      {"1e999999999", "1e999999999"},
      {"1e1000000000000000000", "1e1000000000000000000"},
      {"1.0e1000000000000000001", "1.0e1000000000000000001"},
      {"1E+0005", "100000"},
      {d39, d39.substr(0, 1) + "." + d38 + "e38"},
      {"1." + d37, "1." + d37},
      {"12." + d37, "1.2" + d37 + "e1"},
      // no JSON numbers, so texts
      {"0095", "0095"},
      {"+5", "+5"},
      {" 5", " 5"},
      {"5 ", "5 "},
      {"1.", "1."},
      {".5", ".5"},
      {"1e", "1e"},
      {"-", "-"},
      {"", ""},
      {"0x10", "0x10"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(canonical_number(text), expected) << text;
}

TEST(Canonical, StringsWithAnExponentStayText) {
  EXPECT_EQ(canonical("95.0"), "95");
  EXPECT_EQ(canonical("0e82703583"), "0e82703583");
  EXPECT_EQ(canonical("1E3"), "1E3");
}

TEST(Fixed, SixDecimalsHalfToEven) {
  struct Case {
    std::string text, fixed;
    bool rounded;
  };
  for (const Case& c : std::vector<Case>{{"10.5", "10.50", false},
                                         {"0.125", "0.125", false},
                                         {"167881", "167881", false},
                                         {"-0.5", "-0.50", false},
                                         {"1e-6", "0.000001", false},
                                         {"0.0000005", "0", true},
                                         {"0.0000015", "0.000002", true},
                                         {"0.0000025", "0.000002", true},
                                         {"0.00000250001", "0.000003", true},
                                         {"-0.0000015", "-0.000002", true},
                                         {"1.0000000", "1", false},
                                         {"1e-999999999", "0", true},
                                         {"100000000000000000000", "100000000000000000000", false},
                                         {"-1e20", "-100000000000000000000", false},
                                         {"0.9999999", "1", true}}) {
    Fixed v;
    bool rounded;
    ASSERT_EQ(to_fixed(*read_decimal(c.text), &v, &rounded), FixedFault::kNone) << c.text;
    EXPECT_EQ(fixed_text(v), c.fixed) << c.text;
    EXPECT_EQ(rounded, c.rounded) << c.text;
  }
  for (const char* text :
       {"1e21", "100000000000000000001", "-100000000000000000000.5", "1e999999999"}) {
    Fixed v;
    bool rounded;
    EXPECT_EQ(to_fixed(*read_decimal(text), &v, &rounded), FixedFault::kTooLarge) << text;
  }
}

TEST(Lines, FaultsOfJson) {
  Counter counter(Plan::parse(plan_in("[{zone: UTC}]")));
  for (const char* line :
       {"nonsense", "[1]", "{\"m\":\"M\"", "{\"m\":\"M\",}", "{\"m\":01}", "{\"m\":NaN}",
        "{\"m\":\"a\nb\"}", "{\"m\":\"\\x\"}", "{} {}", "{\"m\":1.}", "{'m':1}"})
    EXPECT_EQ(counter.add_line(line), "not_json") << line;
  auto nested = [](int depth) {
    return at("2026-03-01", ",\"x\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']'));
  };
  EXPECT_EQ(counter.add_line(nested(64)), "counted");
  EXPECT_EQ(counter.add_line(nested(65)), "too_deep");
  std::string line = at("2026-03-01");
  EXPECT_EQ(counter.add_line(line + std::string((1 << 20) - line.size(), ' ')), "counted");
  EXPECT_EQ(counter.add_line(line + std::string((1 << 20) - line.size() + 1, ' ')),
            "line_too_long");
  EXPECT_EQ(counter.add_line(" \t"), "skipped");
  EXPECT_EQ(counter.tallies().read, 15u);
}

TEST(Lines, OneReasonTheFirstFound) {
  std::string yaml =
      "event: {tenant: /t, metric: /m, profile: {first: [/who], required: yes}, id: /id, time: "
      "/time, values: {v: /v}}\n"
      "properties: {p: /p, q: /q}\ncount: [{metrics: [M], by: [p, q]}]";
  Counter counter(Plan::parse(yaml));
  EXPECT_EQ(counter.add_line("{\"m\":\"M\"}"), "tenant_missing");
  EXPECT_EQ(counter.add_line("{\"t\":{},\"m\":\"M\"}"), "tenant_missing");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\" \"}"), "metric_missing");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\"N\",\"time\":1,\"time\":2}"), "unplanned");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\"M\",\"v\":\"x\"}"), "time_missing");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\"M\",\"v\":\"x\",\"time\":\"x\"}"), "time_bad");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\"M\",\"v\":\"x\",\"time\":\"2026-03-01\"}"),
            "profile_missing");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\"M\",\"who\":1,\"v\":\"x\",\"p\":\"\\ud800\","
                             "\"time\":\"2026-03-01\"}"),
            "value_not_a_number");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\"M\",\"who\":1,\"p\":\"\\ud800\",\"q\":1,\"q\":1,"
                             "\"time\":\"2026-03-01\"}"),
            "invalid_utf8");
  EXPECT_EQ(
      counter.add_line(
          "{\"t\":\"t\",\"m\":\"M\",\"who\":1,\"q\":1,\"\\u0071\":1,\"time\":\"2026-03-01\"}"),
      "duplicate_key");
  EXPECT_EQ(counter.add_line(
                "{\"t\":\"t\",\"m\":\"M\",\"who\":1,\"id\":\"\xc0\xaf\",\"time\":\"2026-03-01\"}"),
            "invalid_utf8");
  EXPECT_EQ(counter.add_line("{\"t\":\"t\",\"m\":\"M\",\"who\":1,\"x\":1,\"x\":\"\xff\","
                             "\"\\ud800\":\"\\udc00\",\"time\":\"2026-03-01\"}"),
            "counted");
  EXPECT_EQ(counter.tallies().json(),
            "{\"read\":12,\"counted\":1,\"duplicate\":0,\"set_aside\":{\"duplicate_key\":1,"
            "\"invalid_utf8\":2,\"metric_missing\":1,"
            "\"profile_missing\":1,\"tenant_missing\":2,\"time_bad\":1,\"time_missing\":1,\"value_"
            "not_a_number\":1},\"unplanned\":1,\"rounded\":0}");
}

std::string read_json_time(
    const std::string& time_spec,
    const std::string& token) {  // the UTC second and reason by the counter's hours
  Counter counter(Plan::parse(
      "event: {tenant: {const: t}, metric: {const: m}, time: " + time_spec +
      ", id: {first: [/none], else: time_to_second}}\ncount: [{metrics: \"*\", by: [[]]}]"));
  std::string verdict = counter.add_line("{\"time\":" + token + "}");
  return verdict == "counted" ? answers(counter, "hour")[0].substr(0, 19) : verdict;
}

TEST(Times, LooseRfc3339) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"2026-03-01", "2026-03-01T00:00:00"},
      {"2026-03-01T10:20", "2026-03-01T10:00:00"},
      {"2026-03-01 10:20:30.5Z", "2026-03-01T10:00:00"},
      {"2026-03-01t10:20:30,123456789z", "2026-03-01T10:00:00"},
      {"2026-03-01T10:20:30 +02:00", "2026-03-01T08:00:00"},
      {"2026-03-01T10:20:30-0230", "2026-03-01T12:00:00"},
      {"2026-03-01T10:20:30+18", "2026-02-28T16:00:00"},
      {"2026-03-01T23:59:60Z", "2026-03-01T23:00:00"},
      {"2199-12-31T23:59:59.9999Z", "2199-12-31T23:00:00"},
      {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00"},
      {"2200-01-01T01:00:00+02:00", "2199-12-31T23:00:00"},
      {"2200-01-01", "time_out_of_range"},
      {"1970-01-01T00:00:00+00:01", "time_out_of_range"},
      {"0000-01-01", "time_out_of_range"},
      {"2026-03-01T10:20:30+18:01", "time_bad"},
      {"2026-03-01T24:00:00", "time_bad"},
      {"2026-02-29", "time_bad"},
      {"2100-02-29", "time_bad"},
      {"2024-02-29", "2024-02-29T00:00:00"},
      {"2026-03-01T10:20:61", "time_bad"},
      {"2026-03-01T10:20:30.", "time_bad"},
      {"2026-03-01T", "time_bad"},
      {"2026-03-01 ", "time_bad"},
      {"20260301", "time_bad"},
      {"1772352000.5", "time_bad"},
      {"2026-03-01T10:20:30  Z", "time_bad"},
      {"2026-03-01T10:20:30+2:00", "time_bad"},
      {"2026-03-01T10", "time_bad"},
      {"", "time_missing"}};
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(read_json_time("/time", json_quoted(text)), expected) << text;
  EXPECT_EQ(read_json_time("/time", "null"), "time_missing");
  EXPECT_EQ(read_json_time("/time", "1772352000"), "time_bad");
  EXPECT_EQ(read_json_time("/time", "true"), "time_bad");
}

TEST(Times, UnitsAndFormats) {
  // 1772323200 is 2026-03-01T00:00:00Z
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_s}", "1772323200"), "2026-03-01T00:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_s}", "1772323199.9999"), "2026-02-28T23:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_s}", "\"1.7723232e9\""), "2026-03-01T00:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_ms}", "\"1772323200000\""),
            "2026-03-01T00:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_us}", "1772323199999999"),
            "2026-02-28T23:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_ns}", "1772323200000000000"),
            "2026-03-01T00:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_s}", "\"2026-03-01T05:00Z\""),
            "2026-03-01T05:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_s}", "1772323200000"), "time_out_of_range");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_s}", "-0.001"), "time_out_of_range");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_ms}", "7258118399999.9"), "2199-12-31T23:00:00");
  EXPECT_EQ(read_json_time("{at: /time, unit: unix_ms}", "7258118400000"), "time_out_of_range");
  EXPECT_EQ(read_json_time("{at: /time, format: \"[%d/%b/%Y:%H:%M:%S %z]\"}",
                           "\"[10/Oct/2000:13:55:36 -0700]\""),
            "2000-10-10T20:00:00");
  EXPECT_EQ(read_json_time("{at: /time, format: \"%Y%m%d\"}", "\"19970101\""),
            "1997-01-01T00:00:00");
  EXPECT_EQ(read_json_time("{at: /time, format: \"%F %T.%f\"}", "\"2026-03-01 10:00:00.25\""),
            "2026-03-01T10:00:00");
  EXPECT_EQ(read_json_time("{at: /time, format: \"%m/%d/%y %I:%M %p\"}", "\"3/1/26 12:05 am\""),
            "2026-03-01T00:00:00");
  EXPECT_EQ(read_json_time("{at: /time, format: \"%j %Y\"}", "\"366 2024\""),
            "2024-12-31T00:00:00");
  EXPECT_EQ(read_json_time("{at: /time, format: \"%j %Y\"}", "\"366 2025\""), "time_bad");
  EXPECT_EQ(read_json_time("{at: /time, format: \"%Y%m%d\"}", "\"19970101x\""), "time_bad");
}

TEST(Times, LocalTimesTwiceAndNever) {
  auto berlin = [](const std::string& text) {
    return read_json_time("{at: /time, no_offset: Europe/Berlin}", json_quoted(text));
  };
  EXPECT_EQ(berlin("2026-01-15T12:30:00"), "2026-01-15T11:00:00");
  EXPECT_EQ(berlin("2026-10-25T02:30:00"),
            "2026-10-25T00:00:00");  // twice: the first, still summer time
  EXPECT_EQ(berlin("2026-03-29T02:30:00"), "2026-03-29T01:00:00");  // never: 03:30 summer time
  EXPECT_EQ(berlin("2026-07-01T12:30:00Z"), "2026-07-01T12:00:00");
  EXPECT_EQ(berlin("2100-07-01T12:30:00"), "2100-07-01T10:00:00");
  EXPECT_EQ(read_json_time("{at: /time, no_offset: Pacific/Apia}", "\"2011-12-30T12:00:00\""),
            "2011-12-30T22:00:00");  // a whole day that never was
}

Counter* delimited(const std::string& input) {
  return new Counter(Plan::parse(
      "input: " + input +
      "\nevent: {tenant: {const: t}, metric: {const: M}, profile: /who, time: {at: /when, format: "
      "\"%Y%m%d\"}, values: {v: /v}}\n"
      "properties: {p: /p, third: /2}\ncount: [{metrics: [M], by: [p, third], sum: [v]}]"));
}

TEST(Delimited, HeadersQuotesAndCounts) {
  std::unique_ptr<Counter> csv(delimited("{format: delimited}"));
  for (const char* line :
       {"who,when,p,v", "a,20260301,\"x, \"\"y\"\"\",1.5", "b,20260301,95.0,", "", "a,20260301,95"})
    csv->add_line(line);
  csv->begin_file();
  EXPECT_EQ(csv->add_line("p,v,when,who\r\n"), "skipped");
  EXPECT_EQ(csv->add_line("95,2,20260301,c\r\n"), "counted");
  EXPECT_EQ(csv->add_line("\xff,2,20260301,c"), "invalid_utf8");
  EXPECT_EQ(csv->add_line("p,x,20260301,c"), "value_not_a_number");
  EXPECT_EQ(csv->tallies().set_aside.at("wrong_field_count"), 1u);
  EXPECT_EQ(answers(*csv, "day", "\"p\""),
            (Strings{"95 2026-03-01T00:00:00+00:00 2/2 2",
                     "x, \"y\" 2026-03-01T00:00:00+00:00 1/1 1.50"}));
  EXPECT_EQ(
      answers(*csv, "day", "third"),
      (Strings{"20260301 2026-03-01T00:00:00+00:00 1/1 2", "95 2026-03-01T00:00:00+00:00 1/1 0",
               "x, \"y\" 2026-03-01T00:00:00+00:00 1/1 1.50"}));
}

TEST(Delimited, RunsOfBlanksAndTabs) {
  std::unique_ptr<Counter> runs(delimited(
      "{format: delimited, delimiter: whitespace, header: no, columns: [who, when, p, v]}"));
  EXPECT_EQ(runs->add_line("  a \t 20260301   \"x y\"  1 "), "counted");
  EXPECT_EQ(runs->add_line("a 20260301 x"), "wrong_field_count");
  EXPECT_EQ(answers(*runs, "day", "\"p\""), (Strings{"x y 2026-03-01T00:00:00+00:00 1/1 1"}));
  std::unique_ptr<Counter> tabs(
      delimited("{format: delimited, delimiter: \"\\t\", header: no, quote: none, columns: [who, "
                "when, p, v]}"));
  EXPECT_EQ(tabs->add_line("a\t20260301\t\"x\t"), "counted");
  EXPECT_EQ(answers(*tabs, "day", "\"p\""), (Strings{"\"x 2026-03-01T00:00:00+00:00 1/1 0"}));
}

}  // namespace
}  // namespace oracle
