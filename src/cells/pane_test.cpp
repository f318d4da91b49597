#include "cells/pane.h"

#include <gtest/gtest.h>

#include <deque>

#include "cells/bit_matrix.h"
#include "cells/pane_entry.h"
#include "cells/test_panes.h"

namespace quipu {
namespace {

using test::below;
using test::Random;

// An entry as it was given.
struct Given {
  const CompiledMetric* metric;
  TenantId tenant;
  Slot slot;
  const MonthTable* month;
  bool same_event;
  std::vector<uint64_t> here, first, elements;
  std::vector<std::pair<int, Fixed6>> values;  // by value of the plan
};

// What was added with the first bitmaps `first`.
Given given_of(const EventBatch& b, const Event& e, uint32_t row, const uint64_t* first) {
  Given g{e.metric, e.tenant, e.slot, e.month, row > 0, {}, {}, {}, {}};
  g.here.assign(b.row_here(e, row), b.row_here(e, row) + e.metric->bitmap_words);
  g.first.assign(
      first, first + size_t(e.month->frames() + e.metric->has_lifetime) * e.metric->bitmap_words);
  for (uint8_t c : e.metric->columns) g.elements.push_back(b.row_elements(e, row)[c]);
  for (int v = 0, at = int(e.values); v < kMaxValues; ++v) {
    if (e.value_mask >> v & 1) g.values.push_back({v, b.values[size_t(at++)]});
  }
  return g;
}

void expect_entry(const PaneEntry& entry, const Given& g) {
  EXPECT_EQ(entry.metric(), g.metric);
  EXPECT_EQ(entry.tenant(), g.tenant);
  EXPECT_EQ(int64_t(entry.day()) * 96 + entry.slot(),
            month_begin_s(g.month->month()) / kQuarterS + g.slot);
  EXPECT_EQ(entry.same_event(), g.same_event);
  EXPECT_EQ(entry.frames(), g.month->frames());
  const uint32_t bitmap_words = g.metric->bitmap_words;
  ASSERT_EQ(entry.bitmap_words(), bitmap_words);
  EXPECT_TRUE(std::equal(g.here.begin(), g.here.end(), entry.here()));
  for (size_t p = 0; p * bitmap_words < g.first.size(); ++p) {
    const std::vector<uint64_t> zero(bitmap_words);
    const uint64_t* plane = entry.plane(int(p) + 1);
    EXPECT_TRUE(std::equal(zero.begin(), zero.end(),
                           g.first.begin() + ptrdiff_t(p * bitmap_words)) == (plane == nullptr));
    if (plane != nullptr) {
      EXPECT_TRUE(
          std::equal(plane, plane + bitmap_words, g.first.begin() + ptrdiff_t(p * bitmap_words)));
    }
  }
  EXPECT_TRUE(std::equal(g.elements.begin(), g.elements.end(), entry.elements()));
  unsigned mask = 0;
  for (size_t v = 0; v < g.values.size(); ++v) {
    mask |= 1u << g.values[v].first;
    EXPECT_TRUE(entry.value(int(v)) == g.values[v].second);
  }
  EXPECT_EQ(entry.value_mask(), mask);
}

TEST(Pane, GivesBackWhatWasAddedInOrder) {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  test::WorldSize size;
  size.dimensions = 200;
  size.values = 4;
  const test::World world(random, size);
  const std::vector<std::shared_ptr<const MonthTable>> months{
      test::make_month(0, 1), test::make_month(0, 8), test::make_month(2759, 1),
      test::make_month(2759, 8)};
  const test::EventShape shape{.days = 28};
  Pane pane;
  std::vector<Given> given;
  EventBatch batch;
  std::vector<uint64_t> planes;
  std::deque<std::vector<uint64_t>> kept;
  for (int i = 0; i < 400; ++i) {
    test::draw_events(
        random, world, months, shape, 50, batch,
        [&](const EventBatch& b, const Event& e, uint32_t row, const uint64_t* drawn) {
          const uint32_t bitmap_words = e.metric->bitmap_words;
          planes.assign(drawn,
                        drawn + size_t(e.month->frames() + e.metric->has_lifetime) * bitmap_words);
          // A new profile's are alike.
          if (below(random, 2))
            for (int f = 1; f < e.month->frames(); ++f)
              std::copy_n(drawn, bitmap_words, planes.data() + size_t(f) * bitmap_words);
          const uint64_t* first = planes.data();
          std::vector<uint64_t>& elements = kept.emplace_back();
          for (uint8_t c : e.metric->columns) elements.push_back(b.row_elements(e, row)[c]);
          pane.append_event(b, e, row, first, below(random, 2) ? elements.data() : nullptr);
          given.push_back(given_of(b, e, row, first));
        });
  }
  EXPECT_EQ(pane.rows(), given.size());
  EXPECT_GT(pane.bytes(), size_t(2) << 20);  // several bitmap_words
  size_t i = 0, bytes = 0;
  PaneReader::each(pane, [&](PaneEntry entry) {
    ASSERT_LT(i, given.size());
    const Given& g = given[i++];
    bytes += entry.size() * 8;
    expect_entry(entry, g);
  });
  EXPECT_EQ(i, given.size());
  EXPECT_EQ(bytes, pane.bytes());
}

TEST(Pane, MovedFromIsEmptyAndUsable) {
  Random random(1);
  const test::World world(random, {});
  const std::vector<std::shared_ptr<const MonthTable>> months(2, test::make_month(5, 1));
  Pane pane;
  EventBatch batch;
  const auto add = [&](const EventBatch& b, const Event& e, uint32_t row, const uint64_t* first) {
    pane.append_event(b, e, row, first);
  };
  test::draw_events(random, world, months, {}, 10, batch, add);
  const uint64_t rows = pane.rows();
  Pane other = std::move(pane);
  EXPECT_EQ(other.rows(), rows);
  EXPECT_TRUE(pane.empty());
  EXPECT_EQ(pane.bytes(), 0u);
  test::draw_events(random, world, months, {}, 3, batch, add);
  EXPECT_GE(pane.rows(), 3u);
  pane = Pane();
  EXPECT_TRUE(pane.empty());
  EXPECT_EQ(other.rows(), rows);
}

// An event whose rows come in two panes, or another event at the same place of a batch used again,
// does not go on.
TEST(Pane, RowsOfDifferentEventsAreNotTakenForOne) {
  Random random(2);
  const test::World world(random, {});
  const std::vector<std::shared_ptr<const MonthTable>> months(2, test::make_month(5, 1));
  Pane pane;
  EventBatch batch;
  for (int i = 0; i < 50; ++i) {
    test::draw_events(
        random, world, months, {.several_rows = 1}, 1, batch,
        [&](const EventBatch& b, const Event& e, uint32_t row, const uint64_t* first) {
          if ((i % 2 == 0 && row == 0) || (i % 2 == 1 && row == 1))
            pane.append_event(b, e, row, first);
        });
  }
  PaneReader::each(pane, [&](PaneEntry entry) { EXPECT_FALSE(entry.same_event()); });
}

TEST(BitMatrix, TransposesBitByBit) {
  Random random(3);
  std::array<uint64_t, 64> rows, columns;
  for (uint64_t& r : rows) r = random();
  columns = rows;
  transpose64(columns.data());
  for (size_t r = 0; r < 64; ++r) {
    for (size_t c = 0; c < 64; ++c) ASSERT_EQ(rows[r] >> c & 1, columns[c] >> r & 1);
  }
}

}  // namespace
}  // namespace quipu
