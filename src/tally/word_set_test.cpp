#include "tally/word_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
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

TEST(WordSet, ASlottedSetHasEachSlotOfAWordTheNewestFirstAndNoOthers) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  for (uint32_t limit : {2u, 20u, 25u, 1024u}) {
    Arena arena;
    Handle set = kNoHandle;
    std::map<uint64_t, std::vector<Slot>> model;  // the newest last
    const uint64_t words = 1 + rng() % limit;
    for (uint32_t i = 0; i < limit + limit / 2; ++i) {
      const uint64_t word = rng() % 2 ? mix64(rng() % words) : rng() % words;
      std::vector<Slot>& slots = model[word];
      Slot slot = Slot(rng() % 2976);
      while (std::find(slots.begin(), slots.end(), slot) != slots.end()) slot = (slot + 1) % 2976;
      set = insert_slot_word(arena, set, word, slot, limit);
      slots.push_back(slot);
    }
    const auto* s = arena.at<WordSet>(set);
    ASSERT_EQ(s->count, limit + limit / 2);
    for (const auto& [word, slots] : model) {
      uint32_t at = s->newest(word);
      for (size_t k = slots.size(); k > 0; --k, at = s->before()[at - 1]) {
        ASSERT_NE(at, 0u);
        ASSERT_EQ(s->words()[at - 1], word);
        ASSERT_EQ(s->slots()[at - 1], slots[k - 1]);
      }
      ASSERT_EQ(at, 0u);
    }
    for (uint64_t w = 0; w < 200; ++w)
      ASSERT_EQ(s->contains(mix64(w << 20)), model.contains(mix64(w << 20)));
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
