#include "cells/group_by.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cells/cell_lookup.h"
#include "cells/test_merged_rows.h"
#include "cells/test_panes.h"

namespace quipu {
namespace {

using test::below;
using test::MergedRows;
using test::Model;
using test::Random;

using SeveralKey = std::tuple<uint32_t, uint32_t, uint32_t>;

// What came up, to be sure that a test met what it is for.
struct Met {
  bool sparse = false, packed_and_sparse = false, joint = false, joint_and_own = false,
       lifetime = false, several_operands = false, several = false;
  size_t pieces = 0;
  std::set<int> chunk_bits;
};

struct Case {
  uint64_t seed = 0;
  test::WorldSize world;
  test::EventShape events;
  size_t events_of_batch = 40;
  int calendars_a = 1, calendars_b = 2;
  GroupByOptions options;
};

// Groups in pieces, on two threads at once, and gives the rows to the sink in the order of the
// pieces.
Status group_in_pieces(std::span<const Pane* const> panes, const CompiledPlan& plan,
                       const GroupByOptions& options, GroupByState& state, size_t most_pieces,
                       const RowSink& sink, GroupByResult& result, Met& met) {
  const GroupBy whole(panes, plan, options, state, most_pieces);
  whole.report(result);
  met.pieces = std::max(met.pieces, whole.pieces());
  std::vector<std::vector<std::pair<std::string, std::string>>> rows(whole.pieces());
  std::array<GroupByResult, 2> counters;
  const auto work = [&](size_t first) {
    GroupWorker worker(whole);
    for (size_t p = first; p < whole.pieces(); p += 2) {
      const Status done = worker.emit(
          p,
          [&](std::string_view key, std::string_view value) -> Status {
            rows[p].emplace_back(key, value);
            return {};
          },
          counters[first]);
      CHECK(done.ok());
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  for (const GroupByResult& of : counters) result.add_counters(of);
  for (const auto& piece : rows) {
    for (const auto& [key, value] : piece) QUIPU_TRY(sink(key, value));
  }
  return {};
}

// A case, counted into panes and rows, and into a model.
class ModelledCase {
 public:
  ModelledCase(const Case& c, Met& met)
      : case_(c), met_(met), random_(c.seed), world_(random_, c.world), rows_(random_) {}

  void count();
  void note_what_came_up() const;
  void compare();
  // Every value is found under the keys that a look-up tries, whatever its chunks' lengths.
  void look_values_up();

 private:
  std::vector<Pane> draw_panes();
  void note_several(const EventBatch& batch, const Event& event, uint32_t row);

  const Case& case_;
  Met& met_;
  Random random_;
  const test::World world_;
  // Two months, each once with calendars a and once with b.
  const std::vector<std::shared_ptr<const MonthTable>> months_{
      test::make_month(600, case_.calendars_a), test::make_month(600, case_.calendars_b),
      test::make_month(601, case_.calendars_a), test::make_month(601, case_.calendars_b, 1800)};
  Model expected_;
  std::set<SeveralKey> several_expected_, several_;
  std::set<std::pair<uint32_t, MonthIndex>> written_expected_, written_;
  std::map<SeveralKey, int> values_of_event_;
  MergedRows rows_;
  std::map<std::string, std::string> merged_;
  EventBatch batch_;  // its events are pointed to by panes
};

// In how many values of each dimension an event counts.
void ModelledCase::note_several(const EventBatch& batch, const Event& event, uint32_t row) {
  if (row == 0) values_of_event_.clear();
  for (const CompiledSection& s : event.metric->sections) {
    for (size_t d = s.first_dimension; d < s.first_dimension + s.dimensions; ++d) {
      if (!(batch.row_here(event, row)[d / 64] >> d % 64 & 1)) continue;
      const SeveralKey key{raw(event.tenant), raw(s.selector), raw(event.metric->dimensions[d].id)};
      if (++values_of_event_[key] == 2) several_expected_.insert(key);
    }
  }
}

std::vector<Pane> ModelledCase::draw_panes() {
  std::vector<Pane> panes(1 + below(random_, 4));
  for (Pane& pane : panes) {
    const size_t n = below(random_, 5) == 0 ? below(random_, 4) : case_.events_of_batch;
    values_of_event_.clear();
    test::draw_events(
        random_, world_, months_, case_.events, n, batch_,
        [&](const EventBatch& b, const Event& e, uint32_t row, const uint64_t* first) {
          pane.append_event(b, e, row, first);
          test::add_to_model(expected_, world_, b, e, row, first);
          written_expected_.insert({raw(e.tenant), e.month->month()});
          note_several(b, e, row);
        });
  }
  return panes;
}

void ModelledCase::count() {
  GroupByState state;
  for (int checkpoint = 0; checkpoint < 3; ++checkpoint) {
    const std::vector<Pane> panes = draw_panes();
    std::vector<const Pane*> pointers;
    for (const Pane& pane : panes) pointers.push_back(&pane);
    GroupByResult result;
    const size_t most_pieces = below(random_, 2) == 0 ? 1 : 2 + below(random_, 40);
    const auto status = group_in_pieces(pointers, world_.plan, case_.options, state, most_pieces,
                                        rows_.sink(), result, met_);
    ASSERT_TRUE(status.ok());
    for (const auto& s : result.several)
      several_.insert({raw(s.tenant), raw(s.selector), raw(s.dimension)});
    for (const auto& w : result.written) written_.insert({raw(w.tenant), w.month});
  }
  EXPECT_EQ(several_, several_expected_);
  EXPECT_EQ(written_, written_expected_);
}

void ModelledCase::note_what_came_up() const {
  met_.several = met_.several || !several_.empty();
  std::string sparse_group, own_group;
  for (const auto& [bytes, operands] : rows_.operands()) {
    const auto key = CellKey::parse(bytes);
    met_.lifetime = met_.lifetime || key->day == kLifetimeDay;
    met_.several_operands = met_.several_operands || operands.size() > 1;
    if (key->dimension == DimensionId::none) {
      met_.sparse = true;
      sparse_group = bytes.substr(0, 12);
    } else if (key->joint()) {
      met_.joint = true;
      met_.joint_and_own = met_.joint_and_own || bytes.substr(0, 12) == own_group;
    } else {
      own_group = bytes.substr(0, 12);
      met_.chunk_bits.insert(key->chunk_bits);
      met_.packed_and_sparse = met_.packed_and_sparse || bytes.substr(0, 12) == sparse_group;
    }
  }
}

void ModelledCase::compare() {
  Model actual;
  merged_ = rows_.merged();
  const Status read = test::read_all(merged_, world_.layout_of(), actual);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(actual.size(), expected_.size());
  for (const auto& [key, slots] : expected_) {
    ASSERT_TRUE(actual[key] == slots)
        << "day " << std::get<0>(key) << " tenant " << std::get<1>(key) << " selector "
        << std::get<2>(key) << " dimension " << std::get<3>(key);
  }
}

void ModelledCase::look_values_up() {
  for (const auto& [key, slots] : expected_) {
    if (below(random_, 8) != 0) continue;
    const auto& [day, tenant, selector, dimension, elements] = key;
    uint64_t found = 0, count = 0;
    for (const auto& [slot, cell] : slots) count += cell.count;
    for (const std::string& at : lookup_keys(day, TenantId(tenant), SelectorId(selector),
                                             DimensionId(dimension), elements)) {
      auto it = merged_.find(at);
      if (it == merged_.end()) continue;
      Model part;
      ASSERT_TRUE(test::read_all({*it}, world_.layout_of(), part).ok());
      for (const auto& [slot, cell] : part[key]) found += cell.count;
    }
    ASSERT_EQ(found, count);
  }
}

void expect_equals_model(const Case& c, Met& met) {
  SCOPED_TRACE("seed " + std::to_string(c.seed));
  ModelledCase modelled(c, met);
  ASSERT_NO_FATAL_FAILURE(modelled.count());
  modelled.note_what_came_up();
  ASSERT_NO_FATAL_FAILURE(modelled.compare());
  modelled.look_values_up();
}

uint64_t draw_seed() {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

TEST(GroupBy, CellsEqualANaiveModelOverShardsMetricsGroupsMonthsAndCheckpoints) {
  const uint64_t seed = draw_seed();
  Met met;
  for (uint64_t i = 0; i < 24; ++i) {
    Case c;
    c.seed = seed + i;
    c.options.sparse_events = int(i % 6);
    c.options.sparse_limit = uint32_t(i % 4 == 0 ? 3 : 256);
    c.options.chunk_values = i % 3 == 0 ? 2 : 128;
    c.options.random_chunks_seed = i % 2 == 0 ? seed | 1 : 0;
    c.options.joint_values = i % 4 == 1 ? 0 : i % 4 == 3 ? 3 : 64;
    c.events.domain = i % 5 == 0 ? 1000 : 4;
    c.events.slots = i % 3 == 1 ? 1 : 96;
    c.events.tenants = i % 7 == 0 ? 60 : 3;
    expect_equals_model(c, met);
  }
  EXPECT_TRUE(met.sparse && met.packed_and_sparse && met.joint && met.joint_and_own &&
              met.lifetime && met.several_operands && met.several);
  EXPECT_EQ(met.chunk_bits.size(), 7u);
  EXPECT_GT(met.pieces, 8u);
}

TEST(GroupBy, HoldsForAThousandDimensionsAndManyFrames) {
  const uint64_t seed = draw_seed();
  Met met;
  for (uint64_t i = 0; i < 2; ++i) {
    Case c;
    c.seed = seed + i;
    c.world = {.columns = 64, .metrics = 2, .dimensions = 250, .max_arity = 8, .values = 4};
    c.events_of_batch = 6;
    c.calendars_a = 8;
    c.calendars_b = 3;
    c.events.tenants = 2;
    c.events.days = 1;
    c.events.slots = i == 0 ? 1 : 20;
    c.options.sparse_events = 2;
    expect_equals_model(c, met);
  }
}

TEST(GroupBy, HoldsWhenCombinedCodesDoNotFit64Bits) {
  Random random(5);
  test::World world;
  world.plan.columns.resize(8);
  CompiledMetric& metric = world.metrics.emplace_back();
  metric.metric = SelectorId(1);
  CompiledDimension d;
  d.id = DimensionId(1);
  d.arity = d.compared = 8;
  for (uint8_t k = 0; k < 8; ++k) d.columns[k] = uint8_t(7 - k);
  world.add_section(metric, SelectorId(1), {d});
  test::World::finish(metric);
  const auto month = test::make_month(10, 1);
  Model expected, actual;
  Pane pane;
  // 256 values in each of eight columns: 2^64 combinations.
  for (uint64_t i = 0; i < 2000; ++i) {
    EventBatch batch;
    batch.columns = 8;
    for (int c = 0; c < 8; ++c) batch.elements.push_back(i < 256 ? i : below(random, 4));
    batch.here = {1};
    Event e;
    e.tenant = TenantId(1);
    e.metric = &metric;
    e.month = month.get();
    e.slot = Slot(below(random, 24) * 4);
    const std::vector<uint64_t> first(size_t(month->frames()), below(random, 2));
    pane.append_event(batch, e, 0, first.data());
    test::add_to_model(expected, world, batch, e, 0, first.data());
  }
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
  ASSERT_TRUE(test::read_all(rows, world.layout_of(), actual).ok());
  EXPECT_TRUE(actual == expected);
}

TEST(GroupBy, OneLargeGroupIsCutBetweenItsDimensionsIntoTheSameRows) {
  Random random(7);
  test::World world;
  world.plan.columns.resize(16);
  CompiledMetric& metric = world.metrics.emplace_back();
  metric.metric = SelectorId(1);
  std::vector<CompiledDimension> dimensions;
  for (uint8_t i = 0; i < 16; ++i) {
    for (uint8_t j = uint8_t(i + 1); j < 16; ++j) {
      CompiledDimension d;
      d.id = DimensionId(uint32_t(dimensions.size()) + 1);
      d.arity = d.compared = 2;
      d.columns = {i, j};
      dimensions.push_back(d);
    }
  }
  world.add_section(metric, SelectorId(1), dimensions);
  test::World::finish(metric);
  const std::vector<std::shared_ptr<const MonthTable>> months{
      test::make_month(10, 1), test::make_month(10, 2), test::make_month(11, 1),
      test::make_month(11, 2)};
  test::EventShape shape;
  shape.tenants = shape.days = 1;
  Pane pane;
  EventBatch batch;
  test::draw_events(random, world, months, shape, 500, batch,
                    [&](const EventBatch& b, const Event& e, uint32_t row, const uint64_t* first) {
                      pane.append_event(b, e, row, first);
                    });
  const Pane* panes[] = {&pane};
  using Rows = std::vector<std::pair<std::string, std::string>>;
  const auto rows_of = [&](size_t most_pieces, size_t& pieces, GroupByResult& result) {
    GroupByState state;
    Rows rows;
    const GroupByOptions options;
    const GroupBy whole(panes, world.plan, options, state, most_pieces);
    pieces = whole.pieces();
    GroupWorker worker(whole);
    for (size_t p = 0; p < pieces; ++p) {
      EXPECT_TRUE(worker
                      .emit(
                          p,
                          [&](std::string_view k, std::string_view v) {
                            rows.emplace_back(k, v);
                            return Status();
                          },
                          result)
                      .ok());
    }
    return rows;
  };
  size_t one, several;
  GroupByResult result_of_one, result_of_several;
  const Rows whole = rows_of(1, one, result_of_one), cut = rows_of(4, several, result_of_several);
  EXPECT_EQ(one, 1u);
  EXPECT_GE(several, 3u);
  EXPECT_GE(whole.size(), dimensions.size() / kJointDimensions);
  EXPECT_TRUE(whole == cut);
  EXPECT_EQ(result_of_one.cells, result_of_several.cells);
  EXPECT_EQ(result_of_one.bytes, result_of_several.bytes);
}

}  // namespace
}  // namespace quipu
