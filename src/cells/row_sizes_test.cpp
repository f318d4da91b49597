// How large stored rows become, however often a store was opened while they were written.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cells/joint_rows.h"
#include "cells/sparse_rows.h"
#include "cells/test_panes.h"

namespace quipu {
namespace {

// A store of cells in memory: commits merged into it, and looked into by the next.
class MemoryStore {
 public:
  RowSink sink() {
    return [this](std::string_view key, std::string_view value) -> Status {
      std::string& row = rows_[std::string(key)];
      if (row.empty()) {
        row = value;
        return {};
      }
      const std::string_view both[] = {row, value};
      auto merged = merge_rows(key, both);
      CHECK(merged.has_value());
      row = std::move(*merged);
      return {};
    };
  }
  StoredCells stored() {
    return [this](std::span<const std::string> keys, std::span<std::string> rows) -> Status {
      for (size_t i = 0; i < keys.size(); ++i) {
        ++questions_;
        const auto it = rows_.find(keys[i]);
        rows[i] = it == rows_.end() ? std::string() : it->second;
      }
      return {};
    };
  }
  const std::map<std::string, std::string>& rows() const { return rows_; }
  uint64_t questions() const { return questions_; }

 private:
  std::map<std::string, std::string> rows_;
  uint64_t questions_ = 0;
};

// A metric with a total and a few dimensions of one column each, for the lifetime, too.
struct SmallWorld {
  static constexpr uint32_t kDimensions = 3;
  test::World world;
  std::shared_ptr<const MonthTable> month = test::make_month(600, 1);

  SmallWorld() {
    for (uint32_t c = 0; c < kDimensions; ++c) world.plan.columns.push_back(PropertyId(100 + c));
    CompiledMetric& metric = world.metrics.emplace_back();
    metric.metric = SelectorId(20);
    std::vector<CompiledDimension> dimensions(1 + kDimensions);
    for (uint32_t d = 0; d <= kDimensions; ++d) {
      dimensions[d].id = DimensionId(d + 1);
      dimensions[d].arity = dimensions[d].compared = d > 0;
      dimensions[d].columns[0] = uint8_t(d > 0 ? d - 1 : 0);
      dimensions[d].unique = dimensions[d].lifetime = true;
    }
    world.add_section(metric, metric.metric, dimensions);
    test::World::finish(metric);
  }

  // An event with one value in all columns.
  void add(Pane& pane, TenantId tenant, Slot slot, uint64_t value) const {
    EventBatch batch;
    batch.columns = kDimensions;
    Event e;
    e.metric = &world.metrics[0];
    e.tenant = tenant;
    e.month = month.get();
    e.slot = slot;
    e.has_profile = true;
    e.profile = {value, 1};
    e.rows = 1;
    batch.elements.assign(kDimensions, mix64(value + 1));
    batch.here = world.metrics[0].planned;
    const std::vector<uint64_t> first(size_t(month->frames() + 1), batch.here[0]);
    pane.append_event(batch, e, 0, first.data());
  }
};

struct Sizes {
  size_t rows = 0, largest_bytes = 0;
  size_t most_own = 0, most_joint = 0;  // values of a dimension in a row
};

Sizes sizes_of(const MemoryStore& store) {
  Sizes sizes;
  for (const auto& [bytes, value] : store.rows()) {
    const auto key = CellKey::parse(bytes);
    if (key->dimension == DimensionId::none) continue;
    ++sizes.rows;
    sizes.largest_bytes = std::max(sizes.largest_bytes, value.size());
    std::map<DimensionId, size_t> values;
    const auto count = [&](DimensionId d, const CellEntry&) { ++values[d]; };
    CHECK((key->joint()
               ? read_joint_row(value, *key, DimensionId::none, count)
               : read_cell_row(value, [&](const CellEntry& e) { count(key->dimension, e); }))
              .ok());
    for (const auto& [d, n] : values) {
      size_t& most = key->joint() ? sizes.most_joint : sizes.most_own;
      most = std::max(most, n);
    }
  }
  return sizes;
}

class RowSizes : public ::testing::Test {
 protected:
  void commit(const Pane& pane, GroupByState& state, MemoryStore& store) {
    state.stored = store.stored();
    const Pane* panes[] = {&pane};
    GroupByResult result;
    ASSERT_TRUE(
        test::group_by(panes, small_.world.plan, options_, state, store.sink(), result).ok());
  }

  // Commits of new values each; a new state for each of them, as if a process had ended.
  Sizes counted(int commits, uint64_t values, bool is_opened_anew, MemoryStore& store) {
    auto state = std::make_unique<GroupByState>();
    for (int c = 0; c < commits; ++c) {
      if (is_opened_anew) state = std::make_unique<GroupByState>();
      Pane pane;
      for (uint64_t v = 0; v < values; ++v)
        small_.add(pane, TenantId(1), Slot(5), uint64_t(c) * values + v);
      commit(pane, *state, store);
    }
    return sizes_of(store);
  }

  SmallWorld small_;
  GroupByOptions options_;
};

TEST_F(RowSizes, AreThoseOfOneOpeningHoweverOftenAStoreWasOpened) {
  for (int chunk_values : {1, 4, 128}) {
    options_.chunk_values = chunk_values;
    MemoryStore one, many;
    const Sizes of_one = counted(150, 60, false, one), of_many = counted(150, 60, true, many);
    std::printf(
        "aim %d: one opening %zu rows, largest %zu bytes; 150 openings %zu rows, %zu bytes\n",
        chunk_values, of_one.rows, of_one.largest_bytes, of_many.rows, of_many.largest_bytes);
    EXPECT_LE(of_many.rows, 2 * of_one.rows);
    EXPECT_LE(of_one.rows, 2 * of_many.rows);
    EXPECT_LE(of_many.largest_bytes, 2 * of_one.largest_bytes);
    EXPECT_LE(of_one.largest_bytes, 2 * of_many.largest_bytes);
    // The sketch is right within a factor of three.
    EXPECT_LE(of_many.most_joint, 3u * unsigned(options_.joint_values));
    EXPECT_LE(of_many.most_own, 3u * ChunkLengths::kGrowth * unsigned(chunk_values));
  }
}

TEST_F(RowSizes, OfValuesThatComeOneAtATimeAreBoundedToo) {
  options_.chunk_values = 1;
  MemoryStore store;
  const Sizes sizes = counted(3000, 1, true, store);
  EXPECT_LE(sizes.most_joint, 3u * unsigned(options_.joint_values));
  EXPECT_LE(sizes.most_own, 3u * ChunkLengths::kGrowth);
  EXPECT_GT(sizes.most_own, 0u);
}

TEST_F(RowSizes, ACommitAsksForNoMoreRowsThanItMayAndInTheEndForAll) {
  options_.sparse_events = 0;
  constexpr uint32_t kMost = 100, kTenants = 2 * kMost;
  MemoryStore store;
  GroupByState state;
  state.joint_questions = StoredQuestions(kMost);
  for (int c = 0; c < 40; ++c) {
    Pane pane;
    for (uint32_t t = 1; t <= kTenants; ++t) small_.add(pane, TenantId(t), Slot(5), uint64_t(c));
    const uint64_t before = store.questions();
    commit(pane, state, store);
    const uint64_t asked = store.questions() - before;
    EXPECT_LE(asked, kMost);
    EXPECT_TRUE(c > 0 || asked == kMost);
    EXPECT_TRUE(c < 39 || asked < kMost / 3) << asked << ": of those that were forgotten";
  }
}

TEST_F(RowSizes, OfMoreKeysThanACommitAsksAboutAreBoundedThoughAllIsForgotten) {
  // By chance: each key's turn comes, and its row grows until then.
  options_.chunk_values = 1;
  options_.joint_values = 4;
  options_.sparse_events = 0;
  constexpr uint32_t kMost = 50, kTenants = 100;  // and for the lifetime: 200 rows
  MemoryStore store;
  StoredQuestions questions(kMost);
  for (int c = 0; c < 300; ++c) {
    GroupByState state;
    state.joint_questions = questions;
    Pane pane;
    for (uint32_t t = 1; t <= kTenants; ++t) small_.add(pane, TenantId(t), Slot(5), uint64_t(c));
    commit(pane, state, store);
    questions = state.joint_questions;
  }
  EXPECT_LE(sizes_of(store).most_own, 3u * ChunkLengths::kGrowth);
  EXPECT_LT(sizes_of(store).most_joint, 295u);
}

TEST_F(RowSizes, WhatOneOpeningKnowsIsNotAskedAgain) {
  MemoryStore store;
  GroupByState state;
  for (int c = 0; c < 20; ++c) {
    Pane pane;
    for (uint64_t v = 0; v < 30; ++v) small_.add(pane, TenantId(1), Slot(5), uint64_t(c) * 30 + v);
    commit(pane, state, store);
    EXPECT_EQ(store.questions(), 2u) << "the day's joint row, and the lifetime's";
  }
}

TEST_F(RowSizes, OfEventsStoredAsTheyAreAreBoundedHoweverOftenAStoreWasOpened) {
  options_.sparse_limit = 40;
  for (uint64_t events : {1, 4}) {
    MemoryStore store;
    size_t stored = 0;
    for (int c = 0; c < 200; ++c) {
      GroupByState state;
      Pane pane;
      for (uint64_t v = 0; v < events; ++v)
        small_.add(pane, TenantId(1), Slot(5), uint64_t(c) * events + v);
      commit(pane, state, store);
    }
    for (const auto& [bytes, value] : store.rows()) {
      if (CellKey::parse(bytes)->dimension != DimensionId::none) continue;
      std::map<DimensionId, size_t> of_dimension;
      ASSERT_TRUE(read_sparse_row(value, small_.world.layout_of(), DimensionId::none,
                                  [&](const SparseCell& c) { ++of_dimension[c.dimension]; })
                      .ok());
      for (const auto& [d, n] : of_dimension) stored = std::max(stored, n);
    }
    EXPECT_GE(stored, options_.sparse_limit / 2);
    EXPECT_LE(stored, options_.sparse_limit * 2);
  }
}

TEST_F(RowSizes, AQuestionThatFailsEndsTheGroupBy) {
  GroupByState state;
  for (int sparse_events : {0, 4}) {
    options_.sparse_events = sparse_events;
    state.stored = [](std::span<const std::string>, std::span<std::string>) -> Status {
      return Error{"no disk"};
    };
    Pane pane;
    small_.add(pane, TenantId(1), Slot(5), 1);
    const Pane* panes[] = {&pane};
    GroupByResult result;
    MemoryStore store;
    const Status status =
        test::group_by(panes, small_.world.plan, options_, state, store.sink(), result);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().message, "no disk");
  }
}

TEST(StoredQuestions, AreNoMoreThanACommitMayAskAndComeToAll) {
  StoredQuestions questions(100);
  std::vector<bool> known(1000);
  int commits = 0;
  for (size_t left = known.size(); left > 0; ++commits) {
    ASSERT_LT(commits, 60);
    questions.begin_commit();
    for (uint64_t k = 0; k < known.size(); ++k) {
      if (known[k] || !questions.ask(mix64(k))) continue;
      known[k] = true;
      --left;
    }
    ASSERT_LE(questions.asked(), 100u);
  }
  // Keys that are forgotten each time are asked about with even chances.
  std::vector<int> asked(1000);
  for (int c = 0; c < 300; ++c) {
    questions.begin_commit();
    for (uint64_t k = 0; k < asked.size(); ++k) asked[k] += questions.ask(mix64(k));
  }
  EXPECT_GT(*std::min_element(asked.begin() + 1, asked.end()), 0);
}

}  // namespace
}  // namespace quipu
