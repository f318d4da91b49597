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
  uint64_t epoch = 0;
  Tallies tallies;
  NameBatch names;
  std::string dead_letters;
};
struct ShardPart {
  uint64_t epoch = 0;
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
  // Waits until all parts of the epoch are there; false if interrupted. No other's may be.
  bool wait(uint64_t epoch, Whole& whole);
  void interrupt();

 private:
  template <typename Part>
  void add_to(std::vector<Part>& parts, Part part);
  size_t parts() const { return whole_.decoders.size() + whole_.shards.size(); }

  const size_t expected_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Whole whole_;
  uint64_t epoch_ = 0;  // of the parts that are there
  bool interrupted_ = false;
};

}  // namespace quipu
