// How far the journal is counted: its position in the last checkpoint; and who waits for more.
// Thread-safe. `done` is called once, by whoever learns it first (on the checkpointer's thread, or
// that of expire()), without a lock held: it must be short.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace quipu {

class CountedPosition {
 public:
  using Clock = std::chrono::steady_clock;
  using Done = std::function<void(bool counted)>;

  uint64_t offset() const { return offset_.load(std::memory_order_acquire); }
  // A checkpoint holds everything before the offset. Never goes back.
  void advance(uint64_t offset);
  // `done(true)` as soon as everything before `offset` is counted; `done(false)` by the first
  // expire() after `until`.
  void wait_for(uint64_t offset, Clock::time_point until, Done done);
  void expire(Clock::time_point now);

 private:
  struct Waiting {
    Clock::time_point until;
    Done done;
  };
  std::atomic<uint64_t> offset_{0};
  std::mutex mutex_;
  std::multimap<uint64_t, Waiting> waiting_;  // by offset; bounded by the connections
};

}  // namespace quipu
