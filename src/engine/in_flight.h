// Bytes that what was read and not tallied yet may come to in panes and logs of new rows: of blocks
// what their lines may weigh at most (row_weight.h), of decoded events what they do. The reader
// waits until its next block fits. Thread-safe; one thread waits.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace quipu {

class InFlight {
 public:
  void add(uint64_t weight) { weight_.fetch_add(int64_t(weight)); }
  void done(uint64_t weight) {
    weight_.fetch_sub(int64_t(weight));
    if (!waited_for_.load(std::memory_order_relaxed)) return;
    { std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }
  uint64_t bytes() const { return uint64_t(std::max<int64_t>(0, weight_.load())); }
  // Until something was done, or some time has passed. Only hints: the caller looks again.
  template <typename Duration>
  void wait(const Duration& at_most) {
    std::unique_lock lock(mutex_);
    waited_for_ = true;
    changed_.wait_for(lock, at_most);
    waited_for_ = false;
  }

 private:
  std::atomic<int64_t> weight_{0};
  std::atomic<bool> waited_for_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace quipu
