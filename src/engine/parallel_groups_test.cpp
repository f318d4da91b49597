#include "engine/parallel_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cells/test_panes.h"

namespace quipu {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

// Two panes of some tenants and days.
struct Filled {
  std::mt19937_64 random{11};
  test::World world{random, test::WorldSize{}};
  std::vector<std::shared_ptr<const MonthTable>> months{
      test::make_month(600, 1), test::make_month(600, 2), test::make_month(601, 1),
      test::make_month(601, 2)};
  Pane panes[2];
  const Pane* pointers[2] = {&panes[0], &panes[1]};
  GroupByOptions options;
  GroupByState state;

  Filled() {
    test::EventShape shape;
    shape.tenants = 20;
    shape.days = 5;
    EventBatch batch;
    for (Pane& pane : panes) {
      test::draw_events(random, world, months, shape, 2000, batch,
                        [&](const EventBatch& b, const Event& e, uint32_t row,
                            const uint64_t* first) { pane.append_event(b, e, row, first); });
    }
  }
};

TEST(ParallelGroups, GiveTheRowsOfOneThreadInTheirOrderWhateverTheThreads) {
  Rows expected;
  GroupByResult of_one;
  {
    Filled filled;
    ASSERT_TRUE(test::group_by(
                    filled.pointers, filled.world.plan, filled.options, filled.state,
                    [&](std::string_view k, std::string_view v) {
                      expected.emplace_back(k, v);
                      return Status();
                    },
                    of_one)
                    .ok());
  }
  ASSERT_GT(expected.size(), 100u);
  constexpr size_t kAll = size_t(1) << 30;
  for (const auto& [threads, most_bytes] :
       {std::pair(1u, kAll), {2u, kAll}, {5u, kAll}, {2u, size_t(0)}, {5u, size_t(4) << 20}}) {
    Filled filled;
    const GroupBy whole(filled.pointers, filled.world.plan, filled.options, filled.state,
                        kPiecesOfThread * threads);
    EXPECT_GT(whole.pieces(), threads);
    Rows rows;
    GroupByResult result;
    uint64_t cpu_ns = 0;
    ASSERT_TRUE(group_in_parallel(
                    whole, threads, most_bytes,
                    [&](std::string_view k, std::string_view v) {
                      rows.emplace_back(k, v);
                      return Status();
                    },
                    result, cpu_ns)
                    .ok());
    EXPECT_TRUE(rows == expected) << threads << " threads";
    EXPECT_EQ(result.rows, of_one.rows);
    EXPECT_EQ(result.cells, of_one.cells);
    EXPECT_EQ(result.sparse_rows, of_one.sparse_rows);
    EXPECT_EQ(result.joint_rows, of_one.joint_rows);
    EXPECT_EQ(result.bytes, of_one.bytes);
    EXPECT_EQ(cpu_ns > 0, threads > 1);
  }
}

TEST(ParallelGroups, AnErrorOfTheSinkEndsThem) {
  for (unsigned threads : {1u, 3u}) {
    Filled filled;
    const GroupBy whole(filled.pointers, filled.world.plan, filled.options, filled.state, 64);
    int rows = 0;
    GroupByResult result;
    uint64_t cpu_ns = 0;
    const Status status = group_in_parallel(
        whole, threads, 0,
        [&](std::string_view, std::string_view) -> Status {
          if (++rows == 5) return Error{"full"};
          return {};
        },
        result, cpu_ns);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().message, "full");
    EXPECT_EQ(rows, 5);
  }
}

TEST(ParallelGroups, NothingToGroupIsNoRow) {
  Filled filled;
  const GroupBy whole({}, filled.world.plan, filled.options, filled.state, 16);
  GroupByResult result;
  uint64_t cpu_ns = 0;
  EXPECT_EQ(whole.pieces(), 0u);
  EXPECT_TRUE(group_in_parallel(
                  whole, 4, 0,
                  [](std::string_view, std::string_view) -> Status { return Error{"called"}; },
                  result, cpu_ns)
                  .ok());
}

}  // namespace
}  // namespace quipu
