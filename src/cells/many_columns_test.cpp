// Dimensions of so many columns and values that their combinations do not fit into 64 bits.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "cells/test_panes.h"

namespace quipu {
namespace {

TEST(ManyColumns, OfManyValuesAreCountedValueByValue) {
  constexpr uint32_t kColumns = 8;
  test::World world;
  for (uint32_t c = 0; c < kColumns; ++c) world.plan.columns.push_back(PropertyId(100 + c));
  CompiledMetric& metric = world.metrics.emplace_back();
  metric.metric = SelectorId(20);
  std::vector<CompiledDimension> dimensions(2);
  for (CompiledDimension& d : dimensions) {
    d.arity = d.compared = kColumns;
    for (uint32_t c = 0; c < kColumns; ++c) d.columns[c] = uint8_t(c);
    d.unique = true;
  }
  dimensions[0].id = DimensionId(1);
  dimensions[1].id = DimensionId(2);
  std::reverse(dimensions[1].columns.begin(), dimensions[1].columns.begin() + kColumns);
  world.add_section(metric, metric.metric, dimensions);
  test::World::finish(metric);
  const auto month = test::make_month(600, 1);

  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  test::Random random(seed);
  Pane pane;
  test::Model expected;
  for (int i = 0; i < 3000; ++i) {
    EventBatch batch;
    batch.columns = kColumns;
    Event e;
    e.metric = &metric;
    e.tenant = TenantId(1);
    e.month = month.get();
    e.slot = Slot(test::below(random, 2) * 4);
    e.has_profile = true;
    e.profile = {random(), 1};
    e.rows = 1;
    // Few values in the first column, many in the others; most events differ in two columns alone.
    for (uint32_t c = 0; c < kColumns; ++c) {
      const uint64_t values = c == 0 ? 60 : 900;
      batch.elements.push_back(mix64(1 + (i < 900 || c < 2 ? test::below(random, values) : 0)));
    }
    batch.here = metric.planned;
    const std::vector<uint64_t> first(size_t(month->frames()), batch.here[0]);
    pane.append_event(batch, e, 0, first.data());
    test::add_to_model(expected, world, batch, e, 0, first.data());
  }
  std::map<std::string, std::string> rows;
  const Pane* panes[] = {&pane};
  GroupByOptions options;
  GroupByState state;
  GroupByResult result;
  ASSERT_TRUE(test::group_by(
                  panes, world.plan, options, state,
                  [&](std::string_view key, std::string_view value) -> Status {
                    rows[std::string(key)] = value;
                    return {};
                  },
                  result)
                  .ok());
  test::Model actual;
  ASSERT_TRUE(test::read_all(rows, world.layout_of(), actual).ok());
  EXPECT_EQ(actual.size(), expected.size());
  EXPECT_TRUE(actual == expected);
}

}  // namespace
}  // namespace quipu
