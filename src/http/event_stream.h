// Server-sent events on their way to one client (HTML standard, "Server-sent events"). Whoever has
// news offers it, on any thread; the door takes it when the client has room. At most one event
// waits: a newer one takes its place, for only the newest answer is of use.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

namespace quipu {

class EventStream {
 public:
  // `text` is whole events, each with its blank line.
  void offer(std::string text) {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    waiting_ = std::move(text);
    if (wake_) wake_();
  }
  // Nobody reads it any more; nothing is taken from then on.
  bool is_closed() const { return closed_; }

  // The door's. `wake` may be called until close() has returned, on an offering thread.
  void attach(std::function<void()> wake) {
    std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  std::string take() {
    std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    wake_ = nullptr;
    waiting_.clear();
  }

 private:
  std::mutex mutex_;
  std::string waiting_;
  std::function<void()> wake_;
  std::atomic<bool> closed_ = false;
};

}  // namespace quipu
