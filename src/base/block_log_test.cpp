#include "base/block_log.h"

#include <gtest/gtest.h>

#include <random>

namespace quipu {
namespace {

using Log = BlockLog<uint64_t>;

std::vector<uint64_t> contents(const Log& log) {
  std::vector<uint64_t> out;
  log.each_block(
      [&](const uint64_t* begin, const uint64_t* end) { out.insert(out.end(), begin, end); });
  return out;
}

TEST(BlockLog, KeepsPiecesInOrderAndWhereTheyAre) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  Log log;
  for (int life = 0; life < 3; ++life) {
    std::vector<uint64_t> want;
    std::vector<std::pair<uint64_t*, size_t>> pieces;
    for (int i = 0; i < 400; ++i) {
      const size_t n = random() % 50 == 0 ? random() % (2 * Log::kBlock) : 1 + random() % 3000;
      uint64_t* piece = log.take(n);
      for (size_t k = 0; k < n; ++k) piece[k] = random();
      pieces.emplace_back(piece, want.size());
      want.insert(want.end(), piece, piece + n);
    }
    EXPECT_EQ(log.size(), want.size());
    ASSERT_EQ(contents(log), want);
    for (const auto& [piece, at] : pieces) ASSERT_EQ(*piece, want[at]);
    Log moved = std::move(log);
    EXPECT_EQ(log.size(), 0u);
    ASSERT_EQ(contents(moved), want);
    log = std::move(moved);
    const uint64_t* first = pieces[0].first;
    log.clear();
    EXPECT_EQ(log.size(), 0u);
    EXPECT_TRUE(contents(log).empty());
    EXPECT_EQ(log.take(pieces[1].second), first) << "its memory is used again";
    log.clear();
  }
}

TEST(BlockLog, APieceCanGrowWhereItEndsWhileItsBlockHasRoom) {
  Log log;
  EXPECT_FALSE(log.goes_on_at(nullptr, 1));
  uint64_t* piece = log.take(3);
  EXPECT_TRUE(log.goes_on_at(piece + 3, 1));
  EXPECT_EQ(log.take(1), piece + 3);
  EXPECT_FALSE(log.goes_on_at(piece + 3, 1));
  log.take(Log::kFirstBlock - 4);
  EXPECT_FALSE(log.goes_on_at(piece + Log::kFirstBlock, 1)) << "the block is full";
  uint64_t* next = log.take(1);
  EXPECT_TRUE(log.goes_on_at(next + 1, 1));
  EXPECT_TRUE(log.goes_on_at(next + 1, Log::kBlock - 1));
  EXPECT_FALSE(log.goes_on_at(next + 1, Log::kBlock)) << "it would lie in two blocks";
  log.clear();
  EXPECT_FALSE(log.goes_on_at(next + 1, 1));
}

}  // namespace
}  // namespace quipu
