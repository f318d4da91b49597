// How fast compactions may write. Left to themselves they rewrite all records at once every so often, as fast as they
// can, and counting slows down meanwhile. Held to a few times what is committed, the same work is spread over time.
// The more sorted runs wait, the faster: nothing is held back when commits are about to wait. A merge of much more than
// was committed lately has a limit of its own, so that it neither takes all CPU time for a while nor holds up the small
// ones, which keep the runs few meanwhile.
// committed() and the others belong to the checkpoint writer's thread, or one after the other; the limiter is any
// thread's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>

namespace rocksdb {
class EventListener;
class RateLimiter;
}

namespace quipu {

// Bytes a second; kNoLimit from where runs crowd.
inline constexpr int64_t kNoLimit = int64_t(1) << 40;
int64_t compaction_rate(double committed_bytes_s, uint64_t waiting_runs);

// Which compaction jobs merge so much that they have the limit of large ones. Any thread.
class LargeMerges {
 public:
  // Of a job that begins: all bytes that it reads.
  void begins(int job, uint64_t bytes);
  void ended(int job);
  bool is_large(int job) const;
  void set_least_bytes(uint64_t bytes) { least_bytes_ = bytes; }

 private:
  std::atomic<uint64_t> least_bytes_ = ~uint64_t(0);
  mutable std::mutex mutex_;
  std::set<int> jobs_;
};

class CompactionPace {
 public:
  CompactionPace();
  std::shared_ptr<rocksdb::RateLimiter> limiter() const;
  // To be told of the database's compactions.
  std::shared_ptr<rocksdb::EventListener> listener() const;
  uint64_t large_bytes() const;  // that large merges wrote
  // After a commit of so many bytes.
  void committed(uint64_t bytes, uint64_t waiting_runs);
  void no_limit();

 private:
  using Clock = std::chrono::steady_clock;
  class Limits;  // of small merges and of large ones
  void set(int64_t rate);

  const std::shared_ptr<Limits> limits_;
  const std::shared_ptr<LargeMerges> large_ = std::make_shared<LargeMerges>();
  int64_t rate_ = kNoLimit;
  double bytes_s_ = 0;   // committed, of the last half minute or so
  Clock::time_point last_ = Clock::now();
};

}  // namespace quipu
