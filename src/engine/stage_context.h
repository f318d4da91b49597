// The threads between source and checkpoint, and what flows between them.
//
//   reader --blocks--> decoders --batches--> shards --panes, records--> checkpointer
//
// A barrier is pushed to every decoder between two blocks; a decoder passes it to every shard after
// the batches before it; a shard that has it from every decoder hands over its pane and its new
// rows and goes on. (Aligned barriers after Chandy and Lamport 1985, as stream processors use
// them.)
//
// Here: what the stages need of their surroundings, all of which outlives them.
#pragma once

#include <cstddef>
#include <functional>

#include "base/result.h"
#include "engine/batch_pool.h"
#include "engine/checkpoint_parts.h"
#include "engine/live_counters.h"
#include "engine/log_pool.h"
#include "engine/options.h"
#include "plan/compiled.h"

namespace quipu {

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

}  // namespace quipu
