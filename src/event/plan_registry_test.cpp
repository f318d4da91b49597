#include "event/plan_registry.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "event/test_registry.h"

namespace quipu {
namespace {

constexpr char kPlan[] =
    "quipu: 1\nevent: {tenant: /t, metric: /m, time: {at: /at, no_offset: "
    "Asia/Tokyo}}\nproperties: {a: /a, b: /b}\n"
    "calendars: {default: [{zone: UTC}], tenants: {india: [{zone: Asia/Kolkata}], also india: "
    "[{zone: Asia/Kolkata}]}}\n"
    "count:\n  - {metrics: [Opened, Clicked], by: [[], a]}\n  - {metrics: [Opened, Clicked], "
    "together: Engaged, by: [b]}\n";

TEST(PlanRegistry, GivesTenantsAndMetricsOfThePlanOneIdEach) {
  const auto registry = test_registry(kPlan);
  const Tenant* first = registry->tenant("shop");
  EXPECT_EQ(registry->tenant("shop"), first);
  EXPECT_NE(registry->tenant("other")->id, first->id);
  EXPECT_EQ(registry->tenant("other")->calendar_set, first->calendar_set);
  EXPECT_NE(registry->tenant("india")->calendar_set, first->calendar_set);
  EXPECT_EQ(registry->tenant("also india")->calendar_set, registry->tenant("india")->calendar_set);
  EXPECT_EQ(registry->tenant_name(first->id), "shop");
  EXPECT_EQ(registry->calendars(*registry->tenant("india"))[0].zone, "Asia/Kolkata");

  EXPECT_EQ(registry->metric("Bought"), nullptr) << "no rule names it";
  const CompiledMetric *opened = registry->metric("Opened"), *clicked = registry->metric("Clicked");
  EXPECT_EQ(registry->metric("Opened"), opened);
  EXPECT_NE(opened->index, clicked->index);
  // Of two selectors each, the group is one.
  std::set<SelectorId> selectors;
  for (const CompiledMetric* metric : {opened, clicked}) {
    for (const CompiledSection& section : metric->sections) selectors.insert(section.selector);
  }
  EXPECT_EQ(selectors.size(), 3u);
}

TEST(PlanRegistry, MonthsAreCutByTheTenantsOwnCalendars) {
  const auto registry = test_registry(kPlan);
  const MonthIndex march = month_of(1772323200);  // 2026-03-01 in UTC
  const auto india = registry->month(*registry->tenant("india"), march);
  EXPECT_EQ(registry->month(*registry->tenant("also india"), march), india);
  EXPECT_EQ(india->bucket(0, Interval::day, 0).first_offset_s, 5 * 3600 + 1800);
  EXPECT_EQ(
      registry->month(*registry->tenant("shop"), march)->bucket(0, Interval::day, 0).first_offset_s,
      0);
}

TEST(PlanRegistry, ZonesThatCannotBeReadAreAnError) {
  auto plan = Plan::parse(kPlan, "test.yaml", ".");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_FALSE(PlanRegistry::open(std::move(*plan), "/nowhere").ok());
}

TEST(PlanRegistry, SeveralThreadsGetTheSame) {
  const auto registry = test_registry(kPlan);
  std::vector<std::vector<const void*>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got) {
    threads.emplace_back([&mine, &registry] {
      for (int i = 0; i < 200; ++i) {
        const Tenant* tenant = registry->tenant("t" + std::to_string(i));
        mine.insert(mine.end(), {tenant, registry->metric(i % 2 ? "Opened" : "Clicked"),
                                 registry->month(*tenant, MonthIndex(600 + i % 7)).get()});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& theirs : got) EXPECT_EQ(theirs, got[0]);
}

}  // namespace
}  // namespace quipu
