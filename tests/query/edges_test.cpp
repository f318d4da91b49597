// Edges of ranges, of what is filling, and of what a limit leaves over.
#include <memory>

#include "query/order.h"
#include "query/read_budget.h"
#include "query/small_runs.h"

namespace quipu::test {
namespace {

constexpr int64_t kNoon_s = 1772712000;  // 2026-03-05T12:00Z, in the middle of an hour's first slot

Question of_days(const std::string& from, const std::string& to, int64_t now_s) {
  Question q;
  q.metric = "Opened";
  q.from = from;
  q.to = to;
  q.interval = Interval::day;
  q.now_s = now_s;
  return q;
}

TEST_F(SmallRuns, TheBucketThatHoldsThePresentIsFillingAndNoOther) {
  count(plan_text("  - {metrics: \"*\", by: [[]]}\n"), {{"Opened"}});
  const int64_t midnight = kNoon_s - 43200;
  const auto filling = [&](int64_t now_s) {
    return ask(of_days("2026-03-03", "2026-03-07", now_s)).filling;
  };
  EXPECT_EQ(filling(kNoon_s), 2u);
  EXPECT_EQ(filling(midnight), 2u) << "from its first instant";
  EXPECT_EQ(filling(midnight - 1), 1u);
  const int64_t end = midnight + 2 * 86400;
  EXPECT_EQ(filling(end - 1), 3u) << "up to its last second";
  EXPECT_EQ(filling(end), std::nullopt) << "a range in the past is whole";
  EXPECT_EQ(filling(midnight - 3 * 86400), std::nullopt) << "a range in the future has not begun";
}

TEST_F(SmallRuns, WhatALimitLeavesOverAddsUpToAll) {
  std::vector<Line> lines;
  uint64_t all = 0;
  for (int c = 0; c < 6; ++c) {
    // c0 and c1 have equal counts, so names decide, and one of them is cut by its name.
    for (int i = 0; i < std::max(1, c); ++i) {
      lines.push_back({"Opened", "ada", "2026-03-05T10:00:00Z", "c" + std::to_string(c), "",
                       std::to_string(10 + c)});
      all += uint64_t(10 + c);
    }
  }
  count(plan_text("  - {metrics: \"*\", by: [campaign], sum: [worth]}\n"), lines);
  for (size_t limit = 1; limit <= 7; ++limit) {
    SCOPED_TRACE("limit " + std::to_string(limit));
    Question q = about("Opened", "2026-03", {"campaign"});
    q.limit = limit;
    q.rest = true;
    const Answer out = ask(q);
    ASSERT_EQ(out.groups.size(), std::min<size_t>(limit, 6));
    EXPECT_EQ(out.groups_in_all, 6u);
    EXPECT_EQ(out.rest.has_value(), limit < 6);
    uint64_t events = 0;
    Fixed6 worth = 0;
    for (const Group& g : out.groups) events += g.count.at(0), worth += g.sums.at(0).at(0);
    if (out.rest) events += out.rest->count.at(0), worth += out.rest->sums.at(0).at(0);
    EXPECT_EQ(events, lines.size());
    EXPECT_TRUE(worth == Fixed6(all) * 1'000'000);
  }
}

TEST_F(SmallRuns, YearsAndPeriodsBeforeAreWholeOrRefused) {
  count(plan_text("  - {metrics: \"*\", by: [[]]}\n"), {{"Opened"}});
  Question last = about("Opened", "");
  last.in.reset();
  last.now_s = kNoon_s;
  const auto text = [&](const char* of) {
    last.last = of;
    return ask(last).range_text;
  };
  EXPECT_EQ(text("1y"), "the last year: 2026-01-01 to 2027-01-01 (exclusive)");
  EXPECT_EQ(text("3y"), "the last 3 years: 2024-01-01 to 2027-01-01 (exclusive)");
  EXPECT_EQ(text("1d"), "the last day: 2026-03-05 to 2026-03-06 (exclusive)");
  EXPECT_EQ(text("2m"), "the last 2 months: 2026-02-01 to 2026-04-01 (exclusive)");

  Question years = of_days("2025", "2026-12", kNoon_s);
  years.interval.reset();
  years.years = true;
  EXPECT_NE(refused(years).find("begin and end with a year"), std::string::npos);
  years.from = "2025-02", years.to = "2027";
  EXPECT_NE(refused(years).find("begin and end with a year"), std::string::npos);
  years.from = "2025";
  EXPECT_EQ(ask(years).buckets.size(), 2u);

  // January 1970 is the first month there is: two months have no two before them.
  Question before = of_days("1970-02", "1970-04", kNoon_s);
  before.interval = Interval::month;
  before.previous = true;
  EXPECT_NE(refused(before).find("no period of this length before"), std::string::npos);
  before.from = "1970-03", before.to = "1970-05";
  EXPECT_EQ(ask(before).range_text, "1970-01-01 to 1970-03-01 (exclusive)");
  before.from = "1970-01", before.to = "1970-02";
  EXPECT_NE(refused(before).find("no period of this length before"), std::string::npos);
}

TEST_F(SmallRuns, ARangeThatBeginsWhereTheOpenEndIsLiesInTheFuture) {
  count(plan_text("  - {metrics: \"*\", by: [[]]}\n"), {{"Opened"}});
  Question q;
  q.metric = "Opened";
  q.now_s = kNoon_s;
  for (const char* from : {"tomorrow", "2026-03-06", "2026-03-07"}) {
    q.from = from;
    EXPECT_NE(refused(q).find("is in the future"), std::string::npos) << from;
  }
  q.from = "today";
  EXPECT_EQ(counts(ask(q))[{}], 1u);
}

TEST(ReadBudget, IsSpentByAllThatIsRead) {
  ReadBudget budget(10, std::chrono::hours(1));
  EXPECT_TRUE(budget.spend(4).ok());
  EXPECT_TRUE(budget.spend(6).ok()) << "all of it";
  const Status more = budget.spend(1);
  ASSERT_FALSE(more.ok());
  EXPECT_NE(more.error().message.find("more than 10 rows (kMaxRowsOfQuestion)"), std::string::npos);
  EXPECT_TRUE(budget.spend(0).ok());

  ReadBudget late(1000, std::chrono::nanoseconds(0));
  EXPECT_NE(late.spend(1).error().message.find("kMaxTimeOfQuestion"), std::string::npos);
  std::atomic<bool> gone = true;
  ReadBudget alone(1000, std::chrono::hours(1), &gone);
  EXPECT_NE(alone.spend(1).error().message.find("nobody waits"), std::string::npos);
}

TEST(Order, EqualNumbersAreInTheOrderOfTheirTexts) {
  EXPECT_LT(compare_names("01.50", "1.5"), 0);
  EXPECT_LT(compare_names("-1.5", "-1.50"), 0);
  EXPECT_LT(compare_names("-0", "0.0"), 0);
  EXPECT_GT(compare_names("1.50", "1.5"), 0);
}

}  // namespace
}  // namespace quipu::test
