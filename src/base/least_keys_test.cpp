#include "base/least_keys.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <vector>

namespace quipu {
namespace {

TEST(LeastKeys, GivesTheRowsWithTheLeastKeyWhateverChanges) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  for (int round = 0; round < 300; ++round) {
    const size_t rows = rng() % (LeastKeys::kMost + 1);
    LeastKeys keys(rows);
    EXPECT_EQ(keys.least(), 0u);
    std::vector<std::optional<uint64_t>> model(rows);
    for (int step = 0; rows > 0 && step < 200; ++step) {
      const size_t row = rng() % rows;
      if (rng() % 4 == 0) {
        model[row].reset();
        keys.end(row);
      } else {
        model[row] = rng() % 3 == 0 ? ~uint64_t(0) - rng() % 2
                                    : rng() % 10;  // the largest key is one like others
        keys.set(row, *model[row]);
      }
      std::map<uint64_t, LeastKeys::Mask> by_key;
      for (size_t r = 0; r < rows; ++r)
        if (model[r]) by_key[*model[r]] |= LeastKeys::Mask(1) << r;
      ASSERT_EQ(keys.least(), by_key.empty() ? 0 : by_key.begin()->second);
    }
  }
}

TEST(LeastKeys, RowsOfAMaskComeRisingUntilOneSaysNo) {
  std::vector<size_t> seen;
  EXPECT_TRUE(each_row(0x80000005u, [&](size_t row) {
    seen.push_back(row);
    return true;
  }));
  EXPECT_EQ(seen, (std::vector<size_t>{0, 2, 31}));
  seen.clear();
  EXPECT_FALSE(each_row(0x80000005u, [&](size_t row) {
    seen.push_back(row);
    return row != 2;
  }));
  EXPECT_EQ(seen, (std::vector<size_t>{0, 2}));
}

}  // namespace
}  // namespace quipu
