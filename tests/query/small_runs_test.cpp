// Questions to small runs of a real engine, answered by counting the lines by hand.
#include "query/small_runs.h"

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "query/metric_totals.h"
#include "query/render.h"

namespace quipu::test {
namespace {

TEST_F(SmallRuns, CairosLongDayHasTwentyFiveHours) {
  // One event a quarter-hour from 28 October 12:00 UTC on, for three days; each hour two profiles.
  std::vector<Line> lines;
  const int64_t begin = 1793188800;
  for (int i = 0; i < 3 * 96; ++i) {
    Line line;
    line.at = format_instant(begin + i * 900, 0);
    line.who = "p" + std::to_string(i % 2);
    lines.push_back(line);
  }
  count(plan_text("  - {metrics: \"*\", by: [[]]}\n", "Africa/Cairo"), lines);
  Question days = about("Opened", "2026-10-29");
  EXPECT_EQ(ask(days).groups.at(0).count, std::vector<uint64_t>{100});
  EXPECT_EQ(ask(days).groups.at(0).unique, std::vector<uint64_t>{2});
  days.interval = Interval::hour;
  const Answer hours = ask(days);
  EXPECT_EQ(hours.groups.at(0).count, std::vector<uint64_t>(25, 4));
  EXPECT_EQ(hours.groups.at(0).unique, std::vector<uint64_t>(25, 2));
  EXPECT_EQ(hours.buckets.front(), "2026-10-29T00:00:00+03:00");
  EXPECT_EQ(hours.buckets[23], "2026-10-29T23:00:00+03:00");
  EXPECT_EQ(hours.buckets[24], "2026-10-29T23:00:00+02:00");
  days.in.reset();
  days.interval = Interval::day;
  const Answer last = ask(days);  // the last 30 days that end with the last event's
  EXPECT_EQ(last.buckets.size(), 30u);
  EXPECT_EQ(last.buckets.back(), "2026-10-31T00:00:00+02:00");
  EXPECT_EQ(
      (std::vector<uint64_t>(last.groups.at(0).count.end() - 4, last.groups.at(0).count.end())),
      (std::vector<uint64_t>{36, 100, 96, 56}));
}

bool passes(const Filter& f, const Line& line) {
  const std::string& value = f.property == "campaign" ? line.campaign : line.client;
  if (f.kind == Filter::Kind::not_empty) return !value.empty();
  if (f.kind == Filter::Kind::prefix)
    return std::any_of(f.values.begin(), f.values.end(),
                       [&](const std::string& v) { return value.rfind(v, 0) == 0; });
  const bool listed = std::any_of(f.values.begin(), f.values.end(), [&](const std::string& v) {
    return v == value || (v == "95.0" && value == "95");
  });
  return listed == (f.kind == Filter::Kind::any_of);
}

// Random lines, every way to filter and group, against adding the lines up.
TEST_F(SmallRuns, FiltersAndGroupsAreWhatCountingTheLinesGives) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<std::string> texts{"", "a", "b", "95"};
    std::vector<Line> lines;
    for (int i = 0; i < 300; ++i) {
      Line line;
      line.metric = random() % 3 ? "Opened" : "Clicked";
      line.who = random() % 9 ? "p" + std::to_string(random() % 5) : "";
      line.at =
          format_instant(1772323200 + int64_t(random() % (60 * 86400)), 0);  // March and April 2026
      line.campaign = texts[random() % texts.size()];
      line.client = texts[random() % texts.size()];
      line.worth = std::to_string(random() % 100);
      lines.push_back(line);
    }
    engine_.reset();
    std::filesystem::remove_all(folder_.path() + "/store");
    count(plan_text("  - {metrics: \"*\", by: [[campaign, client]], sum: [worth]}\n  - {metrics: "
                    "[Opened, Clicked], together: Both, by: [[campaign, client]]}\n"),
          lines);
    if (HasFailure()) return;

    const std::vector<Filter> filters{{"campaign", Filter::Kind::any_of, {"a"}},
                                      {"campaign", Filter::Kind::any_of, {"a", "95.0", "absent"}},
                                      {"campaign", Filter::Kind::none_of, {"a", "95"}},
                                      {"campaign", Filter::Kind::not_empty, {}},
                                      {"campaign", Filter::Kind::prefix, {"9", "ab"}},
                                      {"client", Filter::Kind::prefix, {"a", "b"}},
                                      {"client", Filter::Kind::any_of, {""}},
                                      {"client", Filter::Kind::none_of, {""}}};
    for (int i = 0; i < 60; ++i) {
      const std::string metric =
          std::vector<std::string>{"Opened", "Clicked", "Both"}[random() % 3];
      Question q = about(metric, random() % 2 ? "2026-03" : "2026-W14");
      const std::pair<std::string, std::string> span = q.in == "2026-03"
                                                           ? std::pair("2026-03-01", "2026-04-01")
                                                           : std::pair("2026-03-30", "2026-04-06");
      if (random() % 2) q.by.push_back("campaign");
      if (random() % 2) q.by.insert(q.by.begin() + long(random() % (q.by.size() + 1)), "client");
      for (const Filter& f : filters) {
        if (random() % 4 == 0) q.where.push_back(f);
      }
      std::map<std::vector<std::string>, uint64_t> right;
      std::map<std::vector<std::string>, std::set<std::string>> profiles;
      std::map<std::vector<std::string>, Fixed6> worth;
      for (const Line& line : lines) {
        const bool in = (metric == "Both" || line.metric == metric) &&
                        line.at.substr(0, 10) >= span.first && line.at.substr(0, 10) < span.second;
        if (!in || !std::all_of(q.where.begin(), q.where.end(),
                                [&](const Filter& f) { return passes(f, line); }))
          continue;
        std::vector<std::string> by;
        for (const std::string& name : q.by)
          by.push_back(name == "campaign" ? line.campaign : line.client);
        ++right[by];
        if (!line.who.empty()) profiles[by].insert(line.who);
        worth[by] += Fixed6(std::stoi(line.worth)) * 1000000;
      }
      const Answer got = ask(q);
      if (q.by.empty() && right.empty()) right[{}] = 0;  // one row, of zeros
      EXPECT_EQ(counts(got), right) << render_json(got);
      for (const Group& g : got.groups) {
        if (got.has_unique) {
          EXPECT_EQ(g.unique, std::vector<uint64_t>{profiles[g.by].size()}) << render_json(got);
        }
        if (metric != "Both") {
          EXPECT_EQ(format_fixed6(g.sums.at(0).at(0)), format_fixed6(worth[g.by]))
              << render_json(got);
        }
      }
      const auto pinned = [&](const std::string& name) {
        return std::find(q.by.begin(), q.by.end(), name) != q.by.end() ||
               std::any_of(q.where.begin(), q.where.end(), [&](const Filter& f) {
                 return f.property == name && f.kind == Filter::Kind::any_of &&
                        f.values.size() == 1;
               });
      };
      EXPECT_EQ(got.has_unique, pinned("campaign") && pinned("client")) << render_json(got);
      EXPECT_EQ(notes(got).empty(), got.has_unique);
    }
  }
}

TEST_F(SmallRuns, SortingIsByWhatTheAnswerHas) {
  std::vector<Line> lines;
  for (const auto& [campaign, n, worth] : std::vector<std::tuple<std::string, int, std::string>>{
           {"b", 2, "5"}, {"a", 2, "1"}, {"c", 1, "100"}, {"", 3, "0"}}) {
    for (int i = 0; i < n; ++i)
      lines.push_back({"Opened", "same", "2026-03-05T10:00:00Z", campaign, "", worth});
  }
  count(plan_text("  - {metrics: \"*\", by: [campaign], sum: [worth]}\n"), lines);
  const auto sorted = [&](const std::string& sort, size_t limit = 0) {
    Question q = about("Opened", "2026-03", {"campaign"});
    q.sort = sort;
    q.limit = limit;
    std::string names;
    const Answer a = ask(q);
    for (const Group& g : a.groups) names += "[" + g.by[0] + "]";
    EXPECT_EQ(a.groups_in_all, 4u);
    return names;
  };
  EXPECT_EQ(sorted(""), "[][a][b][c]");
  EXPECT_EQ(sorted("count"), "[][a][b][c]");
  EXPECT_EQ(sorted("-count"), "[c][a][b][]");
  EXPECT_EQ(sorted("name"), "[][a][b][c]");
  EXPECT_EQ(sorted("-name"), "[c][b][a][]");
  EXPECT_EQ(sorted("worth"), "[c][b][a][]");
  EXPECT_EQ(sorted("-worth"), "[][a][b][c]");
  EXPECT_EQ(sorted("unique"), "[][a][b][c]");
  EXPECT_EQ(sorted("worth", 2), "[c][b]");
  EXPECT_EQ(sorted("worth", 3), "[c][b][a]");
  EXPECT_EQ(sorted("sum:worth", 1), "[c]");
  for (const char* sort : {"wort", "-", "--count", " "}) {
    Question q = about("Opened", "2026-03", {"campaign"});
    q.sort = sort;
    EXPECT_NE(refused(q).find("it has worth, count, name, unique"), std::string::npos)
        << sort << ": " << refused(q);
  }
}

TEST_F(SmallRuns, SortingByOneOfSeveralProperties) {
  std::vector<Line> lines;
  for (const auto& [campaign, client] : std::vector<std::pair<std::string, std::string>>{
           {"b", "2"}, {"a", "10"}, {"c", "x"}, {"b", "10"}, {"a", "2"}})
    lines.push_back({"Opened", "same", "2026-03-05T10:00:00Z", campaign, client, "1"});
  count(plan_text("  - {metrics: \"*\", by: [[campaign, client]], sum: [worth]}\n"), lines);
  const auto sorted = [&](const std::string& sort, size_t limit = 0) {
    Question q = about("Opened", "2026-03", {"campaign", "client"});
    q.sort = sort;
    q.limit = limit;
    std::string names;
    const Answer answered = ask(q);
    for (const Group& g : answered.groups) names += g.by[0] + g.by[1] + " ";
    return names;
  };
  EXPECT_EQ(sorted("client"), "a2 b2 a10 b10 cx ");
  EXPECT_EQ(sorted("-client"), "cx a10 b10 a2 b2 ");
  EXPECT_EQ(sorted("by:client", 2), "a2 b2 ");
  EXPECT_EQ(sorted("-campaign", 3), "cx b2 b10 ");
  EXPECT_EQ(sorted("-name", 3), "cx b10 b2 ");
  Question q = about("Opened", "2026-03", {"campaign"});
  q.sort = "client";
  EXPECT_NE(refused(q).find("it has worth, count, name, campaign"), std::string::npos)
      << refused(q) << ": client is not asked by";
}

// Of many values the names are read through, of few they are looked up: both say the same.
TEST_F(SmallRuns, PrefixesOfManyValues) {
  std::vector<Line> lines;
  for (int i = 0; i < 6000; ++i)
    lines.push_back({"Opened", "p", "2026-03-05T10:00:00Z", std::to_string(i * 7919 % 6000) + "x"});
  lines.push_back({"Opened", "p", "2026-03-06T10:00:00Z", ""});
  count(plan_text("  - {metrics: \"*\", by: [campaign]}\n"), lines);
  for (const std::vector<std::string>& prefixes :
       std::vector<std::vector<std::string>>{{"5"}, {"12", "599"}, {"5999x"}, {"6"}, {"z"}}) {
    uint64_t right = 0;
    for (const Line& line : lines) {
      right += std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
        return line.campaign.rfind(prefix, 0) == 0;
      });
    }
    Question q = about("Opened", "2026-03");
    q.where = {{"campaign", Filter::Kind::prefix, prefixes}};
    EXPECT_EQ(ask(q).groups.at(0).count.at(0), right) << prefixes[0];
    q.by = {"campaign"};
    const Answer all = ask(q);
    EXPECT_EQ(all.groups.size(), right);
    EXPECT_TRUE(all.has_unique);
    q.limit = 3;
    q.sort = "-name";
    EXPECT_EQ(ask(q).groups_in_all, right);
  }
}

// What metrics came to is kept: of later checkpoints only the days are read that they wrote.
TEST_F(SmallRuns, MetricsAreListedFromWhatIsKept) {
  const auto day = [](int n) { return format_instant(1577836800 + n * 86400, 0); };  // of 2020
  std::vector<Line> lines;
  for (int n = 0; n < 400; ++n)
    lines.push_back({n % 2 ? "Opened" : "Clicked", "p", day(n), "c" + std::to_string(n)});
  count(plan_text("  - {metrics: \"*\", by: [campaign]}\n"), lines);
  MetricTotals totals(&engine_->store());
  const auto listed = [&](MetricTotals* kept, uint64_t rows) {
    auto snapshot = engine_->store().snapshot();
    auto view = StoreView::open(engine_->catalogue(), *snapshot, engine_->store().hasher());
    ReadBudget budget(rows, std::chrono::seconds(60));
    (*view)->set_budget(&budget);
    const auto metrics = list_metrics(**view, *engine_->catalogue().find_tenant("shop"), kept);
    if (!metrics.ok()) return metrics.error().message;
    std::string text;
    for (const MetricLine& m : *metrics)
      text += m.name + " " + std::to_string(*m.count) + " " + m.first_day + " " + m.last_day + "\n";
    return text;
  };
  EXPECT_NE(listed(&totals, 50).find("kMaxRowsOfQuestion"), std::string::npos);
  EXPECT_EQ(listed(&totals, 10'000),
            "Clicked 200 2020-01-01 2021-02-02\nOpened 200 2020-01-02 2021-02-03\n");
  std::mt19937_64 random(7);
  for (int round = 0; round < 6; ++round) {
    std::string text;
    for (int i = 0; i < 5; ++i) {
      const Line line{"Opened", "p", day(int(random() % 500)), "c" + std::to_string(i)};
      text += line.text(next_id_++);
    }
    const std::string input = folder_.path() + "/more" + std::to_string(round) + ".jsonl";
    write_file(input, text);
    const auto summary = engine_->run({input}, {});
    ASSERT_TRUE(summary.ok()) << summary.error().message;
    if (round == 3) continue;  // two checkpoints at once
    EXPECT_EQ(listed(&totals, 50), listed(nullptr, 10'000)) << "round " << round;
  }
}

// An event with two tags is in the groups of one tag once.
TEST_F(SmallRuns, TheRestOfOneElementOfAList) {
  const std::string properties = "campaign: /campaign, tags: /tags";
  std::vector<Line> lines;
  for (int i = 0; i < 20; ++i) {
    Line line{"Opened", "p", "2026-03-05T10:00:00Z", "c" + std::to_string(i % 5)};
    line.more = i % 2 ? ",\"tags\":[\"t0\",\"t1\"]" : ",\"tags\":[\"t1\"]";
    lines.push_back(line);
  }
  Question q = about("Opened", "2026-03", {"campaign"});
  q.where = {{"tags", Filter::Kind::any_of, {"t0"}}};
  q.limit = 1;
  q.rest = true;
  const auto plan = [&](const std::string& by) {
    return plan_text("  - {metrics: \"*\", by: " + by + "}\n", "UTC", properties);
  };
  count(plan("[[campaign, tags]]"), lines);
  EXPECT_NE(refused(q).find("do not add up"), std::string::npos)
      << "campaigns may be lists for all that is known";
  const auto begin_anew = [&] {
    engine_.reset();
    std::filesystem::remove_all(folder_.path() + "/store");
  };
  begin_anew();
  count(plan("[campaign, [campaign, tags]]"), lines);
  const Answer told = ask(q);
  EXPECT_EQ(told.groups.at(0).count.at(0), 2u);
  ASSERT_TRUE(told.rest);
  EXPECT_EQ(told.rest->count.at(0), 8u);
  EXPECT_FALSE(told.counted_in_several_groups);
  Question all = about("Opened", "2026-03");
  all.where = q.where;
  EXPECT_EQ(ask(all).groups.at(0).count.at(0), 10u) << "campaigns are added up";
  q.where.clear();
  q.by = {"tags"};
  EXPECT_NE(refused(q).find("do not add up"), std::string::npos);
  // A campaign that is a list, too.
  q.by = {"campaign"};
  q.where = all.where;
  Line both{"Opened", "p", "2026-03-05T10:00:00Z"};
  both.more = ",\"campaign\":[\"c1\",\"c2\"],\"tags\":[\"t0\"]";
  count(plan("[campaign, [campaign, tags]]"), {both});
  EXPECT_NE(refused(q).find("do not add up"), std::string::npos);
  // What is known of campaigns alone must be of the same time.
  begin_anew();
  count(plan("[[campaign, tags]]"), lines);
  count(plan("[campaign, [campaign, tags]]"), {lines[1]});
  EXPECT_NE(refused(q).find("do not add up"), std::string::npos);
}

TEST_F(SmallRuns, FiguresPlannedLaterAreMarked) {
  const auto line = [](const std::string& who) {
    return Line{"Opened", who, "2026-03-05T10:00:00Z", "a", "x", "2.50"};
  };
  count(plan_text("  - {metrics: \"*\", by: [[]], unique: no}\n"), {line("ada"), line("bob")});
  EXPECT_TRUE(ask(about("Opened", "2026-03")).partial.empty());
  count(plan_text("  - {metrics: \"*\", by: [[]], sum: [worth]}\n"), {line("ada"), line("cleo")});
  const Answer a = ask(about("Opened", "2026-03"));
  EXPECT_EQ(a.groups.at(0).count, std::vector<uint64_t>{4});
  EXPECT_EQ(a.groups.at(0).unique, std::vector<uint64_t>{2})
      << "of those accepted since uniques are counted";
  EXPECT_EQ(format_fixed6(a.groups.at(0).sums.at(0).at(0)), "5");
  EXPECT_EQ(a.since.size(), 1u);
  EXPECT_EQ(a.partial, std::vector<size_t>{0})
      << "the count is whole, but not the unique and the sum";
  EXPECT_NE(notes(a).find("unique is counted since "), std::string::npos) << notes(a);
  EXPECT_NE(notes(a).find("worth is counted since "), std::string::npos) << notes(a);
  EXPECT_EQ(ask(about("Opened", "2100-01")).partial, std::vector<size_t>{})
      << "a bucket that begins after that";
  // Without uniques and sums again: what is shown of them ends.
  count(plan_text("  - {metrics: \"*\", by: [[]], unique: no}\n"), {line("ada")});
  const Answer later = ask(about("Opened", "2100-01"));
  EXPECT_FALSE(later.has_unique);
  EXPECT_EQ(later.partial, std::vector<size_t>{0});
  EXPECT_NE(notes(later).find(" until "), std::string::npos) << notes(later);
}

TEST_F(SmallRuns, ACounterThatCameBackIsPartialUpToThere) {
  const std::string with = plan_text("  - {metrics: \"*\", by: [[], campaign]}\n"),
                    without = plan_text("  - {metrics: \"*\", by: [[]]}\n");
  const Line line{"Opened", "ada", "2150-03-05T10:00:00Z", "a", "x", "1"};
  count(with, {line});
  EXPECT_TRUE(ask(about("Opened", "2150-03-05", {"campaign"})).partial.empty());
  count(without, {line, line});
  const Answer retired = ask(about("Opened", "2150-03-05", {"campaign"}));
  EXPECT_EQ(counts(retired)[{"a"}], 1u);
  EXPECT_EQ(retired.partial, std::vector<size_t>{0}) << "it ends after the counter was dropped";
  ASSERT_EQ(retired.since.size(), 1u);
  EXPECT_NE(retired.since[0].to_time_s, 0);
  count(with, {line});
  const Answer back = ask(about("Opened", "2150-03-05", {"campaign"}));
  EXPECT_EQ(counts(back)[{"a"}], 2u);
  EXPECT_EQ(back.groups.at(0).unique, std::vector<uint64_t>{1});
  EXPECT_EQ(back.since.size(), 2u);
  EXPECT_EQ(back.partial, std::vector<size_t>{0}) << "it had events before the counter came back";
  EXPECT_TRUE(ask(about("Opened", "2150-03-06", {"campaign"})).partial.empty());
  EXPECT_EQ(ask(about("Opened", "2026-03-05", {"campaign"})).partial, std::vector<size_t>{0});
  EXPECT_TRUE(ask(about("Opened", "2026-03-05")).partial.empty());
}

TEST_F(SmallRuns, ADroppedCounterGivesWayToOneThatAddsUp) {
  const auto line = [](const std::string& client) {
    return Line{"Opened", "ada", "2026-03-05T10:00:00Z", "a", client, "1"};
  };
  count(plan_text("  - {metrics: \"*\", by: [[], campaign, [campaign, client]]}\n"),
        {line("x"), line("y")});
  EXPECT_EQ(ask(about("Opened", "2026-03", {"campaign"})).groups.at(0).unique,
            std::vector<uint64_t>{1});
  count(plan_text("  - {metrics: \"*\", by: [[campaign, client]]}\n"),
        {line("x"), line("z"), line("z")});
  const Answer added = ask(about("Opened", "2026-03", {"campaign"}));
  EXPECT_EQ(counts(added), (std::map<std::vector<std::string>, uint64_t>{{{"a"}, 5}}));
  EXPECT_FALSE(added.has_unique);
  // So does the list of metrics: the counter that still counts is the one that knows.
  EXPECT_EQ(metrics().at("Opened").count, std::optional<uint64_t>(5));
}

TEST_F(SmallRuns, RenamedPropertiesKeepTheirAnswersUnderTheNewName) {
  const Line line{"Opened", "ada", "2026-03-05T10:00:00Z", "a", "x", "1"};
  const std::string count_both = "  - {metrics: \"*\", by: [[campaign, client]]}\n";
  count(plan_text(count_both), {line});
  count(plan_text(count_both, "UTC", "client: /campaign, campaign: /client"), {line});
  const Answer a = ask(about("Opened", "2026-03", {"campaign", "client"}));
  EXPECT_EQ(counts(a), (std::map<std::vector<std::string>, uint64_t>{{{"x", "a"}, 2}}));
  EXPECT_TRUE(a.partial.empty());
}

TEST_F(SmallRuns, AGroupIsAnsweredForItsPresentMembers) {
  const auto plan = [](const std::string& members) {
    return plan_text("  - {metrics: [" + members +
                     "], together: Engaged, by: [[]], lifetime: yes}\n");
  };
  const std::vector<Line> lines{{"Opened"}, {"Clicked", "bob"}};
  count(plan("Opened, Clicked"), lines);
  count(plan("Opened, Clicked, Ordered"), {{"Opened"}, {"Ordered", "cleo"}, {"Ordered", "dan"}});
  const Answer a = ask(about("Engaged", "2026-03"));
  EXPECT_EQ(a.groups.at(0).count, std::vector<uint64_t>{3});
  EXPECT_EQ(a.groups.at(0).unique, std::vector<uint64_t>{3});
  EXPECT_EQ(a.partial, std::vector<size_t>{0});
  EXPECT_EQ(ask(about("Engaged", "lifetime")).groups.at(0).unique, std::vector<uint64_t>{3});
}

}  // namespace
}  // namespace quipu::test
