// A request to stop that threads can wait for: once set it stays set, and its descriptor can be
// read from then on, so that poll() wakes. set() may be called from any thread and from a signal
// handler. It outlives whoever waits for it.
#pragma once

#include <atomic>

namespace quipu {

class StopFlag {
 public:
  StopFlag();
  ~StopFlag();
  StopFlag(const StopFlag&) = delete;
  StopFlag& operator=(const StopFlag&) = delete;

  void set() noexcept;
  bool is_set() const { return set_.load(std::memory_order_relaxed); }
  int descriptor() const { return fd_; }  // for poll() alone: readable once set

 private:
  const int fd_;
  std::atomic<bool> set_{false};
};

}  // namespace quipu
