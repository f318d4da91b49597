// A shard: one thread that owns a share of the profiles. It tallies its batches, appends them to
// its pane, and at a barrier hands over pane and new rows in constant time and goes on. A batch is
// held until the next is there, so that its records are asked for meanwhile. What comes from
// decoders that are ahead of a barrier waits. Threads: see stage_context.h.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "cells/pane.h"
#include "engine/queue.h"
#include "engine/stage_context.h"
#include "engine/tasks.h"
#include "tally/tally.h"

namespace quipu {

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
  uint64_t epoch_ = 0;                    // of the barrier that is coming in, or came last
  std::deque<ShardTask> behind_barrier_;  // from decoders that are ahead
  bool failed_ = false;                   // nothing may be tallied after an error
  std::thread thread_;
};

}  // namespace quipu
