#include "query/choose.h"

#include <algorithm>

#include "query/label.h"
#include "query/test_view.h"
#include "query/whole.h"

namespace quipu {
namespace {

std::string plan_text(const std::string& properties, const std::string& count) {
  return "quipu: 1\nevent: {tenant: {const: shop}, metric: /what, profile: /who, time: /at, "
         "values: {worth: /worth}}\nproperties: {" +
         properties + "}\ncount:\n" + count;
}
const std::string kProperties =
    "campaign: /c, client: /k, paid: /paid, step: {at: /s, missing: skip}";
const std::string kCount =
    "  - {metrics: [Opened], by: [[], campaign, [campaign, client], [step, client]]}\n"
    "  - {metrics: [Clicked], by: [[step, client]]}\n"
    "  - {metrics: [Ordered], when: {paid: [yes, part]}, by: [[], client], sum: [worth]}\n"
    "  - {metrics: [Ordered], by: [[client, paid]], unique: no}\n"
    "  - {metrics: [Opened, Clicked], together: Engaged, by: [campaign]}\n";

Filter is(const std::string& property, std::vector<std::string> values,
          Filter::Kind kind = Filter::Kind::any_of) {
  return {property, kind, std::move(values)};
}

struct Asked : TestView {
  explicit Asked(const std::vector<std::string>& plans, std::vector<int64_t> times = {})
      : TestView(plans, {"Opened", "Clicked", "Ordered", "Viewed"}, std::move(times)) {}

  Result<Choice> choose(const std::string& metric, std::vector<std::string> by,
                        std::vector<Filter> where = {}) {
    Question question;
    question.metric = metric;
    question.by = std::move(by);
    question.where = std::move(where);
    auto fitting = fitting_counters(**this, tenant(), question);
    if (!fitting.ok()) return fitting.error();
    return fitting->front();
  }
  // The properties of the counter chosen, in the plan's order; with "when " before a condition.
  std::string chosen(const std::string& metric, std::vector<std::string> by,
                     std::vector<Filter> where = {}) {
    auto choice = choose(metric, std::move(by), std::move(where));
    if (!choice.ok()) return choice.error().message;
    std::string text = choice->counter.planned.when ? "when" : "";
    for (const std::string& name : choice->counter.names) text += (text.empty() ? "" : " ") + name;
    return text + (choice->adds_groups ? " +" : "");
  }
  void counts_in_several(const std::string& metric, const std::vector<std::string>& names) {
    const std::vector<Counter> counters = (*this)->counters(metric).value();
    for (const Counter& c : counters) {
      if (c.names == names) catalogue().add_several({tenant(), c.selector, c.dimension});
    }
  }
};

TEST(Choose, TheCounterOfExactlyThesePropertiesIsAsked) {
  Asked view({plan_text(kProperties, kCount)});
  EXPECT_EQ(view.chosen("Opened", {}), "");
  EXPECT_EQ(view.chosen("Opened", {"campaign"}), "campaign");
  EXPECT_EQ(view.chosen("Opened", {"campaign", "client"}), "campaign client");
  EXPECT_EQ(view.chosen("Opened", {"client", "campaign"}), "campaign client");
  EXPECT_EQ(view.chosen("Engaged", {"campaign"}), "campaign");
  // Elements are stored in another order than the one they are asked in.
  auto choice = view.choose("Opened", {"client", "campaign"});
  ASSERT_TRUE(choice.ok());
  ASSERT_EQ(choice->group_positions.size(), 2u);
  const Counter& counter = choice->counter;
  const auto name_at = [&](size_t position) {
    return counter.plan
        ->properties[counter.plan->columns[counter.planned.columns[position]].property]
        .name;
  };
  EXPECT_EQ(name_at(choice->group_positions[0]), "client");
  EXPECT_EQ(name_at(choice->group_positions[1]), "campaign");
}

TEST(Choose, OneValueOfAPartIsAsGoodAsTheCounterWithoutIt) {
  Asked view({plan_text(kProperties, kCount)});
  EXPECT_EQ(view.chosen("Opened", {}, {is("campaign", {"spring"})}), "campaign");
  EXPECT_EQ(view.chosen("Opened", {"client"}, {is("campaign", {"spring"})}), "campaign client");
  EXPECT_EQ(view.chosen("Opened", {"client"}, {is("campaign", {"95", "95.0"})}), "campaign client")
      << "one value in two spellings";
  EXPECT_EQ(view.chosen("Opened", {}, {is("campaign", {"spring", "clocks"})}), "campaign +");
  EXPECT_EQ(view.chosen("Opened", {}, {is("campaign", {"spring"}, Filter::Kind::none_of)}),
            "campaign +");
  EXPECT_EQ(view.chosen("Opened", {}, {is("campaign", {}, Filter::Kind::not_empty)}), "campaign +");
  EXPECT_EQ(view.chosen("Opened", {"campaign"}, {is("campaign", {"spring", "clocks"})}),
            "campaign");
  auto choice = view.choose("Opened", {}, {is("campaign", {"spring", "95.0", ""})});
  ASSERT_TRUE(choice.ok());
  ASSERT_EQ(choice->filters.size(), 1u);
  EXPECT_EQ(choice->filters[0].elements,
            (std::vector<uint64_t>{(*view).hasher().element("spring"),
                                   (*view).hasher().element("95"), kEmptyElement}));
}

TEST(Choose, GroupsAreAddedOnlyWhereThatIsExact) {
  Asked view({plan_text(kProperties, kCount)});
  // [campaign, client] can be added up; [step, client] leaves out events without step.
  EXPECT_EQ(view.chosen("Opened", {"client"}), "campaign client +");
  const std::string skips = view.chosen("Clicked", {"client"});
  EXPECT_NE(skips.find("skips events"), std::string::npos) << skips;
  EXPECT_NE(skips.find("add [client] to `by:`"), std::string::npos) << skips;
  EXPECT_EQ(view.chosen("Clicked", {"client", "step"}), "step client");
  EXPECT_EQ(view.chosen("Clicked", {"client"}, {is("step", {"2"})}), "step client");
  EXPECT_EQ(view.chosen("Clicked", {"client"}, {is("step", {"1", "2"})}), "step client +")
      << "what is skipped is not asked for";

  view.counts_in_several("Opened", {"campaign", "client"});
  const std::string several = view.chosen("Opened", {"client"});
  EXPECT_NE(several.find("do not add up"), std::string::npos) << several;
  EXPECT_NE(several.find("add [client] to `by:`"), std::string::npos) << several;
  EXPECT_EQ(view.chosen("Opened", {"campaign", "client"}), "campaign client")
      << "each value by itself is exact";
  EXPECT_EQ(view.chosen("Opened", {"campaign"}), "campaign") << "another counter";
  // What the plan has already is not advised.
  const std::string one_of = view.chosen("Opened", {"campaign"}, {is("client", {"a", "b,c"})});
  EXPECT_NE(one_of.find("a rule with `when: {client: [a, \"b,c\"]}` and `by: [campaign]`"),
            std::string::npos)
      << one_of;
  EXPECT_EQ(one_of.find("add ["), std::string::npos) << one_of;
  for (Filter::Kind kind : {Filter::Kind::none_of, Filter::Kind::not_empty}) {
    const std::string without = view.chosen("Opened", {"campaign"}, {is("client", {"a"}, kind)});
    EXPECT_NE(without.find("--where client=VALUE"), std::string::npos) << without;
    EXPECT_EQ(without.find("add ["), std::string::npos) << without;
  }
  EXPECT_EQ(view.chosen("Opened", {"campaign"}, {is("client", {"a"})}), "campaign client");
}

TEST(Choose, AConditionIsMetByTheFiltersThatSayTheSame) {
  Asked view({plan_text(kProperties, kCount)});
  EXPECT_EQ(view.chosen("Ordered", {}, {is("paid", {"yes", "part"})}), "when");
  EXPECT_EQ(view.chosen("Ordered", {"client"}, {is("paid", {"part", "yes", "part"})}),
            "when client");
  EXPECT_EQ(view.chosen("Ordered", {}, {is("client", {"a"}), is("paid", {"yes", "part"})}),
            "when client");
  auto choice = view.choose("Ordered", {}, {is("paid", {"yes", "part"})});
  ASSERT_TRUE(choice.ok());
  EXPECT_TRUE(choice->filters.empty()) << "the condition has answered it";
  // What is less, more or other than the condition goes to the counter that has the property, which
  // has no uniques.
  EXPECT_EQ(view.chosen("Ordered", {"client"}, {is("paid", {"yes"})}), "client paid");
  EXPECT_EQ(view.chosen("Ordered", {"client"}, {is("paid", {"yes", "part", "no"})}),
            "client paid +");
  EXPECT_EQ(
      view.chosen("Ordered", {"client"}, {is("paid", {"yes", "part"}, Filter::Kind::none_of)}),
      "client paid +");
  EXPECT_EQ(view.chosen("Ordered", {"client"}), "client paid +");
  view.counts_in_several("Ordered", {"client", "paid"});
  const std::string advice = view.chosen("Ordered", {"client"});
  EXPECT_NE(advice.find("--where paid=part|yes"), std::string::npos) << advice;
  EXPECT_NE(advice.find("several values"), std::string::npos) << advice;
}

TEST(Choose, UnknownNamesAreErrorsThatNameNearOnes) {
  Asked view({plan_text(kProperties, kCount)});
  EXPECT_NE(view.chosen("Opend", {}).find("did you mean \"Opened\""), std::string::npos)
      << view.chosen("Opend", {});
  EXPECT_NE(view.chosen("Engage", {}).find("\"Engaged\""), std::string::npos);
  EXPECT_NE(view.chosen("Opened", {"campain"}).find("did you mean \"campaign\""),
            std::string::npos);
  EXPECT_NE(view.chosen("Opened", {}, {is("clients", {"a"})}).find("did you mean \"client\""),
            std::string::npos);
  EXPECT_EQ(view.chosen("Opened", {"zzzzzzzzzz"}).find("did you mean"), std::string::npos);
  EXPECT_NE(view.chosen("Opened", {"paid"}).find("add [paid] to `by:`"), std::string::npos);
  EXPECT_NE(view.chosen("Opened", {"paid"}, {is("client", {"a"})}).find("add [paid, client]"),
            std::string::npos);
}

TEST(Choose, ANameMeansWhatTheNewestPlanMeansByIt) {
  // campaign and client change names; client's own counter is dropped.
  Asked view({plan_text("campaign: /c, client: /k",
                        "  - {metrics: [Opened], by: [campaign, client, [campaign, client]]}\n"),
              plan_text("campaign: /k, client: /c", "  - {metrics: [Opened], by: [client]}\n")});
  auto client = view.choose("Opened", {"client"});
  ASSERT_TRUE(client.ok());
  EXPECT_FALSE(client->counter.retired);
  EXPECT_EQ(client->counter.since.size(), 1u) << "it is the counter of /c, planned all along";
  // What is called campaign now was called client when it was counted.
  auto campaign = view.choose("Opened", {"campaign"});
  ASSERT_TRUE(campaign.ok());
  EXPECT_TRUE(campaign->counter.retired);
  EXPECT_EQ(campaign->counter.names, std::vector<std::string>{"client"});
}

TEST(Choose, ARetiredCounterIsAskedOnlyIfNoOtherIsLeft) {
  Asked view(
      {plan_text(kProperties,
                 "  - {metrics: [Opened], by: [campaign, client, [campaign, client]]}\n"),
       plan_text("campaign: /c, client: /k", "  - {metrics: [Opened], by: [[campaign, client]]}\n"),
       plan_text("client: /k", "  - {metrics: [Viewed], by: [client]}\n")});
  EXPECT_TRUE(view.choose("Opened", {"client"})->counter.retired);
  EXPECT_TRUE(view.choose("Opened", {"campaign"})->counter.retired)
      << "a property that is gone keeps its answers";
  Asked before({plan_text(kProperties,
                          "  - {metrics: [Opened], by: [campaign, client, [campaign, client]]}\n"),
                plan_text("campaign: /c, client: /k",
                          "  - {metrics: [Opened], by: [[campaign, client]]}\n")});
  EXPECT_EQ(before.chosen("Opened", {"campaign"}), "campaign client +")
      << "the counter of campaign alone counts no more";
}

TEST(Choose, AGroupIsTheOneWithTheMembersPlannedLast) {
  Asked view(
      {plan_text(kProperties,
                 "  - {metrics: [Opened, Clicked], together: Engaged, by: [campaign, client]}\n"),
       plan_text(kProperties,
                 "  - {metrics: [Opened, Viewed], together: Engaged, by: [campaign]}\n")});
  auto campaign = view.choose("Engaged", {"campaign"});
  ASSERT_TRUE(campaign.ok());
  EXPECT_NE(campaign->counter.selector_identity.find("Viewed"), std::string::npos);
  EXPECT_EQ(campaign->counter.since.front().from_checkpoint, 2u);
  EXPECT_TRUE(view.choose("Engaged", {"client"})->counter.retired);
}

TEST(Choose, AGroupAndAMetricOfOneNameAreToldApart) {
  const std::string group = "  - {metrics: \"*\", together: Viewed, by: [campaign]}\n";
  const std::string all = "  - {metrics: \"*\", by: [[], campaign]}\n";
  const auto is_group = [](Asked& view, NameKind named) -> std::string {
    Question question;
    question.metric = "Viewed";
    question.named = named;
    auto fitting = fitting_counters(*view, view.tenant(), question);
    if (!fitting.ok()) return fitting.error().message;
    return fitting->front().counter.group ? "group" : "metric";
  };
  for (const bool from_the_first : {true, false}) {
    std::vector<std::string> plans{plan_text(kProperties, all),
                                   plan_text(kProperties, all + group)};
    if (from_the_first) plans.erase(plans.begin());
    Asked view(plans);
    EXPECT_EQ(is_group(view, NameKind::metric), "metric");
    EXPECT_EQ(is_group(view, NameKind::group), "group");
    const std::string bare = is_group(view, NameKind::either);
    if (from_the_first) {
      EXPECT_EQ(bare, "group");
    } else {
      EXPECT_NE(bare.find("--metric \"Viewed\" or --group \"Viewed\""), std::string::npos) << bare;
    }
  }
  // A group that no event met is known, and only under its kind.
  Asked view(
      {plan_text(kProperties, "  - {metrics: [Bought], together: Sales, by: [campaign]}\n")});
  EXPECT_EQ(view->counters("Sales", NameKind::group).value().size(), 1u);
  EXPECT_FALSE(view->counters("Sales", NameKind::metric).ok());
  EXPECT_TRUE(view->counters("Bought", NameKind::metric).value().empty());
  EXPECT_NE(message_of(view->counters("Sale", NameKind::group)).find("\"Sales\""),
            std::string::npos);
}

TEST(Choose, NamesInByArePropertiesOrListsOfThem) {
  Asked view({plan_text("a: /a, b: /b, \"a,b\": /c, \"d,e\": /d, 'x\\y': /x",
                        "  - {metrics: [Opened], by: [a]}\n")});
  const auto names = [&](const std::vector<std::string>& texts) {
    auto read = property_names(*view, texts);
    if (!read.ok()) return read.error().message;
    std::string list;
    for (const std::string& name : *read) list += "[" + name + "]";
    return list;
  };
  EXPECT_EQ(names({}), "");
  EXPECT_EQ(names({"a"}), "[a]");
  EXPECT_EQ(names({"b,a"}), "[b][a]");
  EXPECT_EQ(names({"b", "a,x\\y"}), "[b][a][x\\y]");
  EXPECT_EQ(names({"d,e"}), "[d,e]");
  EXPECT_EQ(names({"d\\,e,a"}), "[d,e][a]");
  EXPECT_EQ(names({"a\\,b"}), "[a,b]");
  EXPECT_NE(names({"a,b"}).find("--by 'a\\,b' for the one property, or --by a --by b"),
            std::string::npos)
      << names({"a,b"});
  EXPECT_EQ(names({"a,"}), "[a][]");
  EXPECT_NE(view.chosen("Opened", {"a", "a"}).find("twice"), std::string::npos);
}

TEST(Whole, AFigureHasAllOfABucketIfItWasPlannedFromBeforeItUntilNow) {
  const Spans always{{1, 0, 1000, 0}}, later{{4, 0, 2000, 0, 5000}}, ended{{1, 4, 1000, 2000}},
      gap{{1, 4, 1000, 2000}, {7, 0, 3000, 0}};
  EXPECT_TRUE(planned_always(always));
  for (const Spans& spans : {later, ended, gap, Spans()}) EXPECT_FALSE(planned_always(spans));
  EXPECT_TRUE(has_all(always, 0));
  EXPECT_FALSE(has_all(later, 4999)) << "events of that time were counted before";
  EXPECT_TRUE(has_all(later, 5000));
  EXPECT_FALSE(has_all({{4, 0, 2000, 0, 10}}, 1999));
  EXPECT_TRUE(has_all({{4, 0, 2000, 0, 10}}, 2000));
  for (int64_t first_s : {0, 1500, 9000}) EXPECT_FALSE(has_all(ended, first_s)) << first_s;
  EXPECT_FALSE(has_all(gap, 2999));
  EXPECT_TRUE(has_all(gap, 3000));
  EXPECT_FALSE(has_all({}, 9000));
  EXPECT_TRUE(was_there(ended, 0, 2000));
  EXPECT_FALSE(was_there(ended, 0, 2001));
  EXPECT_FALSE(was_there(later, 1999, 2500));
  EXPECT_TRUE(was_there(later, 2000, 2500));
  EXPECT_FALSE(was_there(gap, 1500, 3500));
  EXPECT_EQ(checkpoints_of(gap, 9), 3u + 2u);
  EXPECT_EQ(checkpoints_of({}, 9), 0u);
  EXPECT_EQ(spans_text(later), "since 1970-01-01T00:33:20+00:00");
  EXPECT_EQ(spans_text(gap),
            "until 1970-01-01T00:33:20+00:00, and since 1970-01-01T00:50:00+00:00");
  EXPECT_EQ(spans_text({{2, 4, 1000, 2000}}),
            "since 1970-01-01T00:16:40+00:00 until 1970-01-01T00:33:20+00:00");
  EXPECT_EQ(spans_text({}), "at no time");
}

TEST(Whole, SpansInBothAreThoseOfEachCheckpoint) {
  // Against checkpoints one by one.
  const std::vector<Spans> all{{},
                               {{1, 0, 1000, 0}},
                               {{2, 5, 2000, 5000}},
                               {{5, 0, 5000, 0}},
                               {{1, 2, 1000, 2000}, {3, 6, 3000, 6000}, {8, 0, 8000, 0}}};
  const auto holds = [](const Spans& spans, uint64_t checkpoint) {
    return std::any_of(spans.begin(), spans.end(), [&](const SinceSpan& s) {
      return s.from_checkpoint <= checkpoint &&
             (s.to_checkpoint == 0 || checkpoint < s.to_checkpoint);
    });
  };
  for (const Spans& a : all) {
    for (const Spans& b : all) {
      const Spans both = in_both(a, b);
      for (uint64_t checkpoint = 1; checkpoint < 12; ++checkpoint)
        EXPECT_EQ(holds(both, checkpoint), holds(a, checkpoint) && holds(b, checkpoint));
      for (const SinceSpan& s : both) {
        EXPECT_EQ(s.from_time_s, int64_t(s.from_checkpoint) * 1000);
        EXPECT_EQ(s.to_time_s, int64_t(s.to_checkpoint) * 1000);
      }
    }
  }
}

TEST(Whole, FiguresOfTheLifetimeArePlannedWhenItIs) {
  Counter counter;
  counter.since = {{1, 0, 1000, 0}};
  counter.unique_since = {{3, 0, 3000, 0}};
  counter.lifetime_since = {{2, 5, 2000, 5000}};
  counter.sums_since = {{"v", {{1, 4, 1000, 4000}}}};
  const auto text = [](const std::vector<Figure>& figures) {
    std::string all;
    for (const Figure& f : figures) {
      all += f.name;
      for (const SinceSpan& s : f.since)
        all += " " + std::to_string(s.from_checkpoint) + "-" + std::to_string(s.to_checkpoint);
      all += "; ";
    }
    return all;
  };
  EXPECT_EQ(text(figures_of(counter, false, true)), "count 1-0; unique 3-0; sum.v 1-4; ");
  EXPECT_EQ(text(figures_of(counter, true, true)), "count 2-5; unique 3-5; sum.v 2-4; ");
  EXPECT_EQ(text(figures_of(counter, true, false)), "count 2-5; sum.v 2-4; ");
  const auto figures = figures_of(counter, false, true);
  EXPECT_EQ(partial_figures(figures, false, 2999), (std::vector<std::string>{"unique", "sum.v"}));
  EXPECT_EQ(partial_figures(figures, false, 3000), (std::vector<std::string>{"sum.v"}));
  EXPECT_EQ(partial_figures(figures, true, 3000), (std::vector<std::string>{"unique", "sum.v"}));
}

TEST(Choose, UniquesAreTakenWhereTwoCountersFit) {
  Asked view({plan_text(kProperties,
                        "  - {metrics: [Ordered], by: [[client, paid]]}\n  - {metrics: [Ordered], "
                        "when: {paid: [yes]}, by: [client], unique: no}\n")});
  EXPECT_EQ(view.chosen("Ordered", {"client"}, {is("paid", {"yes"})}), "client paid");
}

TEST(Choose, WhatNeedsNoAddingIsTakenBeforeUniques) {
  Asked view(
      {plan_text(kProperties,
                 "  - {metrics: [Opened], by: [campaign], unique: no}\n"
                 "  - {metrics: [Opened], by: [[campaign, client], [campaign, paid, client]]}\n")});
  EXPECT_EQ(view.chosen("Opened", {"campaign"}), "campaign");
  EXPECT_EQ(view.chosen("Opened", {"client"}), "campaign client +")
      << "the one of fewer properties";
}

TEST(Counters, SpansJoinOnlyWithoutAGap) {
  const std::string with =
      plan_text(kProperties, "  - {metrics: [Opened], by: [[], campaign], sum: [worth]}\n");
  const std::string without =
      plan_text(kProperties, "  - {metrics: [Opened], by: [[]], unique: no, lifetime: yes}\n");
  // All within one second.
  Asked view({with, without, with, "# the same, later\n" + with}, {1000, 1000, 1000, 1000});
  std::vector<Counter> counters = view->counters("Opened").value();
  ASSERT_EQ(counters.size(), 2u);
  const Counter& all = counters[0].names.empty() ? counters[0] : counters[1];
  const Counter& campaign = counters[0].names.empty() ? counters[1] : counters[0];
  EXPECT_EQ(all.since, (std::vector<SinceSpan>{{1, 0, 1000, 0}}));
  EXPECT_EQ(all.unique_since, (std::vector<SinceSpan>{{1, 2, 1000, 1000}, {3, 0, 1000, 0}}));
  EXPECT_EQ(all.lifetime_since, (std::vector<SinceSpan>{{2, 3, 1000, 1000}}));
  ASSERT_EQ(all.sums_since.size(), 1u);
  EXPECT_EQ(all.sums_since[0].second, all.unique_since);
  EXPECT_EQ(campaign.since, all.unique_since);
  EXPECT_TRUE(planned_always(all.since));
  EXPECT_FALSE(planned_always(campaign.since));
  EXPECT_FALSE(campaign.retired);
}

}  // namespace
}  // namespace quipu
