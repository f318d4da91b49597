#include "event/plan_directory.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "event/test_directory.h"

namespace quipu {
namespace {

constexpr char kPlan[] =
    "quipu: 1\nevent: {tenant: /t, metric: /m, time: {at: /at, no_offset: "
    "Asia/Tokyo}}\nproperties: {a: /a, b: /b}\n"
    "calendars: {default: [{zone: UTC}], tenants: {india: [{zone: Asia/Kolkata}], also india: "
    "[{zone: Asia/Kolkata}]}}\n"
    "count:\n  - {metrics: [Opened, Clicked], by: [[], a]}\n  - {metrics: [Opened, Clicked], "
    "together: Engaged, by: [b]}\n";

TEST(PlanDirectory, GivesTenantsAndMetricsOfThePlanOneIdEach) {
  const auto directory = test_directory(kPlan);
  const Tenant* first = directory->tenant("shop");
  EXPECT_EQ(directory->tenant("shop"), first);
  EXPECT_NE(directory->tenant("other")->id, first->id);
  EXPECT_EQ(directory->tenant("other")->calendar_set, first->calendar_set);
  EXPECT_NE(directory->tenant("india")->calendar_set, first->calendar_set);
  EXPECT_EQ(directory->tenant("also india")->calendar_set,
            directory->tenant("india")->calendar_set);
  EXPECT_EQ(directory->tenant_name(first->id), "shop");
  EXPECT_EQ(directory->calendars(*directory->tenant("india"))[0].zone, "Asia/Kolkata");

  EXPECT_EQ(directory->metric("Bought"), nullptr) << "no rule names it";
  const CompiledMetric *opened = directory->metric("Opened"),
                       *clicked = directory->metric("Clicked");
  EXPECT_EQ(directory->metric("Opened"), opened);
  EXPECT_NE(opened->index, clicked->index);
  // Of two selectors each, the group is one.
  std::set<SelectorId> selectors;
  for (const CompiledMetric* metric : {opened, clicked}) {
    for (const CompiledSection& section : metric->sections) selectors.insert(section.selector);
  }
  EXPECT_EQ(selectors.size(), 3u);
}

TEST(PlanDirectory, MonthsAreCutByTheTenantsOwnCalendars) {
  const auto directory = test_directory(kPlan);
  const MonthIndex march = month_of(1772323200);  // 2026-03-01 in UTC
  const MonthTable* india = directory->month(*directory->tenant("india"), march);
  EXPECT_EQ(directory->month(*directory->tenant("also india"), march), india);
  EXPECT_EQ(india->bucket(0, Interval::day, 0).first_offset_s, 5 * 3600 + 1800);
  EXPECT_EQ(directory->month(*directory->tenant("shop"), march)
                ->bucket(0, Interval::day, 0)
                .first_offset_s,
            0);
}

TEST(PlanDirectory, ZonesThatCannotBeReadAreAnError) {
  auto plan = Plan::parse(kPlan, "test.yaml", ".");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_FALSE(PlanDirectory::open(std::move(*plan), "/nowhere").ok());
}

TEST(PlanDirectory, SeveralThreadsGetTheSame) {
  const auto directory = test_directory(kPlan);
  std::vector<std::vector<const void*>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got) {
    threads.emplace_back([&mine, &directory] {
      for (int i = 0; i < 200; ++i) {
        const Tenant* tenant = directory->tenant("t" + std::to_string(i));
        mine.insert(mine.end(), {tenant, directory->metric(i % 2 ? "Opened" : "Clicked"),
                                 directory->month(*tenant, MonthIndex(600 + i % 7))});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& theirs : got) EXPECT_EQ(theirs, got[0]);
}

}  // namespace
}  // namespace quipu
