#include "http/counted_position.h"

#include <vector>

namespace quipu {

void CountedPosition::advance(uint64_t offset) {
  std::vector<Done> reached;
  {
    std::lock_guard lock(mutex_);
    if (offset <= offset_) return;
    offset_.store(offset, std::memory_order_release);
    const auto end = waiting_.upper_bound(offset);
    for (auto it = waiting_.begin(); it != end; ++it) reached.push_back(std::move(it->second.done));
    waiting_.erase(waiting_.begin(), end);
  }
  for (const Done& done : reached) done(true);
}

void CountedPosition::wait_for(uint64_t offset, Clock::time_point until, Done done) {
  {
    std::lock_guard lock(mutex_);
    if (offset > offset_) {
      waiting_.emplace(offset, Waiting{until, std::move(done)});
      return;
    }
  }
  done(true);
}

void CountedPosition::expire(Clock::time_point now) {
  std::vector<Done> late;
  {
    std::lock_guard lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if (it->second.until > now) {
        ++it;
        continue;
      }
      late.push_back(std::move(it->second.done));
      it = waiting_.erase(it);
    }
  }
  for (const Done& done : late) done(false);
}

}  // namespace quipu
