// Memory of logs that were committed, for the next ones. Thread-safe. One log a shard is being
// filled and one committed, so there are twice as many as shards at most.
#pragma once

#include <mutex>
#include <vector>

#include "tally/row_log.h"

namespace quipu {

class LogPool {
 public:
  RowLog borrow();  // empty
  void give_back(RowLog log);

 private:
  std::mutex mutex_;
  std::vector<RowLog> free_;
};

}  // namespace quipu
