// Which rows a group-by makes of a group: sparse, joint, packed, in how many chunks.
#include <gtest/gtest.h>

#include <cstdlib>

#include "cells/group_by.h"
#include "cells/test_panes.h"

namespace quipu {
namespace {

using test::below;
using test::Model;
using test::Random;

std::string key_bytes(const CellKey& key) {
  std::string bytes;
  key.append_to(bytes);
  return bytes;
}

// One metric of one dimension without properties (id 1) and one of property 0 (id 2).
struct SmallWorld : test::World {
  SmallWorld() {
    plan.columns.resize(1);
    CompiledMetric& metric = metrics.emplace_back();
    metric.metric = SelectorId(1);
    CompiledDimension all, by;
    all.id = DimensionId(1);
    by.id = DimensionId(2);
    by.arity = by.compared = 1;
    add_section(metric, SelectorId(1), {all, by});
    finish(metric);
  }
  std::shared_ptr<const MonthTable> month = test::make_month(0, 1);

  // An event at the day's first hour; first in every frame.
  void add(Pane& pane, uint64_t element, uint32_t day = 0) {
    EventBatch batch;
    batch.columns = 1;
    batch.elements = {element};
    batch.here = {3};
    Event e;
    e.tenant = TenantId(1);
    e.metric = &metrics[0];
    e.month = month.get();
    e.slot = Slot(day * 96);
    const std::vector<uint64_t> first(size_t(month->frames()), 3);
    pane.append_event(batch, e, 0, first.data());
  }
};

TEST(GroupBy, DifferentValuesUnderOneHashStayApart) {
  test::World world;
  world.plan.columns.resize(2);
  CompiledMetric& metric = world.metrics.emplace_back();
  metric.metric = SelectorId(1);
  CompiledDimension d;
  d.id = DimensionId(1);
  d.arity = d.compared = 2;
  d.columns = {0, 1};
  world.add_section(metric, SelectorId(1), {d});
  test::World::finish(metric);
  // The hash chains its elements: for any first element there is a second one that leads to the
  // hash wanted.
  std::vector<std::array<uint64_t, 2>> values;
  const auto chained = [](uint64_t first) {
    return value_hash(std::span(&first, 1)) * 0x9e3779b97f4a7c15ull;
  };
  for (uint64_t first : {5, 3, 9, 1, 7})
    values.push_back({first, chained(5) + 11 - chained(first)});
  for (const auto& v : values) ASSERT_EQ(value_hash(v), value_hash(values[0]));

  const auto month = test::make_month(0, 1);
  std::map<std::string, std::vector<std::string>> rows;
  GroupByState state;
  for (int checkpoint = 0; checkpoint < 2; ++checkpoint) {
    Pane pane;
    for (int i = 0; i < 200; ++i) {
      EventBatch batch;
      batch.columns = 2;
      const auto& value = values[size_t(i) % values.size()];
      batch.elements.assign(value.begin(), value.end());
      batch.here = {1};
      Event e;
      e.tenant = TenantId(1);
      e.metric = &metric;
      e.month = month.get();
      e.slot = Slot(i / 20 * 4);
      const std::vector<uint64_t> first(size_t(month->frames()), 1);
      pane.append_event(batch, e, 0, first.data());
    }
    const Pane* panes[] = {&pane};
    GroupByResult result;
    ASSERT_TRUE(test::group_by(
                    panes, world.plan, {}, state,
                    [&](std::string_view k, std::string_view v) {
                      rows[std::string(k)].emplace_back(v);
                      return Status();
                    },
                    result)
                    .ok());
    EXPECT_EQ(result.cells, values.size());
  }
  ASSERT_EQ(rows.size(), 1u);
  const std::vector<std::string_view> operands(rows.begin()->second.begin(),
                                               rows.begin()->second.end());
  Model model;
  ASSERT_TRUE(test::read_all({{rows.begin()->first, *merge_rows(rows.begin()->first, operands)}},
                             world.layout_of(), model)
                  .ok());
  EXPECT_EQ(model.size(), values.size());
  for (const auto& v : values) {
    auto& cell = model[{0, 1, 1, 1, {v[0], v[1]}}];
    EXPECT_EQ(cell.size(), 10u);
    for (const auto& [slot, fields] : cell) EXPECT_EQ(fields.count, 8u) << slot;
  }
}

TEST(GroupBy, AsManyRowsAsSaidGoSparseAndOneMoreDoesNot) {
  SmallWorld world;
  for (int rows = 1; rows <= 8; ++rows) {
    Pane pane;
    for (int i = 0; i < rows; ++i) world.add(pane, 5);
    const Pane* panes[] = {&pane};
    GroupByState state;
    GroupByOptions options;
    options.sparse_events = 4;
    GroupByResult result;
    ASSERT_TRUE(test::group_by(
                    panes, world.plan, options, state,
                    [](std::string_view, std::string_view) { return Status(); }, result)
                    .ok());
    EXPECT_EQ(result.sparse_rows, rows <= 4 ? 1u : 0u);
  }
}

TEST(GroupBy, AGroupPastItsLimitOfSparseRowsIsPacked) {
  SmallWorld world;
  GroupByState state;
  GroupByOptions options;
  options.sparse_events = 4;
  options.sparse_limit = 10;
  uint64_t sparse = 0, packed = 0;
  for (int i = 0; i < 30; ++i) {
    Pane pane;
    world.add(pane, 5);
    world.add(pane, 6);
    const Pane* panes[] = {&pane};
    GroupByResult result;
    ASSERT_TRUE(test::group_by(
                    panes, world.plan, options, state,
                    [](std::string_view, std::string_view) { return Status(); }, result)
                    .ok());
    sparse += result.sparse_rows;
    packed += result.rows - result.sparse_rows;
    EXPECT_GT(result.bytes, 0u);
  }
  EXPECT_EQ(sparse, 5u);   // two rows each
  EXPECT_EQ(packed, 25u);  // one row of both dimensions
}

TEST(GroupBy, NarrowAndWideCountersAgreeBeyond65535Rows) {
  SmallWorld world;
  Pane pane;
  constexpr uint64_t kEvents = 70000;
  for (uint64_t i = 0; i < kEvents; ++i) world.add(pane, i % 3);
  const Pane* panes[] = {&pane};
  GroupByState state;
  GroupByResult result;
  std::map<std::string, std::string> rows;
  ASSERT_TRUE(test::group_by(
                  panes, world.plan, {}, state,
                  [&](std::string_view k, std::string_view v) {
                    rows.emplace(k, v);
                    return Status();
                  },
                  result)
                  .ok());
  Model model;
  ASSERT_TRUE(test::read_all(rows, world.layout_of(), model).ok());
  const test::ModelSlot all = model[{0, 1, 1, 1, {}}][0];
  EXPECT_EQ(all.count, kEvents);
  EXPECT_EQ(all.first, std::vector<uint64_t>(4, kEvents));
  for (uint64_t e = 0; e < 3; ++e)
    EXPECT_EQ((model[{0, 1, 1, 2, {e}}][0].count), (kEvents - e + 2) / 3);
  EXPECT_EQ(result.cells, 4u);
}

TEST(GroupBy, ChunksGrowLongerWithValuesAndNeverShorterWithinADay) {
  SmallWorld world;
  GroupByState state;
  GroupByOptions options;
  options.chunk_values = 16;
  int last = 0;
  for (int i = 0; i < 20; ++i) {
    Pane pane;
    const uint64_t values = i == 3 ? 2000 : 100;
    for (uint64_t v = 0; v < values; ++v) world.add(pane, 1 + v + uint64_t(i) * 10000);
    const Pane* panes[] = {&pane};
    GroupByResult result;
    std::set<int> lengths;
    ASSERT_TRUE(test::group_by(
                    panes, world.plan, options, state,
                    [&](std::string_view k, std::string_view) {
                      const auto key = CellKey::parse(k);
                      if (key->dimension == DimensionId(2)) lengths.insert(key->chunk_bits);
                      return Status();
                    },
                    result)
                    .ok());
    ASSERT_EQ(lengths.size(), 1u);
    EXPECT_GE(*lengths.begin(), last);
    last = *lengths.begin();
    if (i == 2) {
      EXPECT_EQ(last, 3);  // 100 values by 16
    }
    if (i == 3) {
      EXPECT_EQ(last, 7);  // 2000 values by 16
    }
  }
}

TEST(GroupBy, DimensionsOfFewValuesADayShareARowUntilTheyHaveMore) {
  SmallWorld world;
  GroupByState state;
  GroupByOptions options;
  options.joint_values = 16;
  std::map<std::string, std::vector<std::string>> operands;
  const std::string joint =
      key_bytes(CellKey::joint_of(0, TenantId(1), SelectorId(1), DimensionId(2)));
  const std::string own = key_bytes({0, TenantId(1), SelectorId(1), DimensionId(2), 0, 0});
  bool left = false;
  for (uint64_t i = 0; i < 20; ++i) {
    Pane pane;
    for (uint64_t v = 0; v < 10; ++v) world.add(pane, 1 + v + 5 * i);  // half of them are new
    const Pane* panes[] = {&pane};
    GroupByResult result;
    std::set<std::string> keys;
    ASSERT_TRUE(test::group_by(
                    panes, world.plan, options, state,
                    [&](std::string_view k, std::string_view v) {
                      keys.emplace(k);
                      operands[std::string(k)].emplace_back(v);
                      return Status();
                    },
                    result)
                    .ok());
    EXPECT_EQ(result.joint_rows, 1u);
    EXPECT_EQ(result.cells, 11u);
    ASSERT_TRUE(keys == std::set<std::string>{joint} || keys == std::set({own, joint})) << i;
    EXPECT_TRUE(keys.contains(own) || !left) << i;
    left = keys.contains(own);
    EXPECT_TRUE(i > 0 || !left);
  }
  EXPECT_TRUE(left);
  Model model;
  for (const auto& [key, rows] : operands) {
    const std::vector<std::string_view> views(rows.begin(), rows.end());
    ASSERT_TRUE(test::read_all({{key, *merge_rows(key, views)}}, world.layout_of(), model).ok());
  }
  EXPECT_EQ((model[{0, 1, 1, 1, {}}][0].count), 200u);
  uint64_t events = 0;
  for (const auto& [at, slots] : model) {
    if (std::get<3>(at) == 2) events += slots.at(0).count;
  }
  EXPECT_EQ(events, 200u);
}

TEST(GroupBy, TheSinksErrorEndsIt) {
  SmallWorld world;
  Pane pane;
  for (int i = 0; i < 10; ++i) world.add(pane, uint64_t(i));
  const Pane* panes[] = {&pane};
  GroupByState state;
  GroupByResult result;
  int calls = 0;
  const Status status = test::group_by(
      panes, world.plan, {}, state,
      [&](std::string_view, std::string_view) -> Status {
        ++calls;
        return Error{"no room"};
      },
      result);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "no room");
  EXPECT_EQ(calls, 1);
}

TEST(GroupBy, EmptyPanesGiveNothing) {
  Pane pane;
  const Pane* panes[] = {&pane};
  GroupByState state;
  GroupByResult result;
  const CompiledPlan plan;
  ASSERT_TRUE(test::group_by(
                  panes, plan, {}, state,
                  [](std::string_view, std::string_view) -> Status { return Error{"called"}; },
                  result)
                  .ok());
  EXPECT_EQ(result.rows, 0u);
}

}  // namespace
}  // namespace quipu
