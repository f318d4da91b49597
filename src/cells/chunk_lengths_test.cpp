#include "cells/chunk_lengths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "cells/cell_rows.h"

namespace quipu {
namespace {

constexpr int kAim = 128;

class Chunks : public ::testing::Test {
 protected:
  // A pane with so many values, drawn from [begin, begin + range).
  int pane(DayIndex day, uint64_t values, uint64_t begin, uint64_t range, uint32_t dimension = 1) {
    std::vector<uint64_t> hashes;
    for (uint64_t i = 0; i < values; ++i) {
      const uint64_t v = begin + (range == values ? i : random_() % range);
      hashes.push_back(value_hash({&v, 1}));
    }
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    const size_t distinct = hashes.size();
    hashes.resize(std::min(hashes.size(), ChunkLengths::kSmallest));
    return lengths_
        .choose(day, TenantId(1), SelectorId(1), DimensionId(dimension), distinct, hashes, kAim,
                least_)
        .bits;
  }
  bool known(DayIndex day, uint32_t dimension) {
    return lengths_.knows(day, TenantId(1), SelectorId(1), DimensionId(dimension));
  }
  ChunkLengths lengths_;
  int least_ = 0;
  std::mt19937_64 random_{7};
};

TEST_F(Chunks, AreWholeForFewValuesHoweverOftenTheyCome) {
  for (int i = 0; i < 10000; ++i) ASSERT_EQ(pane(10, 100, 0, 100), 0);
}

TEST_F(Chunks, HoldAboutAsManyValuesAsAimedAt) {
  EXPECT_EQ(pane(10, 128, 0, 128), 0);
  EXPECT_EQ(pane(11, 129, 0, 129, 2), 1);
  EXPECT_EQ(pane(12, 128 * 64, 0, 128 * 64, 3), 6);
}

TEST_F(Chunks, NeverGetShorterWithinADay) {
  const int long_ones = pane(10, 5000, 0, 5000);
  EXPECT_EQ(long_ones, 6);
  EXPECT_EQ(pane(10, 5, 0, 5), long_ones);
}

TEST_F(Chunks, StartAtTheLengthOfTheDayBeforeButDoNotKeepItForEver) {
  EXPECT_EQ(pane(10, 5000, 0, 5000), 6);
  EXPECT_EQ(pane(11, 5, 0, 5), 6);
  EXPECT_EQ(pane(12, 5, 0, 5), 0);
}

TEST_F(Chunks, GrowWithValuesThatComeAFewAtATime) {
  int last = 0;
  for (uint64_t i = 0; i < 20000; ++i) {
    const int bits = pane(10, 10, i * 10, 10);
    ASSERT_GE(bits, last);
    last = bits;
  }
  // 200,000 values came to rows of some 8,000, within the sketch's error of a factor of about two
  // each way.
  EXPECT_GE(last, 3);
  EXPECT_LE(last, 7);
}

TEST_F(Chunks, AreAsLongAsIsDemandedAndStaySo) {
  least_ = 5;
  EXPECT_EQ(pane(10, 1, 0, 1), 5);
  least_ = 0;
  EXPECT_EQ(pane(10, 1, 0, 1), 5);
  least_ = 5;
  EXPECT_EQ(pane(10, 5000, 0, 5000), 6) << "longer where there are more values";
  least_ = 100;
  EXPECT_EQ(pane(10, 1, 0, 1), kMaxChunkBits);
}

TEST_F(Chunks, AreKnownOnceTheyWereAskedFor) {
  EXPECT_FALSE(known(10, 1));
  pane(10, 1, 0, 1);
  EXPECT_TRUE(known(10, 1));
  EXPECT_FALSE(known(10, 2));
  EXPECT_FALSE(known(11, 1));
}

TEST_F(Chunks, MayGrowBeforeLongerOnesAreChosen) {
  EXPECT_EQ(ChunkLengths::bits_of_grown(0, kAim), 0);
  EXPECT_EQ(ChunkLengths::bits_of_grown(ChunkLengths::kGrowth * kAim, kAim), 0);
  EXPECT_EQ(ChunkLengths::bits_of_grown(ChunkLengths::kGrowth * kAim + 1, kAim), 1);
  EXPECT_EQ(ChunkLengths::bits_of_grown(4 * ChunkLengths::kGrowth * kAim, kAim), 2);
  EXPECT_EQ(ChunkLengths::bits_of_grown(4 * ChunkLengths::kGrowth, 0), 2)
      << "at least one value is aimed at";
}

TEST_F(Chunks, AreNoLongerThanAKeyHolds) {
  EXPECT_LE(lengths_.choose(1, TenantId(1), SelectorId(1), DimensionId(1), UINT64_MAX, {}, 0).bits,
            kMaxChunkBits);
}

TEST_F(Chunks, RememberTheLongOnesAmongVeryManyShortOnes) {
  for (uint32_t d = 0; d < 100; ++d) pane(10, 5000, 0, 5000, d);
  for (uint32_t d = 1000; d < 401000; ++d) pane(10, 1, 0, 1, d);
  int kept = 0;
  for (uint32_t d = 0; d < 100; ++d) kept += pane(10, 1, 0, 1, d) == 6;
  EXPECT_GE(kept, 99);
}

TEST(ChunkLengthsTable, HoldsNoMoreEntriesThanItMay) {
  constexpr size_t kMost = 2048;
  ChunkLengths lengths(kMost), unbounded;
  const auto known = [](ChunkLengths& of) {
    size_t count = 0;
    for (uint32_t d = 0; d < 20'000; ++d)
      count += of.knows(1, TenantId(1), SelectorId(1), DimensionId(d));
    return count;
  };
  for (uint32_t d = 0; d < 20'000; ++d) {
    for (ChunkLengths* of : {&lengths, &unbounded})
      of->choose(1, TenantId(1), SelectorId(1), DimensionId(d), 1, {}, kAim);
  }
  EXPECT_LE(known(lengths), kMost);
  EXPECT_GE(known(lengths), kMost * 9 / 10);
  EXPECT_GE(known(unbounded), 18'000u) << "a set of four may be full before the table grows";
}

}  // namespace
}  // namespace quipu
