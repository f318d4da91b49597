// What flows between the threads: blocks to decode, batches to tally, and barriers between them.
// Plain values that are moved; no thread of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "event/event.h"
#include "source/source.h"

namespace quipu {

struct InputInfo {
  std::string name;
  std::string header;
};

// A block to decode, or (without input) the barrier of an epoch; epoch 0: send what was decoded.
struct DecodeTask {
  Block block;
  std::shared_ptr<const InputInfo> input;
  uint64_t epoch = 0;
};
// A batch to tally, or (without batch) the barrier of an epoch.
struct ShardTask {
  unsigned decoder = 0;
  std::unique_ptr<EventBatch> batch;
  uint64_t epoch = 0;
  uint64_t weight = 0;  // of the batch's events
};

}  // namespace quipu
