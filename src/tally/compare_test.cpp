#include "tally/compare.h"

#include <gtest/gtest.h>

#include <random>

#include "base/hash.h"

namespace quipu {
namespace {

using Rng = std::mt19937_64;

struct Row {
  SelectorId metric;
  Slot slot;
  PlanVersion version;
  std::vector<uint64_t> elements;
};

struct Case {
  CompiledMetric metric;
  std::vector<Row> rows;
  std::vector<uint64_t> elements;
  BucketParts parts;
  uint32_t frames;
  std::vector<uint64_t> fresh;
};

constexpr PlanVersion kVersion = 3;

Case draw(Rng& rng) {
  const auto below = [&](uint64_t n) { return uint32_t(rng() % n); };
  Case c;
  const uint32_t plan_columns = 1 + below(kMaxColumns);
  for (uint32_t i = 0; i < plan_columns; ++i)
    if (below(4) != 0) c.metric.columns.push_back(uint8_t(i));
  c.metric.metric = SelectorId(1);
  const uint32_t sections = 1 + below(3);
  for (uint32_t s = 0; s < sections; ++s) {
    CompiledSection section;
    section.selector = SelectorId(s == 0 ? 1 : 10 + s);
    section.group = s != 0;
    section.all_metrics = section.group && below(2) == 0;
    for (uint32_t m = 1; m <= 5; ++m)
      if (section.group && !section.all_metrics && (m == 1 || below(2) == 0))
        section.members.push_back(SelectorId(m));
    section.first_dimension = c.metric.bitmap_words * 64;
    section.dimensions = 1 + below(below(2) == 0 ? 200 : 20);
    c.metric.bitmap_words += (section.dimensions + 63) / 64;
    c.metric.dimensions.resize(c.metric.bitmap_words * 64);
    for (uint32_t d = 0; d < section.dimensions; ++d) {
      CompiledDimension& dimension = c.metric.dimensions[section.first_dimension + d];
      dimension.id = DimensionId(d + 1);
      const uint32_t most = std::min<uint32_t>(kMaxArity + 1, uint32_t(c.metric.columns.size()));
      dimension.compared = uint8_t(below(below(3) == 0 ? most + 1 : std::min(most, 2u) + 1));
      dimension.arity = uint8_t(std::min<int>(dimension.compared, kMaxArity));
      for (uint32_t k = 0; k < dimension.compared; ++k)
        dimension.columns[k] = c.metric.columns[below(c.metric.columns.size())];
    }
    c.metric.sections.push_back(section);
  }
  c.metric.unique_alive.resize(kVersion + 1);
  for (auto& alive : c.metric.unique_alive)
    for (uint32_t b = 0; b < c.metric.bitmap_words; ++b) alive.push_back(rng() | rng());
  c.metric.unique_alive[kVersion].assign(c.metric.bitmap_words, ~uint64_t(0));
  const uint32_t alphabet = 1 + below(3);
  const auto element = [&] { return below(3) == 0 ? 0 : mix64(below(alphabet) + 1); };
  for (uint32_t i = 0; i < plan_columns; ++i) c.elements.push_back(element());
  const uint32_t count = below(below(2) == 0 ? 10 : 60);
  for (uint32_t r = 0; r < count; ++r) {
    Row row{SelectorId(1 + below(6)),
            Slot(below(2976)),
            PlanVersion(below(3) == 0 ? 1 + below(kVersion) : kVersion),
            {}};
    if (below(2) == 0) row.metric = SelectorId(1);
    for (uint32_t i = 0; i < plan_columns; ++i)
      row.elements.push_back(below(3) == 0 ? element() : c.elements[i]);
    if (below(3) == 0) row.elements.assign(plan_columns, 0);
    c.rows.push_back(row);
  }
  c.frames = 1 + below(below(4) == 0 ? kMaxFrames : 5);
  for (uint32_t f = 0; f < c.frames; ++f) {
    if (below(5) == 0) continue;
    const uint32_t pieces = 1 + below(kMaxBucketPieces);
    for (uint32_t p = 0; p < pieces; ++p) {
      const Slot begin = Slot(below(2976));
      c.parts.add(f, begin, Slot(begin + 1 + below(below(2) == 0 ? 2976u - begin : 96)));
    }
  }
  for (uint32_t i = 0; i < c.frames * c.metric.bitmap_words; ++i)
    c.fresh.push_back(below(6) == 0 ? 0 : rng() | rng());
  // Unused bits are never set.
  for (uint32_t f = 0; f < c.frames; ++f)
    for (uint32_t d = 0; d < c.metric.bitmap_words * 64; ++d)
      if (c.metric.dimensions[d].id == DimensionId::none)
        c.fresh[f * c.metric.bitmap_words + d / 64] &= ~(uint64_t(1) << d % 64);
  return c;
}

// Straight from the meaning: is there a row with equal elements that counts for the dimension?
std::vector<uint64_t> expected(const Case& c) {
  std::vector<uint64_t> fresh = c.fresh;
  for (const CompiledSection& section : c.metric.sections)
    for (uint32_t d = section.first_dimension; d < section.first_dimension + section.dimensions;
         ++d)
      for (const Row& row : c.rows) {
        bool counts = row.metric == c.metric.metric || (section.group && section.all_metrics);
        for (SelectorId member : section.members) counts |= section.group && row.metric == member;
        counts &= c.metric.unique_alive[row.version][d / 64] >> d % 64 & 1;
        for (uint32_t k = 0; k < c.metric.dimensions[d].compared; ++k) {
          const size_t column = c.metric.dimensions[d].columns[k];
          counts &= row.elements[column] == c.elements[column];
        }
        if (!counts) continue;
        for (uint32_t i = 0; i < c.parts.frames; ++i)
          for (uint32_t r = c.parts.first_range[i]; r < c.parts.first_range[i + 1]; ++r)
            if (row.slot >= c.parts.ranges[r].begin && row.slot < c.parts.ranges[r].end)
              fresh[c.parts.frame[i] * c.metric.bitmap_words + d / 64] &= ~(uint64_t(1) << d % 64);
      }
  return fresh;
}

TEST(Compare, EveryVariantFindsWhatWasSeenAsAPlainSearchDoes) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  for (int round = 0; round < 600; ++round) {
    const Case c = draw(rng);
    Arena arena;
    Handle record = new_month_record(arena);
    for (const Row& row : c.rows) {
      uint64_t filled = 0;
      for (size_t i = 0; i < row.elements.size(); ++i)
        filled |= uint64_t(row.elements[i] != 0) << i;
      record = append_row(arena, record, row_meta(row.metric, row.slot, row.version), filled,
                          row.elements.data());
    }
    const MetricShape shape(c.metric);
    const std::vector<uint64_t> want = expected(c);
    bool left = false;
    for (uint32_t i = 0; i < c.parts.frames; ++i)
      for (uint32_t b = 0; b < shape.bitmap_words; ++b)
        left |= want[c.parts.frame[i] * shape.bitmap_words + b] != 0;
    const MatrixView view = arena.at<MonthRecord>(record)->view();
    ASSERT_EQ(view.rows, c.rows.size());
    for (int variant = 1; variant <= best_variant(); ++variant) {
      std::vector<uint64_t> fresh = c.fresh;
      EXPECT_EQ(
          look(tile_ops(variant), shape, kVersion, c.parts, view, c.elements.data(), fresh.data()),
          left);
      ASSERT_EQ(fresh, want) << "variant " << variant << " round " << round;
    }
  }
}

TEST(Compare, TheVariantAskedForIsTakenUnlessTheMachineLacksIt) {
  EXPECT_EQ(&tile_ops(1), &kPlainTileOps);
  EXPECT_EQ(&tile_ops(0), &tile_ops(best_variant()));
  EXPECT_EQ(&tile_ops(3), &tile_ops(best_variant()));
}

}  // namespace
}  // namespace quipu
