// How fast compactions may write. Left to themselves they rewrite all records at once every so often, as fast as they
// can, and counting slows down meanwhile. Held to a few times what is committed, the same work is spread over time.
// The more sorted runs wait, the faster: nothing is held back when commits are about to wait.
// committed() and the others belong to the checkpoint writer's thread, or one after the other; the limiter is any
// thread's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

namespace rocksdb {
class RateLimiter;
}

namespace quipu {

// Bytes a second; kNoLimit from where runs crowd.
inline constexpr int64_t kNoLimit = int64_t(1) << 40;
int64_t compaction_rate(double committed_bytes_s, uint64_t waiting_runs);

class CompactionPace {
 public:
  CompactionPace();
  const std::shared_ptr<rocksdb::RateLimiter>& limiter() const { return limiter_; }
  // After a commit of so many bytes.
  void committed(uint64_t bytes, uint64_t waiting_runs);
  void no_limit();

 private:
  using Clock = std::chrono::steady_clock;
  void set(int64_t rate);

  std::shared_ptr<rocksdb::RateLimiter> limiter_;
  int64_t rate_ = kNoLimit;
  double bytes_s_ = 0;   // committed, of the last half minute or so
  Clock::time_point last_ = Clock::now();
};

}  // namespace quipu
