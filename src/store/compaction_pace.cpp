#include "store/compaction_pace.h"

#include <rocksdb/listener.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table_properties.h>

#include <algorithm>
#include <cmath>

#include "store/families.h"

namespace quipu {
namespace {

// Compaction writes what is committed 1.6 times again in the mean (docs/performance.md); held to little more than
// that it falls behind, and then catches up as fast as it can.
constexpr double kTimesCommitted = 2.5;
constexpr int64_t kSlowest = int64_t(48) << 20;
// It is held back less and less when more runs wait than the first, and not at all from the second on.
constexpr uint64_t kUsualRuns = 4, kCrowdedRuns = 14;
static_assert(kCrowdedRuns < kMaxWaitingRuns);
constexpr double kMemory_s = 30;
// A merge of more than is committed in so long a time is a large one.
constexpr double kLarge_s = 30;
// Large merges may write half of what small ones may, beside these: one of all records comes due once they have
// doubled, which takes far longer.
constexpr double kLargeShare = 0.5;
constexpr int64_t kRefillPeriod_us = 50'000;

thread_local bool t_large = false;  // the compaction job of this thread

// RocksDB's limiter keeps what it granted for a period and nobody took: after a moment without a limit that would last
// for many minutes. So it is not asked then, and only given a rate at which whoever waits in it is woken.
class Limit {
 public:
  void request(int64_t bytes, rocksdb::Env::IOPriority priority, rocksdb::Statistics* statistics) {
    through_ += bytes;
    while (bytes > 0 && rate_ < kNoLimit) {
      const int64_t part = std::min(bytes, limiter_->GetSingleBurstBytes());
      limiter_->Request(part, priority, statistics);
      bytes -= part;
    }
  }
  void set(int64_t rate) {
    rate_ = rate;
    limiter_->SetBytesPerSecond(std::min(rate, kHighest));
  }
  int64_t rate() const { return rate_; }
  int64_t through() const { return through_; }

 private:
  static constexpr int64_t kHighest = int64_t(4) << 30;
  const std::unique_ptr<rocksdb::RateLimiter> limiter_{rocksdb::NewGenericRateLimiter(kHighest, kRefillPeriod_us)};
  std::atomic<int64_t> rate_ = kNoLimit, through_ = 0;
};

}  // namespace

class CompactionPace::Limits final : public rocksdb::RateLimiter {
 public:
  using RateLimiter::Request;
  void Request(const int64_t bytes, const rocksdb::Env::IOPriority priority, rocksdb::Statistics* statistics) override {
    (t_large ? large : small).request(bytes, priority, statistics);
  }
  void SetBytesPerSecond(int64_t rate) override {
    small.set(rate);
    large.set(rate);
  }
  int64_t GetSingleBurstBytes() const override { return kNoLimit; }
  int64_t GetTotalBytesThrough(rocksdb::Env::IOPriority) const override { return small.through() + large.through(); }
  int64_t GetTotalRequests(rocksdb::Env::IOPriority) const override { return 0; }  // not counted
  int64_t GetBytesPerSecond() const override { return small.rate(); }

  Limit small, large;  // merges
};

namespace {

// RocksDB tells of a job on the thread that runs it, and of each of its parts on the part's thread.
class MergeListener final : public rocksdb::EventListener {
 public:
  explicit MergeListener(std::shared_ptr<LargeMerges> large) : large_(std::move(large)) {}
  void OnCompactionBegin(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) override {
    uint64_t bytes = 0;
    for (const std::string& file : job.input_files) {
      const auto found = job.table_properties.find(file);
      if (found != job.table_properties.end()) bytes += found->second->data_size;
    }
    large_->begins(job.job_id, bytes);
  }
  void OnSubcompactionBegin(const rocksdb::SubcompactionJobInfo& part) override { t_large = large_->is_large(part.job_id); }
  void OnSubcompactionCompleted(const rocksdb::SubcompactionJobInfo&) override { t_large = false; }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) override { large_->ended(job.job_id); }

 private:
  const std::shared_ptr<LargeMerges> large_;
};

}  // namespace

void LargeMerges::begins(int job, uint64_t bytes) {
  if (bytes < least_bytes_) return;
  std::lock_guard lock(mutex_);
  jobs_.insert(job);
}

void LargeMerges::ended(int job) {
  std::lock_guard lock(mutex_);
  jobs_.erase(job);
}

bool LargeMerges::is_large(int job) const {
  std::lock_guard lock(mutex_);
  return jobs_.contains(job);
}

int64_t compaction_rate(double committed_bytes_s, uint64_t waiting_runs) {
  if (waiting_runs >= kCrowdedRuns) return kNoLimit;
  const double more = waiting_runs <= kUsualRuns ? 1 : std::exp2(double(waiting_runs - kUsualRuns) / 3);
  return std::clamp(int64_t(std::min(kTimesCommitted * committed_bytes_s * more, double(kNoLimit))), kSlowest, kNoLimit);
}

CompactionPace::CompactionPace() : limits_(std::make_shared<Limits>()) {}

std::shared_ptr<rocksdb::RateLimiter> CompactionPace::limiter() const { return limits_; }

std::shared_ptr<rocksdb::EventListener> CompactionPace::listener() const { return std::make_shared<MergeListener>(large_); }

uint64_t CompactionPace::large_bytes() const { return uint64_t(limits_->large.through()); }

void CompactionPace::committed(uint64_t bytes, uint64_t waiting_runs) {
  const Clock::time_point now = Clock::now();
  const double seconds = std::max(1e-3, std::chrono::duration<double>(now - last_).count());
  last_ = now;
  const double share = 1 - std::exp(-seconds / kMemory_s);
  bytes_s_ += (double(bytes) / seconds - bytes_s_) * share;
  large_->set_least_bytes(uint64_t(kLarge_s * bytes_s_));
  set(compaction_rate(bytes_s_, waiting_runs));
}

void CompactionPace::no_limit() { set(kNoLimit); }

void CompactionPace::set(int64_t rate) {
  // Each change costs the limiter's lock; a twentieth more or less is none.
  if (std::abs(double(rate - rate_)) < double(rate_) / 20) return;
  rate_ = rate;
  limits_->small.set(rate);
  limits_->large.set(rate == kNoLimit ? kNoLimit : int64_t(double(rate) * kLargeShare));
}

}  // namespace quipu
