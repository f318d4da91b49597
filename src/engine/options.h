// What a run can be told. Defaults are those of `quipu run`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cells/group_by.h"
#include "store/store.h"
#include "tally/tally.h"

namespace quipu {

inline constexpr size_t kDecodeQueueBlocks = 4;  // blocks waiting before each decoder
inline constexpr size_t kShardQueueBatches = 4;  // batches waiting before each shard
// Month tables that a decoder gave up while it filled a batch; with so many the batch is sent.
inline constexpr size_t kBatchTableBytes = size_t(1) << 20;
inline constexpr size_t kBatchEvents = 4096;  // events a batch holds at most
// Bytes of a batch after which it goes to its shard; an event of many rows comes on top (640 KB).
inline constexpr size_t kBatchBytes = size_t(1) << 20;
inline constexpr double kIdleCheckpointS =
    0.5;  // after so long without input what is there is committed
inline constexpr double kCheckpointShare = 5;  // of the time between: see fresh_age_s

struct EngineOptions {
  std::string data_folder;       // the data folder
  unsigned shards = 0;           // 0: one a core
  unsigned decoders = 0;         // 0: one for two cores
  unsigned commit_threads = 0;   // that group a checkpoint's panes; 0: one a core
  size_t memory_bytes = 0;       // of the process; 0: half the machine's
  double checkpoint_age_s = 60;  // under load
  // Sooner than that, at this age, if checkpoints are short: so that they take no more than a fifth
  // of the time (kCheckpointShare). 0: never.
  double fresh_age_s = 0;
  std::string zoneinfo_dir;  // "": the system's
  // Told of each checkpoint when it is durable, on the checkpointer's thread: it must be short.
  std::function<void(const CommittedState&)> on_commit;
  // For tests: sizes that make rare paths common. 0: by memory_bytes, or the usual.
  size_t hot_bytes = 0;            // of all shards' hot tiers together
  size_t pane_bytes = 0;           // of all shards' panes together, at which a checkpoint starts
  uint64_t checkpoint_blocks = 0;  // a checkpoint every so many blocks
  size_t block_bytes = 0;
  size_t batch_events = 0;  // of a batch, at most
  size_t batch_bytes = 0;   // after which a batch goes to its shard
  // Of the parts; what of these is a share of memory is set by memory_bytes (memory_shares.h).
  StoreOptions store = {.create = true};
  TallyOptions tally;
  GroupByOptions group_by;
  bool relative_now = true;  // the `future` note compares with the wall clock
};

// A block weighs no more than this part of the panes, or is one line (row_weight.h).
inline constexpr size_t kBlocksOfPane = 8;
// Panes may be as small as a test likes: what is on its way to them may have so many bytes.
inline constexpr size_t kLeastRoomBytes = size_t(8) << 20;
// Rows of cells that wait for the store have this part of the panes' bytes.
inline constexpr size_t kRowsOfPane = 4;

}  // namespace quipu
