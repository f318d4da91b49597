// A group whose tables would take too much memory is counted in portions: into the same rows.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "cells/test_panes.h"

namespace quipu {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows rows_of(std::span<const Pane* const> panes, const CompiledPlan& plan,
             const GroupByOptions& options, GroupByResult& result) {
  GroupByState state;
  Rows rows;
  const Status done = test::group_by(
      panes, plan, options, state,
      [&](std::string_view key, std::string_view value) -> Status {
        rows.emplace_back(key, value);
        return {};
      },
      result);
  EXPECT_TRUE(done.ok());
  return rows;
}

TEST(Portions, ComeToTheRowsOfTheWholeHoweverSmallTheyAre) {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (uint64_t i = 0; i < 12; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    test::Random random(seed + i);
    const test::World world(random, {.columns = 8, .metrics = 2, .dimensions = 40});
    const std::vector<std::shared_ptr<const MonthTable>> months{
        test::make_month(600, 1), test::make_month(600, 2), test::make_month(601, 1),
        test::make_month(601, 2)};
    test::EventShape shape;
    shape.tenants = 2;
    shape.days = 1 + uint32_t(i % 2);
    shape.slots = i % 3 == 0 ? 1 : 96;
    shape.domain = i % 4 == 0 ? 3 : i % 4 == 1 ? 30 : 100'000;
    std::vector<Pane> panes(2);
    EventBatch batch;
    for (Pane& pane : panes)
      test::draw_events(random, world, months, shape, 300, batch,
                        [&](const EventBatch& b, const Event& e, uint32_t row,
                            const uint64_t* first) { pane.append_event(b, e, row, first); });
    const Pane* const pointers[] = {&panes[0], &panes[1]};
    GroupByOptions options;
    options.sparse_events = 0;
    options.chunk_values = i % 2 == 0 ? 5 : 128;
    options.joint_values = i % 3 == 0 ? 3 : 64;
    GroupByResult of_whole;
    const Rows whole = rows_of(pointers, world.plan, options, of_whole);
    ASSERT_FALSE(whole.empty());
    for (size_t bytes : {size_t(1), size_t(5000), size_t(20'000), size_t(100'000)}) {
      SCOPED_TRACE(bytes);
      options.table_bytes = bytes;
      GroupByResult of_portions;
      ASSERT_TRUE(rows_of(pointers, world.plan, options, of_portions) == whole);
      EXPECT_EQ(of_portions.cells, of_whole.cells);
      EXPECT_EQ(of_portions.bytes, of_whole.bytes);
      EXPECT_EQ(of_portions.joint_rows, of_whole.joint_rows);
    }
  }
}

}  // namespace
}  // namespace quipu
