#include "base/spread_sort.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

namespace quipu {
namespace {

using Item = std::pair<uint64_t, uint32_t>;

void expect_sorted(std::vector<Item> items) {
  std::vector<Item> want = items;
  std::sort(want.begin(), want.end());
  sort_spread(items, [](const Item& item) { return item.first; }, std::less<Item>());
  ASSERT_EQ(items, want);
}

TEST(SpreadSort, SortsHashesAndWhateverElse) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Item> items(round < 100 ? size_t(round) % 20 : random() % 3000);
    const int kind = int(random() % 5);
    for (auto& [key, rest] : items) {
      key = random();
      if (kind == 1) key >>= 40;                                            // within a narrow range
      if (kind == 2) key = key % 5 * 1'000'000;                             // many alike
      if (kind == 3) key = random() % 100 == 0 ? ~uint64_t(0) : key >> 54;  // crowded at one end
      if (kind == 4) key = 7;
      rest = uint32_t(random() % 10);
    }
    expect_sorted(items);
  }
  expect_sorted({{0, 1}, {~uint64_t(0), 0}, {uint64_t(1) << 63, 2}, {0, 0}});
}

}  // namespace
}  // namespace quipu
