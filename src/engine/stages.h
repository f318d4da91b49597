// The threads between source and checkpoint, and what flows between them.
//
//   reader --blocks--> decoders --batches--> shards --panes, records--> checkpointer
//
// A barrier is pushed to every decoder between two blocks; a decoder passes it to every shard after
// the batches before it; a shard that has it from every decoder hands over its pane and its new
// rows and goes on. (Aligned barriers after Chandy and Lamport 1985, as stream processors use
// them.)
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cells/pane.h"
#include "engine/checkpoint_parts.h"
#include "engine/options.h"
#include "engine/queue.h"
#include "event/decode.h"
#include "source/source.h"
#include "tally/tally.h"

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

// Bytes that what was read and not tallied yet may come to in panes and logs of new rows: of blocks
// what their lines may weigh at most (row_weight.h), of decoded events what they do. The reader
// waits until its next block fits. Thread-safe; one thread waits.
class InFlight {
 public:
  void add(uint64_t weight) { weight_.fetch_add(int64_t(weight)); }
  void done(uint64_t weight) {
    weight_.fetch_sub(int64_t(weight));
    if (!waited_for_.load(std::memory_order_relaxed)) return;
    { std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }
  uint64_t bytes() const { return uint64_t(std::max<int64_t>(0, weight_.load())); }
  // Until something was done, or some time has passed. Only hints: the caller looks again.
  template <typename Duration>
  void wait(const Duration& at_most) {
    std::unique_lock lock(mutex_);
    waited_for_ = true;
    changed_.wait_for(lock, at_most);
    waited_for_ = false;
  }

 private:
  std::atomic<int64_t> weight_{0};
  std::atomic<bool> waited_for_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
};

// Batches in circulation, so that steady work allocates nothing. Thread-safe.
class BatchPool {
 public:
  std::unique_ptr<EventBatch> borrow(uint32_t columns);
  void give_back(std::unique_ptr<EventBatch> batch);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<EventBatch>> free_;
};

// Memory of logs that were committed, for the next ones. Thread-safe.
class LogPool {
 public:
  RowLog borrow();  // empty
  void give_back(RowLog log);

 private:
  std::mutex mutex_;
  std::vector<RowLog> free_;
};

// CPU time by what it was spent on, in ns. What the store's own threads take (flushes, compaction)
// is the rest of the process's.
struct CpuSpent {
  std::atomic<uint64_t> read{0}, decode{0}, tally{0}, pane{0};
  std::atomic<uint64_t> cells{0}, records{0}, names{0},
      commit{0};  // of the checkpoint; commit: all else in it
};

// Counters that any thread may read while the run goes on.
struct LiveCounters {
  std::atomic<uint64_t> read{0}, set_aside{0}, duplicate{0}, counted{0}, unplanned{0};
  std::atomic<uint64_t> pending_bytes{
      0};  // panes, new rows, names and dead letters since the last barrier
  std::atomic<uint64_t> hot_bytes{0};  // of all shards' hot tiers
  std::atomic<uint64_t> durable_epoch{0};
  std::atomic<uint64_t> longest_stall_us{0};  // of a shard at a barrier
  InFlight in_flight;
  CpuSpent cpu;
};

// What stages need of their surroundings.
struct StageContext {
  const CompiledPlan* plan = nullptr;
  LiveCounters* live = nullptr;
  CheckpointParts* parts = nullptr;
  BatchPool* pool = nullptr;
  LogPool* logs = nullptr;
  std::function<void(Error)> fail;  // ends the run; the first error counts
  bool strict = false;
  size_t batch_events = kBatchEvents, batch_bytes = kBatchBytes;
};

class ShardStage {
 public:
  ShardStage(unsigned number, unsigned decoders, const TallyOptions& options, DurableTier& tier,
             StageContext context);
  ~ShardStage();
  BoundedQueue<ShardTask>& queue() { return queue_; }
  void stop();               // drops what waits and joins
  TallyStats stats() const;  // only while the stage is quiet (after a checkpoint, before input)

 private:
  void run();
  void receive(ShardTask task);
  void tally_held(const EventBatch* next);
  void hand_over(uint64_t epoch);

  struct Held {
    std::unique_ptr<EventBatch> batch;
    uint64_t weight = 0;
  };
  const unsigned number_, decoders_;
  StageContext context_;
  BoundedQueue<ShardTask> queue_{kShardQueueBatches};
  Tally tally_;
  Pane pane_;
  TallyResult result_;
  Held held_;  // tallied when the next is there, or nothing comes
  Tallies since_barrier_;
  uint64_t pending_seen_ = 0, hot_seen_ = 0;
  std::vector<bool> barrier_from_;
  unsigned barriers_ = 0;
  std::deque<ShardTask> behind_barrier_;  // from decoders that are ahead
  bool failed_ = false;                   // nothing may be tallied after an error
  std::thread thread_;
};

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
