#include "engine/batch_pool.h"

#include <utility>

namespace quipu {

std::unique_ptr<EventBatch> BatchPool::borrow(uint32_t columns) {
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      auto batch = std::move(free_.back());
      free_.pop_back();
      batch->clear();
      batch->columns = columns;
      return batch;
    }
  }
  auto batch = std::make_unique<EventBatch>();
  batch->columns = columns;
  return batch;
}

void BatchPool::give_back(std::unique_ptr<EventBatch> batch) {
  batch->clear();
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(batch));
}

}  // namespace quipu
