#include "cli/external_sort.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>

namespace quipu {
namespace {

struct Pair {
  uint64_t key;
  uint64_t count;
  bool operator<(const Pair& other) const { return key < other.key; }
};

void sorts_and_combines(size_t memory, size_t records) {
  std::mt19937_64 random(records);
  std::map<uint64_t, uint64_t> right;
  ExternalSort<Pair> sort(memory, "/tmp",
                          [](Pair& into, const Pair& other) { into.count += other.count; });
  for (size_t i = 0; i < records; ++i) {
    const Pair pair{random() % (records / 3 + 1), random() % 10};
    right[pair.key] += pair.count;
    ASSERT_TRUE(sort.add(pair).ok());
  }
  ASSERT_TRUE(sort.finish().ok());
  std::map<uint64_t, uint64_t> got;
  Pair pair;
  uint64_t last = 0;
  while (sort.next(pair)) {
    EXPECT_TRUE(got.empty() || pair.key > last);
    last = pair.key;
    got[pair.key] = pair.count;
  }
  EXPECT_EQ(right, got);
}

TEST(ExternalSort, SortsAndCombinesInMemory) { sorts_and_combines(1 << 20, 1000); }
TEST(ExternalSort, SortsAndCombinesOverManyRuns) { sorts_and_combines(1, 20000); }
// Runs of 1,024 records: some 160 of them, so that runs are merged while records come.
TEST(ExternalSort, SortsAndCombinesMoreRunsThanAreOpen) { sorts_and_combines(1, 166'000); }
TEST(ExternalSort, GivesNothingForNothing) { sorts_and_combines(1, 0); }

TEST(ExternalSort, SaysWhereItCannotWrite) {
  ExternalSort<Pair> sort(1, "/no/such/folder");
  Status status;
  for (uint64_t i = 0; i < 2000 && status.ok(); ++i) status = sort.add({i, 1});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("/no/such/folder"), std::string::npos);
}

}  // namespace
}  // namespace quipu
