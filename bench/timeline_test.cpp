#include "bench/timeline.h"

#include <gtest/gtest.h>

namespace quipu::bench {
namespace {

using Sample = RunWatch::Sample;
using Commit = RunWatch::Commit;

// A sample every 0.25 s, from second 100 on (so that no sum of them is rounded), 50 lines each.
std::vector<Sample> steady(int n) {
  std::vector<Sample> samples;
  for (int i = 0; i <= n; ++i)
    samples.push_back({100 + 0.25 * i, uint64_t(50 * i), uint64_t(50 * i), 0});
  return samples;
}

TEST(Timeline, FreshnessIsFromTheLastSampleBeforeALineToItsCommit) {
  const std::vector<Commit> commits = {{100.5, 1, 60}, {101.5, 2, 200}};
  // Line 50 is not yet decoded at 100 and is at 100.25; line 100 not at 100.25, line 150 not at
  // 100.5, line 200 not at 100.75; line 250 is in no commit.
  EXPECT_EQ(freshness(steady(8), commits, 300, 50, 0), (std::vector<double>{0.5, 1.25, 1.0, 0.75}));
}

TEST(Timeline, FreshnessAllowsForLinesThatWaitForADecoder) {
  const std::vector<Commit> commits = {{102, 1, 200}};
  // Up to 100 lines were read and not decoded: line 150 may have been read when line 50 was
  // decoded, not before.
  EXPECT_EQ(freshness(steady(8), commits, 200, 50, 100),
            (std::vector<double>{2.0, 2.0, 2.0, 1.75}));
}

TEST(Timeline, RateAtTheEndIsOfTheLastSeconds) {
  std::vector<Sample> samples = steady(8);  // 200/s, until 102
  for (int i = 1; i <= 4; ++i)
    samples.push_back({102 + 0.25 * i, 0, uint64_t(400 + 25 * i), 0});  // 100/s
  EXPECT_DOUBLE_EQ(rate_at_end(samples, 1), 100);
  EXPECT_DOUBLE_EQ(rate_at_end(samples, 2), 150);
  // Since the first event, at 100.25.
  EXPECT_DOUBLE_EQ(rate_at_end(samples, 1000), 450 / 2.75);
  EXPECT_EQ(rate_at_end({}, 1), 0);
  EXPECT_EQ(rate_at_end({{100, 0, 0, 0}}, 1), 0);
}

TEST(Timeline, FirstTallied) {
  EXPECT_EQ(first_tallied_at_s(steady(3)), 100.25);
  EXPECT_EQ(first_tallied_at_s({{100, 9, 0, 0}}), std::nullopt);
}

TEST(Timeline, RateIsReachedOnceAWindowHoldsIt) {
  std::vector<Sample> samples;
  for (int i = 0; i <= 4; ++i)
    samples.push_back({100 + 0.25 * i, 0, 0, 0});  // nothing for a second
  for (int i = 1; i <= 8; ++i) samples.push_back({101 + 0.25 * i, 0, uint64_t(50 * i), 0});
  EXPECT_EQ(rate_reached_at_s(samples, 200, 1), 102);
  EXPECT_EQ(rate_reached_at_s(samples, 100, 1), 101.5);
  EXPECT_EQ(rate_reached_at_s(samples, 100, 0.5), 101.25);
  EXPECT_EQ(rate_reached_at_s(samples, 201, 1), std::nullopt);
  EXPECT_EQ(rate_reached_at_s({}, 1, 1), std::nullopt);
}

}  // namespace
}  // namespace quipu::bench
