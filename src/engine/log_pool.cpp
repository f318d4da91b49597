#include "engine/log_pool.h"

#include <utility>

namespace quipu {

RowLog LogPool::borrow() {
  std::lock_guard lock(mutex_);
  if (free_.empty()) return RowLog();
  RowLog log = std::move(free_.back());
  free_.pop_back();
  return log;
}

void LogPool::give_back(RowLog log) {
  log.clear();
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(log));
}

}  // namespace quipu
