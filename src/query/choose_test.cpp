#include "query/choose.h"

#include <algorithm>

#include "query/test_view.h"

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
    return choose_counter(**this, tenant(), question);
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

  view.counts_in_several("Opened", {"campaign", "client"});
  const std::string several = view.chosen("Opened", {"client"});
  EXPECT_NE(several.find("do not add up"), std::string::npos) << several;
  EXPECT_NE(several.find("add [client] to `by:`"), std::string::npos) << several;
  EXPECT_EQ(view.chosen("Opened", {"campaign", "client"}), "campaign client")
      << "each value by itself is exact";
  EXPECT_EQ(view.chosen("Opened", {"campaign"}), "campaign") << "another counter";
  EXPECT_NE(view.chosen("Opened", {"campaign"}, {is("client", {"a", "b"})})
                .find("add [campaign, client]"),
            std::string::npos);
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

TEST(Choose, UniquesAreTakenWhereTwoCountersFit) {
  Asked view({plan_text(kProperties,
                        "  - {metrics: [Ordered], by: [[client, paid]]}\n  - {metrics: [Ordered], "
                        "when: {paid: [yes]}, by: [client], unique: no}\n")});
  EXPECT_EQ(view.chosen("Ordered", {"client"}, {is("paid", {"yes"})}), "client paid");
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
  EXPECT_TRUE(all.since_beginning());
  EXPECT_FALSE(campaign.since_beginning());
  EXPECT_FALSE(campaign.retired);
}

}  // namespace
}  // namespace quipu
