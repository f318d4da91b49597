#include "store/compaction_pace.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>

#include <chrono>
#include <memory>
#include <string>

#include "store/families.h"
#include "store/store_model.h"

namespace quipu {
namespace {

constexpr double kMiB = 1 << 20;

TEST(CompactionPace, IsAFewTimesWhatIsCommitted) {
  EXPECT_GT(compaction_rate(50 * kMiB, 0), 2 * 50 * kMiB);
  EXPECT_LT(compaction_rate(50 * kMiB, 0), 8 * 50 * kMiB);
  EXPECT_GT(compaction_rate(0, 0), 10 * kMiB) << "it never stops";
}

TEST(CompactionPace, RisesAsRunsWaitAndHasNoLimitBeforeCommitsWait) {
  for (uint64_t runs = 0; runs < kMaxWaitingRuns; ++runs) {
    EXPECT_LE(compaction_rate(50 * kMiB, runs), compaction_rate(50 * kMiB, runs + 1));
  }
  EXPECT_LT(compaction_rate(50 * kMiB, 4), compaction_rate(50 * kMiB, 8));
  EXPECT_EQ(compaction_rate(50 * kMiB, kMaxWaitingRuns - 1), kNoLimit);
  EXPECT_LE(compaction_rate(1e30, 0), kNoLimit);
}

TEST(CompactionPace, FollowsCommitsAndIsLiftedOnRequest) {
  CompactionPace pace;
  EXPECT_EQ(pace.limiter()->GetBytesPerSecond(), kNoLimit);
  pace.committed(1000, 5);
  EXPECT_LT(pace.limiter()->GetBytesPerSecond(), kNoLimit);
  pace.committed(1000, kMaxWaitingRuns);
  EXPECT_EQ(pace.limiter()->GetBytesPerSecond(), kNoLimit);
  pace.committed(1000, 5);
  pace.no_limit();
  EXPECT_EQ(pace.limiter()->GetBytesPerSecond(), kNoLimit);
}

TEST(CompactionPace, AMomentWithoutALimitIsNotSavedUp) {
  CompactionPace pace;
  const auto seconds_of = [&](int64_t bytes) {
    const auto start = std::chrono::steady_clock::now();
    pace.limiter()->Request(bytes, rocksdb::Env::IO_LOW, nullptr);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  EXPECT_LT(seconds_of(int64_t(1) << 40), 0.1);
  pace.committed(1, 0);
  const int64_t rate = pace.limiter()->GetBytesPerSecond();
  seconds_of(rate / 2);  // may find what a period of the highest rate gives
  EXPECT_GT(seconds_of(rate / 2), 0.3);
  pace.no_limit();
  EXPECT_LT(seconds_of(int64_t(1) << 40), 0.1);
}

TEST(CompactionPace, KnowsLargeMergesWhileTheyLast) {
  LargeMerges merges;
  merges.begins(1, uint64_t(1) << 50);
  EXPECT_FALSE(merges.is_large(1)) << "nothing is large before anything was committed";
  merges.set_least_bytes(1000);
  merges.begins(2, 999);
  merges.begins(3, 1000);
  merges.begins(4, 5000);
  EXPECT_FALSE(merges.is_large(2));
  EXPECT_TRUE(merges.is_large(3) && merges.is_large(4));
  merges.ended(3);
  merges.ended(2);
  EXPECT_FALSE(merges.is_large(3));
  EXPECT_TRUE(merges.is_large(4));
}

// A database of two files that are merged once.
uint64_t bytes_of_large_merges(uint64_t committed_bytes) {
  TestFolder folder;
  CompactionPace pace;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.disable_auto_compactions = true;
  options.compression = rocksdb::kNoCompression;
  options.rate_limiter = pace.limiter();
  options.listeners.push_back(pace.listener());
  rocksdb::DB* opened = nullptr;
  EXPECT_TRUE(rocksdb::DB::Open(options, folder / "db", &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (int file = 0; file < 2; ++file) {
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(db->Put({}, std::to_string(i), std::string(100, 'v')).ok());
    EXPECT_TRUE(db->Flush({}).ok());
  }
  EXPECT_EQ(pace.large_bytes(), 0u);
  pace.committed(committed_bytes, 0);
  EXPECT_TRUE(db->CompactRange({}, nullptr, nullptr).ok());
  const uint64_t bytes = pace.large_bytes();
  // A flush is none.
  EXPECT_TRUE(db->Put({}, "k", "v").ok() && db->Flush({}).ok());
  EXPECT_EQ(pace.large_bytes(), bytes);
  return bytes;
}

TEST(CompactionPace, WhatALargeMergeWritesIsHeldToItsOwnLimit) {
  EXPECT_GT(bytes_of_large_merges(1), 100'000u);
  EXPECT_EQ(bytes_of_large_merges(uint64_t(1) << 40), 0u) << "so much is committed that none is large";
}

}  // namespace
}  // namespace quipu
