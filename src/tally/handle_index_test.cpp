#include "tally/handle_index.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

namespace quipu {
namespace {

TEST(HandleIndex, FindsExactlyWhatIsThereWhileEntriesComeMoveAndGo) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  HandleIndex index;
  std::unordered_map<uint64_t, Handle> model;  // key -> handle
  std::unordered_map<Handle, uint64_t> key_of;
  const auto hash_of = [](uint64_t key) {
    return key << 58 | (key % 40) << 26;
  };  // few hashes for many keys
  const auto find = [&](uint64_t key) {
    return index.find(hash_of(key), [&](Handle h) { return key_of.at(h) == key; });
  };
  Handle next = 1;
  HandleIndex::Cursor hand;
  std::unordered_map<uint64_t, uint8_t> marks;  // of keys, as they were set last
  uint64_t seen = 0;
  for (int i = 0; i < 60000; ++i) {
    const uint64_t key = rng() % 500;
    const auto known = model.find(key);
    ASSERT_EQ(find(key), known == model.end() ? kNoHandle : known->second);
    if (known == model.end()) {
      key_of[next] = key;
      model[key] = next;
      index.insert(hash_of(key), next++);
    } else if (rng() % 3 == 0) {
      key_of[next] = key;
      index.replace(hash_of(key), known->second, next);
      key_of.erase(known->second);
      known->second = next++;
    }
    for (int step = int(rng() % 40); step > 0; --step) {  // the clock's way of erasing
      Handle* at = index.at(hand);
      if (at != nullptr) {
        uint8_t& known_mark = marks[key_of.at(*at)];
        uint8_t& mark = index.mark(hand);
        // Those of entries that moved when the table grew may be gone.
        if (mark != 0) {
          ASSERT_EQ(mark, known_mark) << "another entry's";
        }
        seen += mark != 0;
        mark = known_mark = uint8_t(rng());
      }
      if (at != nullptr && rng() % 4 == 0) {
        marks.erase(key_of.at(*at));
        model.erase(key_of.at(*at));
        key_of.erase(*at);
        index.erase(hand);
      } else {
        index.advance(hand);
      }
    }
    ASSERT_EQ(index.size(), model.size());
  }
  EXPECT_GT(seen, 1000u);
  index.clear_marks();
  HandleIndex::Cursor all;
  do {
    if (index.at(all) != nullptr) {
      ASSERT_EQ(index.mark(all), 0);
    }
  } while (index.advance(all));
  for (uint64_t key = 0; key < 500; ++key)
    EXPECT_EQ(find(key), model.contains(key) ? model[key] : kNoHandle);
}

TEST(HandleIndex, AWalkMeetsEveryEntryOnceWhileNothingChanges) {
  HandleIndex index;
  std::mt19937_64 rng(5);
  for (Handle h = 1; h <= 1000; ++h) index.insert(rng(), h);
  std::vector<int> met(1001);
  HandleIndex::Cursor hand;
  do {
    if (Handle* at = index.at(hand)) ++met[*at];
  } while (index.advance(hand));
  for (Handle h = 1; h <= 1000; ++h) EXPECT_EQ(met[h], 1);
  EXPECT_LT(index.bytes(), 1000u * 16 + 64 * 8 * 8);
}

}  // namespace
}  // namespace quipu
