#include "store/record_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "store/store_model.h"

namespace quipu {
namespace {

TEST(RecordFilter, SaysNoOnlyOfWhatWasNotAddedAlsoBeyondItsBytes) {
  constexpr uint64_t kMost = 4'000'000;
  RecordFilter filter(3 << 20);
  uint64_t added = 0;
  const auto add_until = [&](uint64_t n) {
    for (; added < n; ++added) filter.insert(mix64(added));
  };
  const auto false_alarms = [&] {
    uint64_t alarms = 0;
    for (uint64_t i = 0; i < 100'000; ++i) alarms += filter.may_hold(mix64(kMost + i));
    return double(alarms) / 100'000;
  };
  EXPECT_EQ(filter.bytes(), size_t(1) << 20);
  for (const auto& [keys, most] : {std::pair(700'000ull, 0.01), std::pair(2'000'000ull, 0.02),
                                   std::pair(4'000'000ull, 0.25)}) {
    add_until(keys);
    EXPECT_LT(false_alarms(), most) << keys;
    for (uint64_t i = 0; i < added; i += 7)
      ASSERT_TRUE(filter.may_hold(mix64(i))) << i << " of " << added;
  }
  EXPECT_EQ(filter.bytes(), size_t(3) << 20);
  EXPECT_GT(false_alarms(), 0.02);  // more than it is made for
  // What it holds already takes no room again. (A key may be taken for one that is there.)
  const uint64_t keys = filter.keys();
  EXPECT_GT(keys, kMost * 3 / 4);
  for (uint64_t i = 0; i < added; i += 7) filter.insert(mix64(i));
  EXPECT_EQ(filter.keys(), keys);
}

TEST(RecordFilter, TheLastOfItsLevelsHasAllThatIsLeft) {
  EXPECT_EQ(RecordFilter(3 << 19).bytes(), size_t(3) << 19) << "no room for a second";
  RecordFilter filter(10 << 20);
  EXPECT_EQ(filter.bytes(), size_t(1) << 20);
  for (uint64_t i = 0; i < 1'000'000; ++i) filter.insert(mix64(i));
  EXPECT_EQ(filter.bytes(), size_t(10) << 20) << "nine, for eight and one would leave one unused";
}

TEST(RecordFilter, TakesKeysOfManyThreadsWhileItGrows) {
  RecordFilter filter(8 << 20);
  constexpr uint64_t kEach = 500'000;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kEach; ++i) {
        filter.insert(mix64(t * kEach + i));
        if (!filter.may_hold(mix64(t * kEach + i / 2))) ADD_FAILURE() << t << " " << i;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint64_t i = 0; i < 4 * kEach; ++i) ASSERT_TRUE(filter.may_hold(mix64(i)));
  EXPECT_GT(filter.bytes(), size_t(1) << 20);
}

TEST(RecordFilter, KnowsRootsOfForeverRecordsByTenantAndProfile) {
  const RecordKey key{kForever, TenantId(2), {1, 2}, 0, 0};
  EXPECT_TRUE(is_forever_root(key));
  EXPECT_FALSE(is_forever_root({600, TenantId(2), {1, 2}, 0, 0}));
  EXPECT_FALSE(is_forever_root({kForever, TenantId(2), {1, 2}, 1, 0}));
  for (const RecordKey& other : {RecordKey{kForever, TenantId(3), {1, 2}, 0, 0},
                                 RecordKey{kForever, TenantId(2), {2, 1}, 0, 0},
                                 RecordKey{kForever, TenantId(2), {1, 3}, 0, 0}}) {
    EXPECT_NE(profile_hash(key), profile_hash(other));
  }
}

// Profiles of a store, some with months of their own, in random order; every one that was committed
// is found at any time: in a new store, while its filter is filled after opening, and afterwards.
TEST(RecordFilter, AStoreFindsEveryProfileThatWasCommittedBeforeAndAfterItIsOpenedAgain) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  StoreOptions options = test_options();
  options.filter_bytes = 4 << 20;
  options.filling_keys = 100;
  std::vector<uint64_t> stored;
  uint64_t checkpoint = 0, next = 0;
  const auto key_of = [](uint64_t p, MonthIndex month) {
    return RecordKey{month, TenantId(uint32_t(1 + p % 3)), {mix64(p), p}, 0, 0};
  };
  for (int life = 0; life < 4; ++life) {
    auto opened = Store::open(folder / "data", options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    Store& store = **opened;
    EXPECT_TRUE(life > 0 || store.filter_stats().complete);
    const auto check = [&] {
      std::vector<RecordKey> keys;
      std::vector<std::string> expected, values;
      for (uint64_t p : stored) {
        keys.push_back(key_of(p, kForever));
        expected.push_back("f" + std::to_string(p));
        keys.push_back(key_of(p, 600));
        expected.push_back(p % 4 == 0 ? "m" : "");
      }
      for (uint64_t p = next; p < next + 500; ++p) {  // not stored yet
        keys.push_back(key_of(p, kForever));
        expected.push_back("");
      }
      ASSERT_TRUE(store.load(keys, values).ok());
      ASSERT_EQ(values, expected);
    };
    for (int commit = 0; commit < 6; ++commit) {
      std::vector<std::pair<RecordKey, std::string>> records;
      for (const uint64_t end = next + random() % 700; next < end; ++next) {
        stored.push_back(next);
        records.emplace_back(key_of(next, kForever), "f" + std::to_string(next));
        if (next % 4 == 0) records.emplace_back(key_of(next, 600), "m");
      }
      std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
        std::string left, right;
        a.first.append_to(left);
        b.first.append_to(right);
        return left < right;
      });
      CheckpointWrite write;
      write.state.checkpoint = ++checkpoint;
      write.expected_bytes = random() % 2 ? 1 : 1'000'000;
      write.records = [&](ElementCodes&, const RecordSink& sink) -> Status {
        for (const auto& [key, bytes] : records) QUIPU_TRY(sink(key, bytes, RecordWrite::first));
        return {};
      };
      ASSERT_TRUE(store.commit(std::move(write)).ok());
      check();
      if (HasFatalFailure()) return;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!store.filter_stats().complete && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    EXPECT_TRUE(store.filter_stats().complete);
    EXPECT_GT(store.filter_stats().profiles, stored.size() * 9 / 10);
    EXPECT_LE(store.filter_stats().profiles, stored.size());
    check();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace quipu
