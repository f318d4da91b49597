// Where answers end: totals of metrics, lists of filtered values, ranges, lifetimes, equal hashes.
#include "query/small_runs.h"

namespace quipu::test {
namespace {

TEST_F(SmallRuns, AMetricsTotalIsGivenByACounterThatHasEachEventOnce) {
  const std::string properties =
      "campaign: /campaign, client: /client, tag: /tags, step: {at: /client, missing: skip}";
  std::vector<Line> lines;
  for (const char* metric : {"Tagged", "Paid", "Stepped", "Plain", "Both"}) {
    for (const char* day : {"2026-03-07", "2026-03-05", "2026-03-09"}) {
      Line line{metric, "ada", std::string(day) + "T10:00:00Z", day[9] == '7' ? "a" : "b"};
      line.client = day[9] == '5' ? "" : "x";
      line.more = ",\"tags\":[\"x\",\"y\"]";
      lines.push_back(line);
    }
  }
  count(plan_text("  - {metrics: [Tagged], by: [tag]}\n"
                  "  - {metrics: [Paid], when: {campaign: [a]}, by: [[]]}\n"
                  "  - {metrics: [Paid], when: {campaign: [b]}, by: [[]]}\n"
                  "  - {metrics: [Stepped], by: [step]}\n"
                  "  - {metrics: [Stepped], by: [tag]}\n"
                  "  - {metrics: [Plain], by: [[campaign, client], tag]}\n"
                  "  - {metrics: [Both], by: [tag, [campaign, client], [campaign]]}\n",
                  "UTC", properties),
        lines);
  const auto listed = metrics();
  ASSERT_EQ(listed.size(), 5u);
  for (const char* metric : {"Tagged", "Paid", "Stepped"})
    EXPECT_EQ(listed.at(metric).count, std::nullopt) << metric;
  for (const char* metric : {"Plain", "Both"}) EXPECT_EQ(listed.at(metric).count, 3u) << metric;
  for (const char* metric : {"Tagged", "Plain", "Both"}) {
    EXPECT_EQ(listed.at(metric).first_day, "2026-03-05") << metric;
    EXPECT_EQ(listed.at(metric).last_day, "2026-03-09") << metric;
  }
  EXPECT_EQ(listed.at("Plain").counters, (std::vector<std::string>{"campaign, client", "tag"}));
}

TEST_F(SmallRuns, AListOfFilteredValuesMayBeOfAnyLength) {
  std::vector<Line> lines;
  for (int i = 0; i < 80; ++i)
    lines.push_back({"Opened", "p" + std::to_string(i), "2026-03-05T10:00:00Z",
                     "c" + std::to_string(i), i % 2 ? "x" : "y"});
  count(plan_text("  - {metrics: \"*\", by: [campaign, [campaign, client]]}\n"), lines);
  for (size_t n : {1u, 2u, 31u, 32u, 33u, 63u, 64u, 65u, 80u}) {
    Filter campaigns{"campaign", Filter::Kind::any_of, {}};
    for (size_t i = 0; i < n; ++i) campaigns.values.push_back("c" + std::to_string(i));
    Question q = about("Opened", "2026-03");
    q.where = {campaigns};
    EXPECT_EQ(counts(ask(q))[{}], n);
    q.where.push_back({"client", Filter::Kind::any_of, {"x", "y"}});
    EXPECT_EQ(counts(ask(q))[{}], n);
    q.where.back().values = {"y"};
    EXPECT_EQ(counts(ask(q))[{}], (n + 1) / 2);
    q.where.push_back({"campaign", Filter::Kind::any_of, {"c0", "c1"}});
    EXPECT_EQ(counts(ask(q))[{}], 1u) << "both filters hold";
  }
}

TEST_F(SmallRuns, RangesAndDefaultsEndWhereTheySay) {
  std::vector<Line> lines;
  for (const char* at : {"2026-03-04T23:00:00Z", "2026-03-05T05:10:00Z", "2026-03-05T10:50:00Z",
                         "2026-04-01T00:00:00Z", "2026-02-28T23:59:00Z"})
    lines.push_back({"Opened", "ada", at});
  lines.push_back({"Opened", "bob", "2190-01-01T00:00:00Z"});
  count(plan_text("  - {metrics: \"*\", by: [[]]}\n"), lines);
  Question q;
  q.metric = "Opened";
  q.now_s = 1772712000;  // 2026-03-05T12:00Z: what is later is not the last
  q.interval = Interval::hour;
  const Answer hours = ask(q);
  EXPECT_EQ(hours.buckets.size(), 30u);
  EXPECT_EQ(hours.buckets.back(), "2026-03-05T10:00:00+00:00");
  EXPECT_EQ(hours.range_text, "the last 30 hours with counts");
  q.interval.reset();
  EXPECT_EQ(ask(q).buckets.back(), "2026-03-05T00:00:00+00:00");

  const auto range = [&](const std::string& from, const std::string& to) {
    Question asked;
    asked.metric = "Opened";
    asked.from = from;
    asked.to = to;
    return asked;
  };
  const Answer march = ask(range("2026-03", "2026-04"));
  EXPECT_EQ(counts(march)[{}], 3u);
  EXPECT_EQ(march.interval, Interval::month) << "one bucket";
  EXPECT_EQ(march.groups.at(0).unique, std::vector<uint64_t>{1});
  const Answer two = ask(range("2026-03", "2026-05"));
  EXPECT_EQ(counts(two)[{}], 4u);
  EXPECT_FALSE(two.interval);
  EXPECT_FALSE(two.has_unique);
  EXPECT_EQ(two.buckets, std::vector<std::string>{"2026-03-01T00:00:00+00:00"});
  EXPECT_NE(notes(two).find("over several buckets"), std::string::npos);
  EXPECT_EQ(counts(ask(range("2026-03-05T05", "2026-03-05T10")))[{}], 1u);
  EXPECT_EQ(counts(ask(range("2026-02", "2026-03")))[{}], 1u);
  EXPECT_NE(refused(range("2026-03", "2026-03")).find("empty"), std::string::npos);
  Question half = range("2026-03", "2026-04");
  half.to.reset();
  half.now_s = 1772712000;  // 2026-03-05T12:00Z: up to the end of that day
  EXPECT_EQ(counts(ask(half))[{}], 3u);
  EXPECT_EQ(ask(half).range_text, "2026-03 to 2026-03-06 (exclusive)");
  half.interval = Interval::hour;
  EXPECT_EQ(ask(half).buckets.back(), "2026-03-05T12:00:00+00:00");
  half.now_s = 0;
  EXPECT_NE(refused(half).find("in the future"), std::string::npos);
  half.to = half.from;
  half.from.reset();
  EXPECT_NE(refused(half).find("needs a begin"), std::string::npos);
  Question many = range("2026-01-01", "2027-02-21T17");
  many.interval = Interval::hour;
  EXPECT_NE(refused(many).find("10000 hour buckets"), std::string::npos);
  many.to = "2027-02-21T16";
  EXPECT_EQ(ask(many).buckets.size(), 10000u);
}

TEST_F(SmallRuns, TheLifetimeHasTheUniquesOfBoth) {
  count(plan_text("  - {metrics: \"*\", by: [[]], unique: no, lifetime: yes}\n"), {{"Opened"}});
  EXPECT_FALSE(ask(about("Opened", "lifetime")).has_unique);
  count(plan_text("  - {metrics: \"*\", by: [[]]}\n"), {{"Opened", "bob"}});
  const Answer never = ask(about("Opened", "lifetime"));
  EXPECT_FALSE(never.has_unique) << "uniques were never planned for the lifetime";
  EXPECT_EQ(never.partial, std::vector<size_t>{0});
  count(plan_text("  - {metrics: \"*\", by: [[]], lifetime: yes}\n"), {{"Opened", "cleo"}});
  const Answer both = ask(about("Opened", "lifetime"));
  EXPECT_TRUE(both.has_unique);
  EXPECT_EQ(both.groups.at(0).count, std::vector<uint64_t>{2});
}

TEST_F(SmallRuns, ValuesThatShareAHashAreRefusedByName) {
  element_bits_ = 4;
  std::vector<Line> lines;
  for (int i = 0; i < 40; ++i)
    lines.push_back({"Opened", "ada", "2026-03-05T10:00:00Z", "c" + std::to_string(i)});
  count(plan_text("  - {metrics: \"*\", by: [[], campaign]}\n"), lines);
  EXPECT_EQ(counts(ask(about("Opened", "2026-03")))[{}], 40u);
  EXPECT_NE(refused(about("Opened", "2026-03", {"campaign"})).find("share one hash"),
            std::string::npos);
  size_t refusals = 0;
  for (int i = 0; i < 40; ++i) {
    for (Filter::Kind kind : {Filter::Kind::any_of, Filter::Kind::none_of}) {
      Question q = about("Opened", "2026-03");
      q.where = {{"campaign", kind, {"c" + std::to_string(i)}}};
      refusals += refused(q).find("share one hash") != std::string::npos;
    }
  }
  EXPECT_GE(refusals, 50u) << "forty values in sixteen hashes";
}

}  // namespace
}  // namespace quipu::test
