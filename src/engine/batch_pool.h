// Batches in circulation, so that steady work allocates nothing. Thread-safe. There are as many as
// ever were on their way at once (kShardQueueBatches bounds them).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "event/event.h"

namespace quipu {

class BatchPool {
 public:
  std::unique_ptr<EventBatch> borrow(uint32_t columns);
  void give_back(std::unique_ptr<EventBatch> batch);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<EventBatch>> free_;
};

}  // namespace quipu
