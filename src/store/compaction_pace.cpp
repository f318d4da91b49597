#include "store/compaction_pace.h"

#include <rocksdb/rate_limiter.h>

#include <algorithm>
#include <cmath>

#include "store/families.h"

namespace quipu {
namespace {

// Compaction writes what is committed about twice again in the mean (docs/performance.md); held to little more than
// that it falls behind, and then catches up as fast as it can.
constexpr double kTimesCommitted = 2.5;
constexpr int64_t kSlowest = int64_t(48) << 20;
// It is held back less and less when more runs wait than the first, and not at all from the second on.
constexpr uint64_t kUsualRuns = 4, kCrowdedRuns = 14;
static_assert(kCrowdedRuns < kMaxWaitingRuns);
constexpr double kMemory_s = 30;

}  // namespace

int64_t compaction_rate(double committed_bytes_s, uint64_t waiting_runs) {
  if (waiting_runs >= kCrowdedRuns) return kNoLimit;
  const double more = waiting_runs <= kUsualRuns ? 1 : std::exp2(double(waiting_runs - kUsualRuns) / 3);
  return std::clamp(int64_t(std::min(kTimesCommitted * committed_bytes_s * more, double(kNoLimit))), kSlowest, kNoLimit);
}

CompactionPace::CompactionPace() : limiter_(rocksdb::NewGenericRateLimiter(kNoLimit, /*refill_period_us=*/50'000)) {}

void CompactionPace::committed(uint64_t bytes, uint64_t waiting_runs) {
  const Clock::time_point now = Clock::now();
  const double seconds = std::max(1e-3, std::chrono::duration<double>(now - last_).count());
  last_ = now;
  const double share = 1 - std::exp(-seconds / kMemory_s);
  bytes_s_ += (double(bytes) / seconds - bytes_s_) * share;
  set(compaction_rate(bytes_s_, waiting_runs));
}

void CompactionPace::no_limit() { set(kNoLimit); }

void CompactionPace::set(int64_t rate) {
  // Each change costs the limiter's lock; a twentieth more or less is none.
  if (std::abs(double(rate - rate_)) < double(rate_) / 20) return;
  rate_ = rate;
  limiter_->SetBytesPerSecond(rate);
}

}  // namespace quipu
