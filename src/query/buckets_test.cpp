#include "query/buckets.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "query/test_view.h"

namespace quipu {
namespace {

// Calendars by number.
enum { kUtc, kBerlin, kCairo, kApia, kNewYork, kLordHowe, kCasey, kKolkata, kAll };
constexpr char kPlan[] =
    "quipu: 1\n"
    "event: {tenant: {const: shop}, metric: /what, time: /at}\n"
    "calendars:\n"
    "  default: [{zone: UTC}, {zone: Europe/Berlin}, {zone: Africa/Cairo, week_start: saturday}, "
    "{zone: Pacific/Apia},\n"
    "            {zone: America/New_York, week_start: sunday}, {zone: Australia/Lord_Howe}, {zone: "
    "Antarctica/Casey}, {zone: Asia/Kolkata}]\n"
    "count: [{metrics: \"*\", by: [[]]}]\n";

class BucketsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared =
        std::make_unique<TestView>(std::vector<std::string>{kPlan}, std::vector<std::string>{});
  }
  static void TearDownTestSuite() { shared.reset(); }

  std::string begin_of(int calendar, const std::string& text) {
    auto named = named_bucket(*view, tenant, calendar, text);
    if (!named.ok()) return named.error().message;
    return format_instant(named->bucket.first_s, named->bucket.first_offset_s);
  }
  // Of all its pieces.
  static double hours(const Bucket& bucket) {
    int quarters = 0;
    for (int i = 0; i < bucket.pieces; ++i)
      quarters += bucket.ranges[size_t(i)].end - bucket.ranges[size_t(i)].begin;
    return quarters / 4.0;
  }
  double hours_of(int calendar, const std::string& text) {
    auto named = named_bucket(*view, tenant, calendar, text);
    EXPECT_TRUE(named.ok()) << message_of(named);
    return named.ok() ? hours(named->bucket) : 0;
  }
  int64_t bound(int calendar, const std::string& text) {
    auto parsed = parse_bound(*view, tenant, calendar, text);
    EXPECT_TRUE(parsed.ok()) << message_of(parsed);
    return parsed.ok() ? *parsed : 0;
  }
  static std::vector<std::string> begins(const Result<BucketList>& list) {
    EXPECT_TRUE(list.ok()) << message_of(list);
    std::vector<std::string> texts;
    if (list.ok())
      for (const Bucket& b : list->buckets)
        texts.push_back(format_instant(b.first_s, b.first_offset_s));
    return texts;
  }
  Result<BucketList> range(int calendar, Interval interval, const std::string& from,
                           const std::string& to) {
    return bucket_range(*view, tenant, calendar, interval, bound(calendar, from),
                        bound(calendar, to));
  }

  static std::unique_ptr<TestView> shared;
  TestView& view = *shared;
  const TenantId tenant = view.tenant();
};
std::unique_ptr<TestView> BucketsTest::shared;

TEST_F(BucketsTest, NamesOfMonthsDaysAndHours) {
  EXPECT_EQ(begin_of(kUtc, "2026-03"), "2026-03-01T00:00:00+00:00");
  EXPECT_EQ(begin_of(kBerlin, "2026-07"), "2026-07-01T00:00:00+02:00");
  EXPECT_EQ(begin_of(kKolkata, "2026-03-05"), "2026-03-05T00:00:00+05:30");
  EXPECT_EQ(begin_of(kKolkata, "2026-03-05T14"), "2026-03-05T14:00:00+05:30");
  EXPECT_EQ(begin_of(kNewYork, "2026-03-05T14-05:00"), "2026-03-05T14:00:00-05:00");
  EXPECT_EQ(begin_of(kUtc, "2000-02-29"), "2000-02-29T00:00:00+00:00");
  EXPECT_EQ(begin_of(kUtc, "1970-01-01"), "1970-01-01T00:00:00+00:00");
  EXPECT_EQ(begin_of(kKolkata, "1970-01"), "1970-01-01T00:00:00+05:30")
      << "it begins before the first instant that is counted";
  EXPECT_EQ(begin_of(kUtc, "2199-12-31T23"), "2199-12-31T23:00:00+00:00");
  EXPECT_EQ(hours_of(kBerlin, "2026-03"), 31 * 24 - 1);
  EXPECT_EQ(hours_of(kBerlin, "2026-03-29"), 23);
  EXPECT_EQ(hours_of(kBerlin, "2026-10-25"), 25);
}

TEST_F(BucketsTest, WhatIsNoNameIsAnErrorThatShowsNames) {
  for (const char* text :
       {"", "March", "2026", "2026-13", "2026-00", "2026-02-29", "2026-03-32", "2026-03-05T24",
        "2026-03-05T14:00", "2026-03-05T14Z", "2026-W00", "2026-W54", "1969-12", "2200-01",
        "2026-03-05T14+0530", "2026-03x", "2026-03-05T14*05:30"}) {
    const std::string message = begin_of(kUtc, text);
    EXPECT_NE(message.find("2026-W10"), std::string::npos) << text << ": " << message;
  }
}

// ISO 8601 by counting: the week of a Thursday is the one of that Thursday's year with as many
// Thursdays up to it.
TEST_F(BucketsTest, WeeksAreNamedByIso8601) {
  using namespace std::chrono;
  const std::map<int, int> starts_before_thursday{
      {kUtc, 3}, {kBerlin, 3}, {kNewYork, 4}, {kCairo, 5}};
  std::map<int, int> weeks_of_year;
  for (sys_days thursday = sys_days(2019y / January / 3); thursday < sys_days(2033y / January / 1);
       thursday += days(7)) {
    const year_month_day date(thursday);
    const int week = int((thursday - sys_days(date.year() / January / 1)).count()) / 7 + 1;
    weeks_of_year[int(date.year())] = week;
    char name[32];
    std::snprintf(name, sizeof name, "%04d-W%02d", int(date.year()), week);
    for (const auto& [calendar, before] : starts_before_thursday) {
      const int64_t first_day = (thursday - days(before)).time_since_epoch().count();
      auto named = named_bucket(*view, tenant, calendar, name);
      ASSERT_TRUE(named.ok()) << name << ": " << message_of(named);
      EXPECT_EQ(named->interval, Interval::week);
      EXPECT_EQ(named->bucket.label, first_day) << name;
      EXPECT_EQ((named->bucket.first_s + named->bucket.first_offset_s), first_day * 86400) << name;
    }
  }
  int long_years = 0;
  for (const auto& [year, weeks] : weeks_of_year) {
    const std::string message = begin_of(kUtc, std::to_string(year) + "-W53");
    EXPECT_EQ(weeks == 53, message.find("no week 53") == std::string::npos)
        << year << ": " << message;
    long_years += weeks == 53;
  }
  EXPECT_EQ(long_years, 3);  // 2020, 2026, 2032
  EXPECT_EQ(begin_of(kUtc, "2026-W53"), "2026-12-28T00:00:00+00:00");
  EXPECT_EQ(begin_of(kNewYork, "2026-W53"), "2026-12-27T00:00:00-05:00");
  EXPECT_EQ(begin_of(kUtc, "2026-W01"), "2025-12-29T00:00:00+00:00");
  EXPECT_EQ(begin_of(kUtc, "1970-W01"), "1969-12-29T00:00:00+00:00");
  EXPECT_EQ(hours_of(kBerlin, "2026-W13"), 7 * 24 - 1);
}

TEST_F(BucketsTest, AnHourThatHappensTwiceNeedsItsOffset) {
  const std::string message = begin_of(kBerlin, "2026-10-25T02");
  EXPECT_NE(message.find("2026-10-25T02+02:00 or 2026-10-25T02+01:00"), std::string::npos)
      << message;
  EXPECT_EQ(bound(kBerlin, "2026-10-25T02+02:00"), bound(kUtc, "2026-10-25T00"));
  EXPECT_EQ(bound(kBerlin, "2026-10-25T02+01:00"), bound(kUtc, "2026-10-25T01"));
  EXPECT_EQ(begin_of(kBerlin, "2026-10-25T01"), "2026-10-25T01:00:00+02:00");
  EXPECT_EQ(begin_of(kNewYork, "2026-11-01T01-05:00"), "2026-11-01T01:00:00-05:00");
  // Lord Howe's clocks go back by half an hour: the second 1 o'clock begins at half past.
  EXPECT_EQ(begin_of(kLordHowe, "2026-04-05T01+11:00"), "2026-04-05T01:00:00+11:00");
  EXPECT_EQ(begin_of(kLordHowe, "2026-04-05T01+10:30"), "2026-04-05T01:30:00+10:30");
  EXPECT_EQ(hours_of(kLordHowe, "2026-04-05T01+10:30"), 0.5);
  // And forward: 2 o'clock begins at half past.
  EXPECT_EQ(begin_of(kLordHowe, "2026-10-04T02"), "2026-10-04T02:30:00+11:00");
}

TEST_F(BucketsTest, AnHourThatDoesNotHappenIsAnError) {
  for (const auto& [calendar, text] :
       std::vector<std::pair<int, std::string>>{{kBerlin, "2026-03-29T02"},
                                                {kBerlin, "2026-03-05T14+02:00"},
                                                {kNewYork, "2026-03-08T02"},
                                                {kCairo, "2026-04-24T00"},
                                                {kApia, "2011-12-30T12"}}) {
    const std::string message = begin_of(calendar, text);
    EXPECT_NE(message.find("does not exist"), std::string::npos) << message;
  }
}

TEST_F(BucketsTest, CairosDayBeginsAtOneWhereMidnightIsSkippedAndHasElevenOClockTwice) {
  EXPECT_EQ(begin_of(kCairo, "2026-04-24"), "2026-04-24T01:00:00+03:00");
  EXPECT_EQ(hours_of(kCairo, "2026-04-24"), 23);
  EXPECT_EQ(hours_of(kCairo, "2026-10-29"), 25);
  EXPECT_EQ(begin_of(kCairo, "2026-10-29T23+02:00"), "2026-10-29T23:00:00+02:00");
  EXPECT_EQ(begin_of(kCairo, "2026-10-30"), "2026-10-30T00:00:00+02:00");
  EXPECT_EQ(begins(range(kCairo, Interval::day, "2026-04-23", "2026-04-26")),
            (std::vector<std::string>{"2026-04-23T00:00:00+02:00", "2026-04-24T01:00:00+03:00",
                                      "2026-04-25T00:00:00+03:00"}));
}

TEST_F(BucketsTest, ApiaHasNoThirtiethOfDecember2011) {
  EXPECT_NE(begin_of(kApia, "2011-12-30").find("does not exist"), std::string::npos);
  EXPECT_EQ(begin_of(kApia, "2011-12-31"), "2011-12-31T00:00:00+14:00");
  EXPECT_EQ(hours_of(kApia, "2011-12"), 30 * 24);
  EXPECT_EQ(hours_of(kApia, "2011-W52"), 6 * 24);
  EXPECT_EQ(begins(range(kApia, Interval::day, "2011-12-29", "2012-01-01")),
            (std::vector<std::string>{"2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"}));
}

TEST_F(BucketsTest, BoundsAreBeginsOfBucketsOrTimes) {
  EXPECT_EQ(bound(kBerlin, "2026-W10"), bound(kBerlin, "2026-03-02"));
  EXPECT_EQ(bound(kBerlin, "2026-03"), bound(kUtc, "2026-02-28T23"));
  EXPECT_EQ(bound(kBerlin, "2026-03-05T14:00"), bound(kUtc, "2026-03-05T13"));
  EXPECT_EQ(bound(kBerlin, "2026-03-05T14:00Z"), bound(kUtc, "2026-03-05T14"));
  EXPECT_EQ(bound(kBerlin, "2026-03-05T14:00:30+05:30"), bound(kUtc, "2026-03-05T08:30:30"));
  EXPECT_EQ(bound(kUtc, "2200-01-01"), kEndEventTimeS);
  EXPECT_NE(message_of(parse_bound(*view, tenant, kUtc, "March")).find("no date"),
            std::string::npos);
  EXPECT_NE(
      message_of(parse_bound(*view, tenant, kUtc, "2026-03-05T14:00:00.5Z")).find("whole seconds"),
      std::string::npos);
}

TEST_F(BucketsTest, ARangeHasEveryBucketOnceInOrder) {
  EXPECT_EQ(range(kUtc, Interval::day, "2026-01-01", "2027-01-01")->buckets.size(), 365u);
  EXPECT_EQ(range(kBerlin, Interval::hour, "2026-01-01", "2027-01-01")->buckets.size(), 365u * 24);
  EXPECT_EQ(range(kNewYork, Interval::week, "2026-W01", "2027-W01")->buckets.size(), 53u);
  EXPECT_EQ(range(kApia, Interval::month, "1970-01", "2013-01")->buckets.size(), 43u * 12);
  EXPECT_EQ(range(kUtc, Interval::month, "2199-12", "2200-01")->buckets.size(), 1u);
  const auto list = range(kLordHowe, Interval::hour, "2026-04-04", "2026-04-07");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->buckets.size(), 73u);  // two 1 o'clocks on the 5th
  for (size_t i = 0; i < list->buckets.size(); ++i) {
    EXPECT_EQ(list->index_of_label.at(list->buckets[i].label), i);
    if (i > 0) {
      EXPECT_LT(list->buckets[i - 1].first_s, list->buckets[i].first_s);
    }
    EXPECT_LE(list->first_day * 86400, list->buckets[i].first_s);
    EXPECT_LT(list->buckets[i].first_s, list->end_s);
  }
  EXPECT_EQ(list->index_of_label.size(), list->buckets.size());
  EXPECT_EQ(list->end_s, bound(kLordHowe, "2026-04-07"));
  EXPECT_GE((int64_t(list->last_day) + 1) * 86400, list->end_s);
}

TEST_F(BucketsTest, ARangeThatEndsInsideABucketNamesTheEdge) {
  const std::string day = message_of(range(kBerlin, Interval::day, "2026-03-05", "2026-03-07T12"));
  EXPECT_NE(
      day.find(
          "2026-03-07T12:00:00+01:00 is inside the day that begins at 2026-03-07T00:00:00+01:00"),
      std::string::npos)
      << day;
  const std::string week = message_of(range(kNewYork, Interval::week, "2026-03-02", "2026-03-08"));
  EXPECT_NE(week.find("inside the week that begins at 2026-03-01T00:00:00-05:00"),
            std::string::npos)
      << week;
  EXPECT_NE(message_of(range(kKolkata, Interval::hour, "2026-03-05T10:00Z", "2026-03-06"))
                .find("inside the hour"),
            std::string::npos);
  for (const char* to : {"2026-03-05", "2026-03-04"}) {
    EXPECT_NE(message_of(range(kUtc, Interval::day, "2026-03-05", to)).find("empty"),
              std::string::npos);
  }
}

TEST_F(BucketsTest, AsManyBucketsAsAreAllowedAndNoMore) {
  const int64_t begin = bound(kUtc, "2026-01-01");
  auto hours_from_there = [&](int64_t n) {
    return bucket_range(*view, tenant, kUtc, Interval::hour, begin, begin + n * 3600);
  };
  EXPECT_EQ(hours_from_there(int64_t(kMaxBuckets))->buckets.size(), kMaxBuckets);
  const std::string message = message_of(hours_from_there(int64_t(kMaxBuckets) + 1));
  EXPECT_NE(message.find("more than 10000 hour buckets"), std::string::npos) << message;
}

TEST_F(BucketsTest, TheLastBucketsEndWithTheOneThatHoldsTheInstant) {
  auto last = [&](int calendar, Interval interval, const std::string& at, size_t n) {
    return begins(last_buckets(*view, tenant, calendar, interval, bound(calendar, at), n));
  };
  EXPECT_EQ(last(kApia, Interval::day, "2012-01-01T15:30", 3),
            (std::vector<std::string>{"2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00",
                                      "2012-01-01T00:00:00+14:00"}));
  EXPECT_EQ(last(kBerlin, Interval::hour, "2026-10-25T02:59:59+01:00", 3),
            (std::vector<std::string>{"2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00",
                                      "2026-10-25T02:00:00+01:00"}));
  EXPECT_EQ(last(kNewYork, Interval::week, "2026-03-10", 2),
            (std::vector<std::string>{"2026-03-01T00:00:00-05:00", "2026-03-08T00:00:00-05:00"}));
  EXPECT_EQ(last(kUtc, Interval::month, "2026-01-31", 30).size(), 30u);
  EXPECT_EQ(last(kUtc, Interval::day, "1970-01-03", 30).size(), 3u)
      << "there is nothing before 1970";
}

// Whatever the clocks do, the finer buckets of a coarser one are pieces of it that make it up.
TEST_F(BucketsTest, FinerBucketsMakeUpTheirCoarserOne) {
  const std::vector<std::string> names{
      "2010-03-04", "2010-03-05", "2009-10-18", "2026-03-29", "2026-10-25", "2026-04-24",
      "2026-10-29", "2011-12-29", "2026-04-05", "2026-W10",   "2026-W44",   "2011-W52",
      "2010-W09",   "2026-03",    "2026-10",    "2011-12",    "2010-03",    "2199-12"};
  for (int calendar = 0; calendar < kAll; ++calendar) {
    for (const std::string& name : names) {
      auto named = named_bucket(*view, tenant, calendar, name);
      ASSERT_TRUE(named.ok()) << message_of(named);
      for (Interval finer : {Interval::hour, Interval::day}) {
        if (finer >= named->interval) continue;
        SCOPED_TRACE(name + " by " + interval_name(finer) + " in calendar " +
                     std::to_string(calendar));
        auto list = buckets_within(*view, tenant, calendar, finer, *named);
        ASSERT_TRUE(list.ok()) << message_of(list);
        double sum = 0;
        for (const Bucket& b : list->buckets) {
          sum += hours(b);
          EXPECT_EQ(bucket_at(*view, tenant, calendar, named->interval, b.first_s)->label,
                    named->bucket.label);
        }
        EXPECT_EQ(list->index_of_label.size(), list->buckets.size());
        EXPECT_EQ(sum, hours(named->bucket));
        EXPECT_EQ(list->buckets.front().first_s, named->bucket.first_s);
      }
    }
  }
  // Casey's clocks went back by three hours at two: its 4th of March 2010 came twice to an end.
  auto casey = named_bucket(*view, tenant, kCasey, "2010-03-04");
  ASSERT_TRUE(casey.ok());
  const std::vector<std::string> casey_hours =
      begins(buckets_within(*view, tenant, kCasey, Interval::hour, *casey));
  EXPECT_EQ(casey_hours.size(), 25u);
  EXPECT_EQ(casey_hours.back(), "2010-03-04T23:00:00+08:00");
}

TEST_F(BucketsTest, WeeksDoNotMakeUpAMonth) {
  auto march = named_bucket(*view, tenant, kUtc, "2026-03");
  const std::string message =
      message_of(buckets_within(*view, tenant, kUtc, Interval::week, *march));
  EXPECT_NE(message.find("inside the week"), std::string::npos) << message;
  auto february =
      named_bucket(*view, tenant, kNewYork, "2026-02");  // four whole weeks from a Sunday
  EXPECT_EQ(begins(buckets_within(*view, tenant, kNewYork, Interval::week, *february)).size(), 4u);
  EXPECT_EQ(begins(buckets_within(*view, tenant, kUtc, Interval::month, *march)).size(), 1u);
}

TEST_F(BucketsTest, ABucketAloneEndsWhereTheNextBegins) {
  for (int calendar : {kBerlin, kNewYork, kKolkata}) {
    for (const auto& [name, next] : {std::pair("2026-03", "2026-04"),
                                     {"2026-W14", "2026-W15"},
                                     {"2026-04-01", "2026-04-02"},
                                     {"2026-03-31", "2026-04-01"},
                                     {"2026-04-01T05", "2026-04-01T06"}}) {
      auto named = named_bucket(*view, tenant, calendar, name);
      ASSERT_TRUE(named.ok()) << message_of(named);
      const BucketList list = one_bucket(calendar, named->interval, named->bucket, named->month);
      EXPECT_EQ(list.end_s, bound(calendar, next)) << calendar << " " << name;
      EXPECT_EQ(list.first_day, named->bucket.first_s / 86400);
      EXPECT_EQ(list.last_day, (list.end_s - 1) / 86400);
    }
  }
}

}  // namespace
}  // namespace quipu
