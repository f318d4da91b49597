// Cases for the oracle itself, answered by hand.
#include "oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "oracle_cases.h"
#include "parts.h"
#include "stream.h"

namespace oracle {
namespace {

TEST(Buckets, CairoDaysWithoutMidnight) {
  const Strings times = {"2025-04-24T21:59:59Z", "2025-04-24T22:00:00Z", "2025-04-25T20:59:59Z",
                         "2025-04-25T21:00:00Z"};
  EXPECT_EQ(buckets("{zone: Africa/Cairo}", "day", times),
            (Strings{"2025-04-24T00:00:00+02:00 1/1", "2025-04-25T01:00:00+03:00 2/1",
                     "2025-04-26T00:00:00+03:00 1/1"}));
  EXPECT_EQ(buckets("{zone: Africa/Cairo}", "hour", times),
            (Strings{"2025-04-24T23:00:00+02:00 1/1", "2025-04-25T01:00:00+03:00 1/1",
                     "2025-04-25T23:00:00+03:00 1/1", "2025-04-26T00:00:00+03:00 1/1"}));
}

TEST(Buckets, LordHoweHalfHours) {
  EXPECT_EQ(buckets("{zone: Australia/Lord_Howe}", "hour",
                    {"2026-04-04T14:45:00Z", "2026-04-04T15:10:00Z", "2026-04-04T15:40:00Z",
                     "2026-10-03T15:40:00Z"}),
            (Strings{"2026-04-05T01:00:00+11:00 1/1", "2026-04-05T01:30:00+10:30 1/1",
                     "2026-04-05T02:00:00+10:30 1/1", "2026-10-04T02:30:00+11:00 1/1"}));
}

TEST(Buckets, ApiaHasNoThirtiethOfDecember) {
  const Strings times = {"2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"};
  EXPECT_EQ(buckets("{zone: Pacific/Apia}", "day", times),
            (Strings{"2011-12-29T00:00:00-10:00 1/1", "2011-12-31T00:00:00+14:00 1/1",
                     "2012-01-01T00:00:00+14:00 1/1"}));
  EXPECT_EQ(buckets("{zone: Pacific/Apia}", "week", times),
            (Strings{"2011-12-26T00:00:00-10:00 3/1"}));
  EXPECT_EQ(buckets("{zone: Pacific/Apia}", "month", times),
            (Strings{"2011-12-01T00:00:00-10:00 2/1", "2012-01-01T00:00:00+14:00 1/1"}));
}

TEST(Buckets, TransitionsAreTakenAtTheStartOfTheirQuarterHour) {
  // St. John's went from 00:01 (-02:30) back to 23:01 (-03:30) at 02:31Z; here at 02:30Z.
  const Strings times = {"2009-11-01T02:29:59Z", "2009-11-01T02:30:30Z", "2009-11-01T03:29:59Z",
                         "2009-11-01T03:30:00Z"};
  EXPECT_EQ(buckets("{zone: America/St_Johns}", "day", times),
            (Strings{"2009-10-31T00:00:00-02:30 3/1", "2009-11-01T00:00:00-03:30 1/1"}));
  EXPECT_EQ(buckets("{zone: America/St_Johns}", "hour", times),
            (Strings{"2009-10-31T23:00:00-02:30 1/1", "2009-10-31T23:00:00-03:30 2/1",
                     "2009-11-01T00:00:00-03:30 1/1"}));
}

TEST(Buckets, CaseyHasADayInTwoPieces) {
  const Strings times = {"2010-03-04T12:30:00Z", "2010-03-04T13:30:00Z", "2010-03-04T15:30:00Z",
                         "2010-03-04T16:30:00Z"};
  EXPECT_EQ(buckets("{zone: Antarctica/Casey}", "day", times),
            (Strings{"2010-03-04T00:00:00+11:00 2/1", "2010-03-05T00:00:00+11:00 2/1"}));
  EXPECT_EQ(buckets("{zone: Antarctica/Casey}", "hour", times),
            (Strings{"2010-03-04T23:00:00+08:00 1/1", "2010-03-04T23:00:00+11:00 1/1",
                     "2010-03-05T00:00:00+08:00 1/1", "2010-03-05T00:00:00+11:00 1/1"}));
}

TEST(Buckets, MonroviaBefore1972IsSetAside) {
  Counter counter(Plan::parse(plan_in("[{zone: UTC}, {zone: Africa/Monrovia}]")));
  EXPECT_EQ(counter.add_line(at("1972-01-07T00:29:59Z", ",\"id\":1")), "zone_offset_odd");
  EXPECT_EQ(counter.add_line(at("1972-01-07T00:30:00Z", ",\"id\":1")), "counted");
  EXPECT_EQ(answers(counter, "day", "Monrovia"), (Strings{"1972-01-07T00:30:00+00:00 1/1"}));
  EXPECT_EQ(answers(counter, "day", "UTC"), (Strings{"1972-01-07T00:00:00+00:00 1/1"}));
}

TEST(Buckets, FarYearsFollowTheFooter) {
  const Strings times = {"2100-03-14T06:30:00Z", "2100-03-14T07:30:00Z", "2199-11-03T05:30:00Z",
                         "2199-11-03T06:30:00Z"};
  EXPECT_EQ(buckets("{zone: America/New_York}", "hour", times),
            (Strings{"2100-03-14T01:00:00-05:00 1/1", "2100-03-14T03:00:00-04:00 1/1",
                     "2199-11-03T01:00:00-04:00 1/1", "2199-11-03T01:00:00-05:00 1/1"}));
  EXPECT_EQ(buckets("{zone: America/New_York}", "day", times),
            (Strings{"2100-03-14T00:00:00-05:00 2/1", "2199-11-03T00:00:00-04:00 2/1"}));
}

TEST(Buckets, WeeksAreNamedByTheirFirstDay) {
  const Strings times = {"2022-01-01T12:00:00Z", "2022-12-31T12:00:00Z", "2024-12-30T12:00:00Z",
                         "2025-01-05T23:59:59Z", "2025-01-06T00:00:00Z", "1970-01-01T00:00:00Z"};
  EXPECT_EQ(buckets("{zone: UTC}", "week", times),
            (Strings{"1969-12-29T00:00:00+00:00 1/1", "2021-12-27T00:00:00+00:00 1/1",
                     "2022-12-26T00:00:00+00:00 1/1", "2024-12-30T00:00:00+00:00 2/1",
                     "2025-01-06T00:00:00+00:00 1/1"}));
  EXPECT_EQ(buckets("{zone: UTC, week_start: sunday}", "week",
                    {"2025-01-01T00:00:00Z", "2025-01-04T23:59:59Z", "2025-01-05T00:00:00Z"}),
            (Strings{"2024-12-29T00:00:00+00:00 2/1", "2025-01-05T00:00:00+00:00 1/1"}));
}

TEST(Buckets, ZonesOffTheHour) {
  const Strings times = {"2026-03-01T18:15:00Z", "2026-03-01T18:45:00Z", "2026-03-01T18:14:00Z",
                         "2026-03-01T18:16:00Z"};
  EXPECT_EQ(buckets("{zone: Asia/Kolkata}", "day", times),
            (Strings{"2026-03-01T00:00:00+05:30 3/1", "2026-03-02T00:00:00+05:30 1/1"}));
  EXPECT_EQ(buckets("{zone: Asia/Kathmandu}", "day", times),
            (Strings{"2026-03-01T00:00:00+05:45 1/1", "2026-03-02T00:00:00+05:45 3/1"}));
  EXPECT_EQ(
      buckets("{zone: Asia/Kathmandu}", "month", {"2026-02-28T18:14:59Z", "2026-02-28T18:15:00Z"}),
      (Strings{"2026-02-01T00:00:00+05:45 1/1", "2026-03-01T00:00:00+05:45 1/1"}));
}

Strings verdicts(const std::string& id, const Strings& lines) {
  Counter counter(
      Plan::parse("event: {tenant: {const: t}, metric: /m, profile: /who, time: /time, id: " + id +
                  "}\ncount: [{metrics: \"*\", by: [[]]}]"));
  Strings out;
  for (const std::string& line : lines) out.push_back(counter.add_line(line));
  return out;
}

TEST(Ids, AreOfTenantMetricAndProfile) {
  EXPECT_EQ(verdicts("/id", {at("2026-03-01", ",\"id\":\"k\""), at("2025-01-01", ",\"id\":\"k\""),
                             "{\"m\":\"N\",\"who\":\"a\",\"id\":\"k\",\"time\":\"2026-03-01\"}",
                             "{\"m\":\"M\",\"who\":\"b\",\"id\":\"k\",\"time\":\"2026-03-01\"}",
                             "{\"m\":\"M\",\"id\":\"k\",\"time\":\"2026-03-01\"}",
                             "{\"m\":\"M\",\"id\":\"k\",\"who\":\" \",\"time\":\"2026-03-01\"}",
                             at("2026-03-01"), at("2026-03-01"), at("2026-03-01", ",\"id\":\"\""),
                             at("2026-03-01", ",\"id\":7"), at("2026-03-01", ",\"id\":\"7.0\"")}),
            (Strings{"counted", "duplicate", "counted", "counted", "counted", "duplicate",
                     "counted", "counted", "counted", "counted", "duplicate"}));
}

TEST(Ids, TuplesAndSeconds) {
  EXPECT_EQ(verdicts("{all: [/id, /topic]}",
                     {at("2026-03-01", ",\"id\":\"a\",\"topic\":\"bc\""),
                      at("2026-03-01", ",\"id\":\"ab\",\"topic\":\"c\""),
                      at("2026-03-01", ",\"id\":\"a\""), at("2026-03-01", ",\"id\":\"a\""),
                      at("2026-03-01", ",\"id\":\"ab\",\"topic\":\"c\"")}),
            (Strings{"counted", "counted", "counted", "counted", "duplicate"}));
  EXPECT_EQ(
      verdicts("{first: [/id], else: time_to_second}",
               {at("2026-03-01T10:00:00.100Z"), at("2026-03-01T10:00:00.900Z"),
                at("2026-03-01T10:00:01Z"), at("2026-03-01T10:00:00Z", ",\"id\":\"1772359200\""),
                at("2026-03-01T11:00:00.5+01:00")}),
      (Strings{"counted", "duplicate", "counted", "counted", "duplicate"}));
}

TEST(Ids, OnlyACountedEventLeavesOne) {
  Counter counter(
      Plan::parse("quipu: 1\n" + kEvent +
                  "properties: {p: /p}\ncount: [{metrics: \"*\", when: {p: [x]}, by: [[]]}]"));
  EXPECT_EQ(counter.add_line(at("yesterday", ",\"id\":1,\"p\":\"x\"")), "time_bad");
  EXPECT_EQ(counter.add_line(at("2026-03-01", ",\"id\":1,\"p\":\"y\"")), "unplanned");
  EXPECT_EQ(counter.add_line(at("2026-03-01", ",\"id\":1,\"p\":\"x\"")), "counted");
  EXPECT_EQ(counter.add_line(at("2026-03-01", ",\"id\":1,\"p\":\"x\"")), "duplicate");
  EXPECT_EQ(counter.add_line(at("2026-03-01", ",\"id\":1,\"p\":\"y\"")), "unplanned");
  EXPECT_EQ(counter.add_line(at("2026-03-01", ",\"id\":1,\"p\":\"x\",\"v\":\"?\"")),
            "value_not_a_number");
}

// Answers by month of one event's properties.
Strings by_month(const std::string& properties, const std::string& rule, const Strings& extras) {
  Counter counter(
      Plan::parse("quipu: 1\n" + kEvent + "properties: " + properties + "\ncount: [" + rule + "]"));
  Strings out;
  for (const std::string& extra : extras) counter.add_line(at("2026-03-01", extra));
  for (std::string& line : out = answers(counter, "month"))
    line.erase(line.find("2026-03-01T00:00:00+00:00 "), 26);
  return out;
}

TEST(Properties, ArraysCountOnceInEachDistinctValue) {
  EXPECT_EQ(by_month("{tag: /tags}", "{metrics: \"*\", by: [tag], sum: [v]}",
                     {",\"v\":2,\"tags\":[\"a\",\"b\",\"a\",95,\"95.0\",null,[\"x\"],{}]",
                      ",\"v\":1,\"tags\":\"a\"", ",\"tags\":[]"}),
            (Strings{" 2/1 2", "95 1/1 2", "a 2/1 3", "b 1/1 2"}));
}

TEST(Properties, OneStarIsATupleTwoMakeTheProduct) {
  const std::string lines =
      ",\"l\":[{\"sku\":\"A\",\"color\":\"red\"},{\"sku\":\"B\",\"color\":\"blue\"},{\"sku\":\"A\"}"
      "],\"t\":[1,2]";
  EXPECT_EQ(by_month("{sku: \"/l/*/sku\", color: \"/l/*/color\"}",
                     "{metrics: \"*\", by: [[sku, color]]}", {lines}),
            (Strings{"A  1/1", "A red 1/1", "B blue 1/1"}));
  EXPECT_EQ(by_month("{sku: \"/l/*/sku\", t: /t}", "{metrics: \"*\", by: [[sku, t]]}", {lines}),
            (Strings{"A 1 1/1", "A 2 1/1", "B 1 1/1", "B 2 1/1"}));
  EXPECT_EQ(by_month("{sku: \"/l/*/sku\"}", "{metrics: \"*\", by: [sku]}",
                     {",\"l\":[]", ",\"l\":7", "", ",\"l\":[null,3]"}),
            (Strings{" 4/1"}));
  EXPECT_EQ(by_month("{t: \"/t/*\"}", "{metrics: \"*\", by: [t]}", {",\"t\":7", ",\"t\":[8,[9]]"}),
            (Strings{" 1/1", "7 1/1", "8 1/1"}));
  EXPECT_EQ(by_month("{sku: /l/1/sku}", "{metrics: \"*\", by: [sku]}", {lines}),
            (Strings{"B 1/1"}));
}

TEST(Properties, TooManyRows) {
  auto array = [](int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += (i ? "," : "") + std::to_string(i);
    return "[" + out + "]";
  };
  Counter counter(
      Plan::parse("quipu: 1\n" + kEvent +
                  "properties: {a: /a, b: /b}\ncount: [{metrics: \"*\", by: [[a, b]]}]"));
  EXPECT_EQ(counter.add_line(at("2026-03-01", ",\"a\":" + array(20) + ",\"b\":" + array(50))),
            "counted");
  EXPECT_EQ(counter.add_line(at("2026-03-01", ",\"a\":" + array(13) + ",\"b\":" + array(77))),
            "too_many_rows");
}

TEST(Properties, EmptySkippedAndPresent) {
  const Strings events = {"",
                          ",\"p\":null",
                          ",\"p\":\"\"",
                          ",\"p\":[]",
                          ",\"p\":{\"x\":1}",
                          ",\"p\":\" \"",
                          ",\"p\":true",
                          ",\"p\":\"true\""};
  EXPECT_EQ(by_month("{p: /p}", "{metrics: \"*\", by: [p]}", events),
            (Strings{"  1/1", " 5/1", "true 2/1"}));
  EXPECT_EQ(by_month("{p: {at: /p, missing: skip}}", "{metrics: \"*\", by: [[], p]}", events),
            (Strings{"  1/1", "true 2/1", "8/1"}));
  EXPECT_EQ(by_month("{p: {present: /p}}", "{metrics: \"*\", by: [p]}", events),
            (Strings{"false 5/1", "true 3/1"}));
}

TEST(Rules, WhenIsJudgedRowByRow) {
  const std::string lines =
      ",\"l\":[{\"sku\":\"A\",\"color\":\"red\"},{\"sku\":\"B\",\"color\":\"blue\"}]";
  EXPECT_EQ(by_month("{sku: \"/l/*/sku\", color: \"/l/*/color\"}",
                     "{metrics: \"*\", when: {color: [red, green]}, by: [[], sku]}", {lines}),
            (Strings{"A 1/1", "1/1"}));
  EXPECT_EQ(
      by_month("{p: /p, q: /q}", "{metrics: \"*\", when: {p: [\"\", 5], q: [x]}, by: [p]}",
               {",\"p\":5.0,\"q\":\"x\"", ",\"q\":\"x\"", ",\"p\":5", ",\"p\":6,\"q\":\"x\""}),
      (Strings{" 1/1", "5 1/1"}));
}

TEST(Rules, TogetherLifetimeAndUnions) {
  Counter counter(Plan::parse("quipu: 1\n" + kEvent +
                              "properties: {p: /p, q: /q}\n"
                              "count:\n- {metrics: [A, B], together: Both, by: [[]], lifetime: "
                              "yes}\n- {metrics: \"*\", by: [[p, q]], unique: no}\n"
                              "- {metrics: [A], by: [[q, p]], sum: [v]}\n- {metrics: [C], "
                              "combinations: {of: [p, q], up_to: 1}}\n"));
  for (const char* line : {"{\"m\":\"A\",\"who\":1,\"time\":\"2026-03-01\",\"id\":1,\"v\":0.1}",
                           "{\"m\":\"B\",\"who\":1,\"time\":\"2026-04-01\",\"id\":1}",
                           "{\"m\":\"A\",\"time\":\"2026-04-01\"}",
                           "{\"m\":\"C\",\"who\":1,\"time\":\"2026-04-01\",\"p\":\"\\u0000\\\"\"}"})
    EXPECT_EQ(counter.add_line(line), "counted") << line;
  Strings months;
  for (const std::string& line : counter.export_lines())
    if (line.find("month") != std::string::npos || line.find("lifetime") != std::string::npos)
      months.push_back(line);
  const std::string when = "\"calendar\":\"UTC\",\"interval\":\"month\",\"bucket\":\"2026-";
  EXPECT_EQ(
      months,
      (Strings{"{\"tenant\":\"t\",\"metric\":\"A\",\"by\":{\"p\":\"\",\"q\":\"\"}," + when +
                   "03-01T00:00:00+00:00\",\"count\":1,\"unique\":1,\"sum\":{\"v\":\"0.10\"}}",
               "{\"tenant\":\"t\",\"metric\":\"A\",\"by\":{\"p\":\"\",\"q\":\"\"}," + when +
                   "04-01T00:00:00+00:00\",\"count\":1,\"unique\":0,\"sum\":{\"v\":\"0\"}}",
               "{\"tenant\":\"t\",\"metric\":\"B\",\"by\":{\"p\":\"\",\"q\":\"\"}," + when +
                   "04-01T00:00:00+00:00\",\"count\":1}",
               "{\"tenant\":\"t\",\"metric\":\"C\",\"by\":{\"p\":\"\\u0000\\\"\",\"q\":\"\"}," +
                   when + "04-01T00:00:00+00:00\",\"count\":1}",
               "{\"tenant\":\"t\",\"metric\":\"C\",\"by\":{\"p\":\"\\u0000\\\"\"}," + when +
                   "04-01T00:00:00+00:00\",\"count\":1,\"unique\":1}",
               "{\"tenant\":\"t\",\"metric\":\"C\",\"by\":{\"q\":\"\"}," + when +
                   "04-01T00:00:00+00:00\",\"count\":1,\"unique\":1}",
               "{\"tenant\":\"t\",\"together\":\"Both\",\"by\":{}," + when +
                   "03-01T00:00:00+00:00\",\"count\":1,\"unique\":1}",
               "{\"tenant\":\"t\",\"together\":\"Both\",\"by\":{}," + when +
                   "04-01T00:00:00+00:00\",\"count\":2,\"unique\":1}",
               "{\"tenant\":\"t\",\"together\":\"Both\",\"by\":{},\"calendar\":null,\"interval\":"
               "\"lifetime\",\"bucket\":null,\"count\":3,\"unique\":1}"}));
}

TEST(Rules, ProfilesAreTrimmedAndLowered) {
  Counter counter(
      Plan::parse("event: {tenant: {const: t}, metric: {const: M}, profile: {first: [/mail, /who], "
                  "trim: true, lowercase: true}, time: /time}\ncount: [{metrics: [M], by: [[]]}]"));
  for (const char* line :
       {"{\"mail\":\"User@Example.com\",\"time\":\"2026-03-01\"}",
        "{\"mail\":\" user@example.com \",\"time\":\"2026-03-01\"}",
        "{\"mail\":\" \",\"who\":\"USER@example.com\",\"time\":\"2026-03-01\"}",
        "{\"mail\":[\"user@example.com\"],\"who\":null,\"time\":\"2026-03-01\"}",
        "{\"mail\":\" 5.0 \",\"time\":\"2026-03-01\"}", "{\"mail\":5,\"time\":\"2026-03-01\"}"})
    EXPECT_EQ(counter.add_line(line), "counted");
  EXPECT_EQ(answers(counter, "day"), (Strings{"2026-03-01T00:00:00+00:00 6/2"}));
}

TEST(Calendars, OfTenants) {
  const std::string yaml =
      "event: {tenant: /t, metric: {const: M}, time: /time}\ncount: [{metrics: [M], by: "
      "[[]]}]\ncalendars: {default: [{zone: UTC}], tenants: {file: x.csv, unknown: ";
  const std::string csv =
      "tenant,zone,week_start,name\nb,Europe/Berlin,,\nb,America/New_York,sunday,us\n7,Asia/"
      "Kolkata,,\n";
  Counter strict(Plan::parse(yaml + "set_aside}}", csv));
  EXPECT_EQ(strict.add_line("{\"t\":\"x\",\"time\":\"2026-03-01\"}"), "tenant_unknown");
  EXPECT_EQ(strict.add_line("{\"t\":\"b\",\"time\":\"2026-03-01T23:30:00Z\"}"), "counted");
  EXPECT_EQ(strict.add_line("{\"t\":7.0,\"time\":\"2026-03-01\"}"), "counted");
  EXPECT_EQ(answers(strict, "week"),
            (Strings{"2026-02-23T00:00:00+05:30 1/0", "2026-03-02T00:00:00+01:00 1/0",
                     "2026-03-01T00:00:00-05:00 1/0"}));
  Counter open(Plan::parse(yaml + "default}}", csv));
  EXPECT_EQ(open.add_line("{\"t\":\"x\",\"time\":\"2026-03-01\"}"), "counted");
  EXPECT_EQ(answers(open, "day"), (Strings{"2026-03-01T00:00:00+00:00 1/0"}));
}

void write_zone(const std::filesystem::path& path, const std::string& footer,
                int32_t offset) {  // one offset for ever, or as the footer says
  auto number = [](int64_t v, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += char(v >> 8 * i);
    return out;
  };
  std::string head = std::string("TZif2") + std::string(15, '\0'),
              counts = number(0, 4) + number(0, 4) + number(0, 4) + number(0, 4) + number(1, 4) +
                       number(4, 4);
  std::string type = number(offset, 4) + std::string(2, '\0') + std::string("TST\0", 4);
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << head << counts << type << head << counts << type << "\n"
                                        << footer << "\n";
}

TEST(ZoneRules, AMonthKeepsThoseOfItsFirstCountedEvent) {
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("oracle_test_zones_" + std::to_string(std::random_device()()));
  write_zone(folder / "old/Test/Town", "TST-1", 3600);
  write_zone(folder / "new/Test/Town", "TST-2", 7200);
  Counter counter(Plan::parse(plan_in("[{zone: Test/Town}]")), folder / "old");
  EXPECT_EQ(counter.add_line(at("2026-03-15T23:30:00Z")), "counted");  // March: +01:00
  counter.set_zoneinfo(folder / "new");
  EXPECT_EQ(counter.add_line(at("2026-03-16T22:30:00Z")), "counted");  // still +01:00, so the 16th
  EXPECT_EQ(counter.add_line(at("2026-03-31T23:30:00Z")),
            "counted");  // 1 April 00:30 by March's rules
  EXPECT_EQ(counter.add_line(at("2026-04-01T00:30:00Z")),
            "counted");  // April: +02:00, 1 April 02:30
  EXPECT_EQ(answers(counter, "day"),
            (Strings{"2026-03-16T00:00:00+01:00 2/1", "2026-04-01T00:00:00+01:00 2/1"}));
  EXPECT_EQ(answers(counter, "month"),
            (Strings{"2026-03-01T00:00:00+02:00 2/1",
                     "2026-04-01T00:00:00+01:00 2/1"}));  // the end of February: rules in force now
  EXPECT_EQ(counter.add_line(at("2026-02-10T00:00:00Z")), "counted");
  std::filesystem::remove_all(folder);
}

TEST(Streams, AreTheSameForOneSeedAndFreeOfOrder) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    StreamOptions options;
    options.events = 300;
    Stream stream = make_stream(seed, options), again = make_stream(seed, options);
    ASSERT_EQ(stream.lines, again.lines) << "seed " << seed;
    ASSERT_EQ(stream.plan, again.plan) << "seed " << seed;
    Counter straight(Plan::parse(stream.plan, stream.tenants_csv)),
        mixed(Plan::parse(stream.plan, stream.tenants_csv));
    for (const std::string& line : stream.lines) straight.add_line(line);
    std::shuffle(stream.lines.begin(), stream.lines.end(), std::mt19937_64(seed));
    for (const std::string& line : stream.lines) mixed.add_line(line);
    EXPECT_EQ(straight.tallies().json(), mixed.tallies().json()) << "seed " << seed;
    EXPECT_EQ(straight.export_lines(), mixed.export_lines()) << "seed " << seed;
    const Tallies& t = straight.tallies();
    EXPECT_EQ(t.read, t.counted + t.duplicate + t.set_aside_total() + t.unplanned);
    EXPECT_GT(t.counted, 30u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace oracle
