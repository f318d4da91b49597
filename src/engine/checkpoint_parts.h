// Where the parts of the checkpoint in the making come together: one from each decoder and shard.
// Only one epoch is between its barrier and its commit at a time. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "cells/pane.h"
#include "event/name_log.h"
#include "event/outcome.h"
#include "tally/tally.h"

namespace quipu {

struct DecoderPart {
  Tallies tallies;
  NameBatch names;
  std::string dead_letters;
};
struct ShardPart {
  Tallies tallies;
  Pane pane;  // elements of its rows lie in new_rows
  RowLog new_rows;
};

class CheckpointParts {
 public:
  explicit CheckpointParts(size_t expected) : expected_(expected) {}
  void add_part(DecoderPart part);
  void add_part(ShardPart part);

  struct Whole {
    std::vector<DecoderPart> decoders;
    std::vector<ShardPart> shards;
  };
  // Waits until all parts of the epoch are there; false if interrupted.
  bool wait(Whole& whole);
  void interrupt();

 private:
  const size_t expected_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Whole whole_;
  bool interrupted_ = false;
};

}  // namespace quipu
