#include "query/group_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace quipu {
namespace {

TEST(GroupTable, IsAMapOfFigures) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 rng(seed);
    const size_t arity = rng() % 4, entries = 1 + rng() % 3, sums = rng() % 3;
    GroupTable table(arity, entries, sums);
    struct Figures {
      uint64_t hash;
      std::vector<uint64_t> count, unique;
      std::vector<Fixed6> sum;
    };
    std::map<std::vector<uint64_t>, Figures> right;
    HashPiece piece;
    for (int step = 0; step < 3000; ++step) {
      std::vector<uint64_t> elements(arity);
      uint64_t hash = 0;
      // Small ones, and such as differ in their high bits alone.
      for (uint64_t& e : elements) e = rng() % 2 ? rng() % 30 : (rng() % 30) << 59;
      for (const uint64_t e : elements) hash = (hash + e + 1) * 0x9E3779B97F4A7C15;
      if (!piece.holds(hash)) continue;
      uint32_t group = table.find(elements);
      ASSERT_EQ(group == GroupTable::kNone, !right.contains(elements));
      if (group == GroupTable::kNone) {
        group = table.add(elements, hash);
        right[elements] = {hash, std::vector<uint64_t>(entries), std::vector<uint64_t>(entries),
                           std::vector<Fixed6>(sums * entries)};
      }
      Figures& of = right[elements];
      const size_t entry = rng() % entries;
      table.count(group)[entry] += step;
      of.count[entry] += step;
      table.unique(group)[entry] += 1;
      of.unique[entry] += 1;
      for (size_t v = 0; v < sums; ++v) {
        table.sum(group, v)[entry] += step * int64_t(v + 1);
        of.sum[v * entries + entry] += step * int64_t(v + 1);
      }
      if (rng() % 500 == 0 && piece.halve()) {
        table.keep(piece);
        std::erase_if(right, [&](const auto& g) { return !piece.holds(g.second.hash); });
      }
    }
    ASSERT_EQ(table.size(), right.size());
    for (const auto& [elements, of] : right) {
      const uint32_t group = table.find(elements);
      ASSERT_NE(group, GroupTable::kNone);
      EXPECT_TRUE(std::ranges::equal(table.elements(group), elements));
      EXPECT_TRUE(std::ranges::equal(table.count(group), of.count));
      EXPECT_TRUE(std::ranges::equal(table.unique(group), of.unique));
      for (size_t v = 0; v < sums; ++v) {
        for (size_t e = 0; e < entries; ++e)
          EXPECT_EQ(table.sum(group, v)[e], of.sum[v * entries + e]);
      }
    }
    table.clear();
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.find(std::vector<uint64_t>(arity)), GroupTable::kNone);
  }
}

}  // namespace
}  // namespace quipu
