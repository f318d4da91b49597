#include "store/compaction_pace.h"

#include <gtest/gtest.h>
#include <rocksdb/rate_limiter.h>

#include "store/families.h"

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

}  // namespace
}  // namespace quipu
