#include "tally/word_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "base/hash.h"

namespace quipu {
namespace {

TEST(WordSet, HoldsTheWordsAddedAndNoOthersInTheOrderTheyCame) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  for (uint32_t limit : {2u, 24u, 25u, 300u, 1024u, 5000u}) {
    Arena arena;
    Handle set = kNoHandle;
    std::set<uint64_t> model;
    std::vector<uint64_t> order;
    // Small numbers share all their bits but a few; also beyond the limit, as the deepest chunks
    // go.
    for (uint32_t i = 0; i < limit + limit / 2; ++i) {
      uint64_t word = rng() % 2 ? rng() : rng() % 10000;
      while (model.contains(word)) ++word;
      set = insert_word(arena, set, word, limit);
      model.insert(word);
      order.push_back(word);
      const auto* s = arena.at<WordSet>(set);
      ASSERT_EQ(s->count, model.size());
      ASSERT_TRUE(s->contains(word));
      ASSERT_TRUE(i >= limit || s->capacity <= std::max(limit, 24u));
      if (i % 37 == 0) {
        for (uint64_t w : model) ASSERT_TRUE(s->contains(w));
        for (uint64_t w = 0; w < 200; ++w) ASSERT_EQ(s->contains(w), model.contains(w));
      }
    }
    const auto* s = arena.at<WordSet>(set);
    EXPECT_TRUE(std::equal(order.begin(), order.end(), s->words()));
    arena.release(set);
    EXPECT_EQ(arena.live_bytes(), 0u);
  }
}

TEST(WordSet, TwoIdsTake32BytesAndAThousand13BytesEach) {
  Arena arena;
  Handle set = insert_word(arena, insert_word(arena, kNoHandle, 1, 1024), 2, 1024);
  EXPECT_EQ(arena.live_bytes(), 32u);
  for (uint64_t w = 3; w <= 1024; ++w) set = insert_word(arena, set, mix64(w), 1024);
  EXPECT_LE(arena.live_bytes(), 13u * 1024);
}

}  // namespace
}  // namespace quipu
