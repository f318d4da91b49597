#include "store/record_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "base/hash.h"
#include "store/store_model.h"

namespace quipu {
namespace {

RecordKey key_of(uint64_t p, MonthIndex month) { return {month, TenantId(uint32_t(1 + p % 3)), {mix64(p), p}, 0, 0}; }

// Of a commit.
class Records {
 public:
  void add(const RecordKey& key, const std::string& bytes, RecordWrite how) { records_[bytes_of(key)] = {key, bytes, how}; }
  CheckpointWrite write(uint64_t checkpoint, size_t expected_bytes) const {
    CheckpointWrite write;
    write.state.checkpoint = checkpoint;
    write.expected_bytes = expected_bytes;
    write.records = [records = records_](ElementCodes&, const RecordSink& sink) -> Status {
      for (const auto& [bytes, record] : records) QUIPU_TRY(sink(std::get<0>(record), std::get<1>(record), std::get<2>(record)));
      return {};
    };
    return write;
  }

 private:
  std::map<std::string, std::tuple<RecordKey, std::string, RecordWrite>> records_;
};

TEST(RecordFilter, SaysNoOnlyOfWhatWasNotAddedAlsoBeyondItsBytes) {
  constexpr uint64_t kMost = 4'000'000;
  RecordFilter filter(3 << 20);
  uint64_t added = 0;
  const auto add_until = [&](uint64_t n) {
    for (; added < n; ++added) filter.add(mix64(added));
  };
  const auto false_alarms = [&] {
    uint64_t alarms = 0;
    for (uint64_t i = 0; i < 100'000; ++i) alarms += filter.may_hold(mix64(kMost + i));
    return double(alarms) / 100'000;
  };
  EXPECT_EQ(filter.bytes(), size_t(1) << 20);
  for (const auto& [keys, most] : {std::pair(700'000ull, 0.01), std::pair(2'000'000ull, 0.02), std::pair(4'000'000ull, 0.25)}) {
    add_until(keys);
    EXPECT_LT(false_alarms(), most) << keys;
    for (uint64_t i = 0; i < added; i += 7) ASSERT_TRUE(filter.may_hold(mix64(i))) << i << " of " << added;
  }
  EXPECT_EQ(filter.bytes(), size_t(3) << 20);
  EXPECT_GT(false_alarms(), 0.02);   // more than it is made for
  // What it holds already takes no room again. (A key may be taken for one that is there.)
  const uint64_t keys = filter.keys();
  EXPECT_GT(keys, kMost * 3 / 4);
  for (uint64_t i = 0; i < added; i += 7) filter.add(mix64(i));
  EXPECT_EQ(filter.keys(), keys);
}

TEST(RecordFilter, TakesKeysOfManyThreadsWhileItGrows) {
  RecordFilter filter(8 << 20);
  constexpr uint64_t kEach = 500'000;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kEach; ++i) {
        filter.add(mix64(t * kEach + i));
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
  EXPECT_FALSE(is_forever_root(key.under(kRecurring)));
  for (const RecordKey& other : {RecordKey{kForever, TenantId(3), {1, 2}, 0, 0}, RecordKey{kForever, TenantId(2), {2, 1}, 0, 0},
                                 RecordKey{kForever, TenantId(2), {1, 3}, 0, 0}, key.under(kRecurring)}) {
    EXPECT_NE(profile_hash(key), profile_hash(other));
  }
}

// Profiles of a store, some with months of their own, some that moved to the recurring ones, in random order; every one
// that was committed is found where it is at any time: in a new store, while its filter is filled after opening, and
// afterwards.
TEST(RecordFilter, AStoreFindsEveryProfileThatWasCommittedBeforeAndAfterItIsOpenedAgain) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  StoreOptions options = test_options();
  options.filter_bytes = 4 << 20;
  options.filling_keys = 100;
  std::vector<StoredRecord> stored;   // by profile
  uint64_t checkpoint = 0, moves = 0;
  for (int life = 0; life < 4; ++life) {
    auto opened = Store::open(folder / "data", options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    Store& store = **opened;
    EXPECT_TRUE(life > 0 || store.filter_stats().complete);
    const auto check = [&] {
      std::vector<RecordKey> keys;
      std::vector<StoredRecord> expected, values;
      for (uint64_t p = 0; p < stored.size(); ++p) {
        keys.push_back(key_of(p, kForever));
        expected.push_back(stored[p]);
        keys.push_back(key_of(p, 600));
        expected.push_back({p % 4 == 0 ? "m" : ""});
      }
      for (uint64_t p = stored.size(); p < stored.size() + 500; ++p) {   // not stored yet
        keys.push_back(key_of(p, kForever));
        expected.push_back({});
      }
      ASSERT_TRUE(store.load(keys, values).ok());
      ASSERT_TRUE(values == expected);
    };
    for (int commit = 0; commit < 6; ++commit) {
      Records records;
      for (uint64_t p = 0; p < stored.size(); ++p) {
        if (random() % 10 != 0) continue;
        const bool moves_now = !stored[p].recurring && random() % 2;
        stored[p].bytes += "+";
        stored[p].recurring |= moves_now;
        moves += moves_now;
        records.add(key_of(p, stored[p].recurring ? kRecurring : kForever), moves_now ? stored[p].bytes : "+",
                    moves_now ? RecordWrite::moved : RecordWrite::append);
      }
      for (const uint64_t end = stored.size() + random() % 700; stored.size() < end;) {
        const uint64_t p = stored.size();
        stored.push_back({"f" + std::to_string(p)});
        records.add(key_of(p, kForever), stored[p].bytes, RecordWrite::first);
        if (p % 4 == 0) records.add(key_of(p, 600), "m", RecordWrite::first);
      }
      ASSERT_TRUE(store.commit(records.write(++checkpoint, random() % 2 ? 1 : 1'000'000)).ok());
      check();
      if (HasFatalFailure()) return;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!store.filter_stats().complete && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(store.filter_stats().complete);
    EXPECT_GT(store.filter_stats().profiles, (stored.size() + moves) * 9 / 10);
    EXPECT_LE(store.filter_stats().profiles, stored.size() + moves);
    check();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(moves, 100u);
}

// Whoever looks while a commit moves records finds each in one place or the other.
TEST(RecordFilter, RecordsThatMoveWhileTheyAreLookedForAreFound) {
  constexpr uint64_t kProfiles = 4000, kSteps = 40;
  for (const size_t filter_bytes : {size_t(0), size_t(4) << 20}) {
    TestFolder folder;
    StoreOptions options = test_options();
    options.filter_bytes = filter_bytes;
    auto opened = Store::open(folder / "data", options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    Store& store = **opened;
    Records first;
    std::vector<RecordKey> keys;
    for (uint64_t p = 0; p < kProfiles; ++p) {
      keys.push_back(key_of(p, kForever));
      first.add(keys[p], "f", RecordWrite::first);
    }
    ASSERT_TRUE(store.commit(first.write(1, 1)).ok());
    std::atomic<bool> moving{true};
    std::thread mover([&] {
      for (uint64_t step = 0; step < kSteps; ++step) {
        Records moved;
        for (uint64_t p = step; p < kProfiles; p += kSteps) moved.add(key_of(p, kRecurring), "fm", RecordWrite::moved);
        EXPECT_TRUE(store.commit(moved.write(2 + step, step % 2 ? 1 : 1'000'000)).ok());
      }
      moving = false;
    });
    uint64_t before = 0, recurring = 0, lost = 0;
    for (bool last = false; !last;) {
      last = !moving;
      std::vector<StoredRecord> values;
      EXPECT_TRUE(store.load(keys, values).ok());
      recurring = 0;
      for (const StoredRecord& value : values) {
        lost += value.bytes != (value.recurring ? "fm" : "f");
        recurring += value.recurring;
      }
      EXPECT_GE(recurring, before);
      before = recurring;
    }
    mover.join();
    EXPECT_EQ(lost, 0u);
    EXPECT_EQ(recurring, kProfiles);
  }
}

}  // namespace
}  // namespace quipu
