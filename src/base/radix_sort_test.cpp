#include "base/radix_sort.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

namespace quipu {
namespace {

struct Item {
  uint64_t place, group, hash;
  uint32_t nth;
};

TEST(RadixSort, SortsByGroupThenFirstBitsOfTheHashAndKeepsTheOrderOfWhatIsAlike) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const size_t groups : {1, 2, 3, 700, 5000}) {
    std::vector<uint64_t> of(groups);
    for (uint64_t& group : of) group = groups == 1 ? 0 : random();
    GroupRanks ranks;
    std::vector<Item> items(20'000);
    for (uint32_t i = 0; i < items.size(); ++i) {
      // A few hashes come often.
      items[i] = {0, of[random() % groups], random() % 4 == 0 ? random() % 3 << 62 : random(), i};
      items[i].place = ranks.number(items[i].group);
    }
    ranks.rank();
    for (Item& item : items) item.place = ranks.place(uint32_t(item.place), item.hash);
    radix_sort(items);
    uint64_t alike = 0;
    for (size_t i = 1; i < items.size(); ++i) {
      const Item &a = items[i - 1], &b = items[i];
      ASSERT_LE(a.group, b.group);
      if (a.group != b.group) continue;
      ASSERT_LE(sorted_bits(a.place), sorted_bits(b.place));
      if (sorted_bits(a.place) < sorted_bits(b.place)) {
        ASSERT_LT(a.hash, b.hash);
      } else {
        ASSERT_LT(a.nth, b.nth);
        ++alike;
      }
    }
    if (groups < 5000) {
      ASSERT_GT(alike, 100u);
    }
  }
}

TEST(RadixSort, TakesNothingAndOne) {
  std::vector<Item> items;
  radix_sort(items);
  EXPECT_TRUE(items.empty());
  items.push_back({7, 0, 0, 3});
  radix_sort(items);
  EXPECT_EQ(items[0].nth, 3u);
}

}  // namespace
}  // namespace quipu
