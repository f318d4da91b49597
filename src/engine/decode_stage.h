// A decoder: one thread that reads the lines of its blocks into events, in a batch for each shard,
// and keeps names, dead letters and tallies until a barrier. A full batch goes to its shard, so the
// slowest shard holds the decoder back. Threads: see stage_context.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/queue.h"
#include "engine/shard_stage.h"
#include "engine/stage_context.h"
#include "engine/tasks.h"
#include "event/decode.h"
#include "event/name_log.h"

namespace quipu {

class DecodeStage {
 public:
  DecodeStage(unsigned number, const Hasher& hasher, EventRegistry& registry,
              std::shared_ptr<const ZoneRules> no_offset, std::vector<ShardStage*> shards,
              StageContext context, bool relative_now, size_t names_known);
  ~DecodeStage();
  BoundedQueue<DecodeTask>& queue() { return queue_; }
  void set_strict(bool strict) { strict_ = strict; }
  void stop();

 private:
  void run();
  bool decode(const DecodeTask& task);
  void hand_over(uint64_t epoch);
  bool flush(bool all);
  bool send(size_t shard);
  bool weigh_last(uint64_t& decoded);
  bool is_full(const EventBatch& batch) const {
    return batch.events.size() >= context_.batch_events || batch.bytes() >= context_.batch_bytes;
  }

  const unsigned number_;
  StageContext context_;
  BoundedQueue<DecodeTask> queue_{kDecodeQueueBlocks};
  NameLog names_;
  Decoder decoder_;
  std::vector<ShardStage*> shards_;
  std::vector<EventBatch> batches_;  // by shard
  std::vector<uint64_t> weights_;    // of their events
  std::shared_ptr<const InputInfo> input_;
  Tallies since_barrier_;
  std::string dead_letters_;
  uint64_t pending_seen_ = 0;
  const bool relative_now_;
  std::atomic<bool> strict_{false};
  std::thread thread_;
};

}  // namespace quipu
