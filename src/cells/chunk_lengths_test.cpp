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
    hashes.resize(std::min(hashes.size(), ValueSketch::kMost));
    return lengths_
        .choose(day, TenantId(1), SelectorId(1), DimensionId(dimension), distinct, hashes, kAim)
        .bits;
  }
  bool known(DayIndex day, uint32_t dimension) {
    return lengths_.knows(day, TenantId(1), SelectorId(1), DimensionId(dimension));
  }
  void learn(DayIndex day, const ValueSketch& stored, uint32_t dimension = 1) {
    lengths_.learn(day, TenantId(1), SelectorId(1), DimensionId(dimension), stored);
  }
  ValueSketch sketch(DayIndex day, uint32_t dimension = 1) {
    return lengths_.sketch(day, TenantId(1), SelectorId(1), DimensionId(dimension));
  }
  static ValueSketch of_bits(int bits) {
    ValueSketch sketch;
    sketch.bits = uint8_t(bits);
    return sketch;
  }
  ChunkLengths lengths_;
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

TEST_F(Chunks, AreAsLongAsWasLearntAndStaySo) {
  learn(10, of_bits(5));
  EXPECT_EQ(pane(10, 1, 0, 1), 5);
  learn(10, of_bits(0));
  EXPECT_EQ(pane(10, 1, 0, 1), 5);
  EXPECT_EQ(pane(10, 5000, 0, 5000), 6) << "longer where there are more values";
  EXPECT_EQ(pane(11, 1, 0, 1), 6) << "the day after, too";
  learn(12, of_bits(100));
  EXPECT_EQ(pane(12, 1, 0, 1), kMaxChunkBits);
}

TEST_F(Chunks, GoOnFromASketchAsIfNothingHadBeenForgotten) {
  ValueSketch stored;
  int last = 0;
  for (uint64_t i = 0; i < 3000; ++i) {
    ChunkLengths fresh;
    std::swap(lengths_, fresh);
    learn(10, stored);
    std::vector<uint64_t> hashes;
    last = pane(10, 10, i * 10, 10);
    stored.merge(sketch(10));
  }
  lengths_ = ChunkLengths();
  int of_one = 0;
  for (uint64_t i = 0; i < 3000; ++i) of_one = pane(10, 10, i * 10, 10);
  EXPECT_EQ(last, of_one);
  EXPECT_EQ(stored, sketch(10));
  EXPECT_GT(last, 0);
}

TEST_F(Chunks, TellWhatHasChanged) {
  const auto changes = [&](std::vector<uint64_t> hashes, uint64_t values) {
    return lengths_.choose(10, TenantId(1), SelectorId(1), DimensionId(1), values, hashes, kAim)
        .has_changed;
  };
  const uint64_t top = uint64_t(1) << 32;
  EXPECT_TRUE(changes({5 * top}, 1));
  EXPECT_FALSE(changes({5 * top}, 1)) << "nothing new";
  EXPECT_FALSE(changes({5 * top + 7}, 1)) << "the same upper half";
  EXPECT_TRUE(changes({5 * top, 6 * top}, 2)) << "a hash";
  EXPECT_TRUE(changes({5 * top}, 1000)) << "longer prefixes";
  EXPECT_FALSE(changes({5 * top}, 1000));
}

TEST_F(Chunks, AreKnownOnceTheyWereLearnt) {
  EXPECT_FALSE(known(10, 1));
  pane(10, 1, 0, 1);
  EXPECT_FALSE(known(10, 1)) << "met, but the store was not asked";
  learn(10, ValueSketch());
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
      of->learn(1, TenantId(1), SelectorId(1), DimensionId(d), {});
  }
  EXPECT_LE(known(lengths), kMost);
  EXPECT_GE(known(lengths), kMost * 9 / 10);
  EXPECT_GE(known(unbounded), 18'000u) << "a set of four may be full before the table grows";
}

}  // namespace
}  // namespace quipu
