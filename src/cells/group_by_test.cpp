#include "cells/group_by.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cells/cell_lookup.h"
#include "cells/test_panes.h"

namespace quipu {
namespace {

using test::below;
using test::Model;
using test::Random;

// What several checkpoints left in a store, merged as the store would.
class MergedRows {
 public:
  explicit MergedRows(Random& random) : random_(random) {}

  RowSink sink() {
    last_.clear();
    return [this](std::string_view key, std::string_view value) -> Status {
      EXPECT_LT(last_, key);
      last_ = key;
      operands_[std::string(key)].emplace_back(value);
      return {};
    };
  }
  // Merges each key's rows, in groups drawn at random first.
  std::map<std::string, std::string> merged() {
    std::map<std::string, std::string> rows;
    for (auto [key, operands] : operands_) {
      while (operands.size() > 1) {
        const size_t begin = below(random_, operands.size() - 1);
        const size_t n = 2 + below(random_, operands.size() - begin - 1);
        std::vector<std::string_view> some(operands.begin() + ptrdiff_t(begin),
                                           operands.begin() + ptrdiff_t(begin + n));
        auto one = merge_rows(key, some);
        EXPECT_TRUE(one.has_value());
        operands[begin] = one.value_or("");
        operands.erase(operands.begin() + ptrdiff_t(begin) + 1,
                       operands.begin() + ptrdiff_t(begin + n));
      }
      rows[key] = operands[0];
    }
    return rows;
  }
  const std::map<std::string, std::vector<std::string>>& operands() const { return operands_; }

 private:
  Random& random_;
  std::string last_;
  std::map<std::string, std::vector<std::string>> operands_;
};

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

void expect_equals_model(const Case& c, Met& met) {
  SCOPED_TRACE("seed " + std::to_string(c.seed));
  Random random(c.seed);
  const test::World world(random, c.world);
  // Two months, each once with calendars a and once with b.
  const std::vector<std::shared_ptr<const MonthTable>> months{
      test::make_month(600, c.calendars_a), test::make_month(600, c.calendars_b),
      test::make_month(601, c.calendars_a), test::make_month(601, c.calendars_b, 1800)};
  Model expected;
  std::set<SeveralKey> several_expected, several;
  std::set<std::pair<uint32_t, MonthIndex>> written_expected, written;
  MergedRows rows(random);
  GroupByState state;
  EventBatch batch;
  for (int checkpoint = 0; checkpoint < 3; ++checkpoint) {
    std::vector<Pane> panes(1 + below(random, 4));
    for (Pane& pane : panes) {
      const size_t n = below(random, 5) == 0 ? below(random, 4) : c.events_of_batch;
      std::map<SeveralKey, int> values_of_event;
      test::draw_events(
          random, world, months, c.events, n, batch,
          [&](const EventBatch& b, const Event& e, uint32_t row, const uint64_t* first) {
            pane.append_event(b, e, row, first);
            test::add_to_model(expected, world, b, e, row, first);
            written_expected.insert({raw(e.tenant), e.month->month()});
            if (row == 0) values_of_event.clear();
            for (const CompiledSection& s : e.metric->sections) {
              for (size_t d = s.first_dimension; d < s.first_dimension + s.dimensions; ++d) {
                if (!(b.row_here(e, row)[d / 64] >> d % 64 & 1)) continue;
                const SeveralKey key{raw(e.tenant), raw(s.selector),
                                     raw(e.metric->dimensions[d].id)};
                if (++values_of_event[key] == 2) several_expected.insert(key);
              }
            }
          });
    }
    std::vector<const Pane*> pointers;
    for (const Pane& pane : panes) pointers.push_back(&pane);
    GroupByResult result;
    const size_t most_pieces = below(random, 2) == 0 ? 1 : 2 + below(random, 40);
    const auto status = group_in_pieces(pointers, world.plan, c.options, state, most_pieces,
                                        rows.sink(), result, met);
    ASSERT_TRUE(status.ok());
    for (const auto& s : result.several)
      several.insert({raw(s.tenant), raw(s.selector), raw(s.dimension)});
    for (const auto& w : result.written) written.insert({raw(w.tenant), w.month});
  }
  EXPECT_EQ(several, several_expected);
  met.several = met.several || !several.empty();
  std::string sparse_group, own_group;
  for (const auto& [bytes, operands] : rows.operands()) {
    const auto key = CellKey::parse(bytes);
    met.lifetime = met.lifetime || key->day == kLifetimeDay;
    met.several_operands = met.several_operands || operands.size() > 1;
    if (key->dimension == DimensionId::none) {
      met.sparse = true;
      sparse_group = bytes.substr(0, 12);
    } else if (key->joint()) {
      met.joint = true;
      met.joint_and_own = met.joint_and_own || bytes.substr(0, 12) == own_group;
    } else {
      own_group = bytes.substr(0, 12);
      met.chunk_bits.insert(key->chunk_bits);
      met.packed_and_sparse = met.packed_and_sparse || bytes.substr(0, 12) == sparse_group;
    }
  }
  EXPECT_EQ(written, written_expected);

  Model actual;
  const auto merged = rows.merged();
  const Status read = test::read_all(merged, world.layout_of(), actual);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [key, slots] : expected) {
    ASSERT_TRUE(actual[key] == slots)
        << "day " << std::get<0>(key) << " tenant " << std::get<1>(key) << " selector "
        << std::get<2>(key) << " dimension " << std::get<3>(key);
  }
  // Every value is found under the keys that a look-up tries, whatever its chunks' lengths.
  for (const auto& [key, slots] : expected) {
    if (below(random, 8) != 0) continue;
    const auto& [day, tenant, selector, dimension, elements] = key;
    uint64_t found = 0, count = 0;
    for (const auto& [slot, cell] : slots) count += cell.count;
    for (const std::string& at : lookup_keys(day, TenantId(tenant), SelectorId(selector),
                                             DimensionId(dimension), elements)) {
      auto it = merged.find(at);
      if (it == merged.end()) continue;
      Model part;
      ASSERT_TRUE(test::read_all({*it}, world.layout_of(), part).ok());
      for (const auto& [slot, cell] : part[key]) found += cell.count;
    }
    ASSERT_EQ(found, count);
  }
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
