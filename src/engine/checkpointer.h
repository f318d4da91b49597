// The checkpoint writer's thread: decides when a checkpoint begins (age, bytes, request), sends the
// barrier, waits for the parts, groups them into rows (on several threads) and commits them with
// the sources' positions. One checkpoint at a time: the next barrier waits for the commit before
// it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/catalogue_registry.h"
#include "engine/checkpoint_parts.h"
#include "engine/dead_letters.h"
#include "engine/decode_stage.h"
#include "engine/options.h"
#include "engine/queue.h"
#include "engine/write_estimate.h"
#include "source/known_inputs.h"
#include "store/catalogue.h"
#include "store/store.h"

namespace quipu {

// Of rows of inputs that are not committed: at so many a checkpoint begins, before more is taken
// in.
inline constexpr size_t kMostInputRowBytes = size_t(4) << 20;

// Sums over the engine's life, for summaries and bench.
struct CheckpointTotals {
  uint64_t checkpoints = 0, ingested = 0;
  uint64_t cell_rows = 0, sparse_rows = 0, joint_rows = 0, cells = 0, cell_bytes = 0,
           record_bytes = 0, names = 0, name_rows = 0, name_bytes = 0;
  uint64_t space_bytes = 0;                                     // estimated before
  double group_s = 0, commit_s = 0, longest_s = 0, last_s = 0;  // commit_s: of all in all
};

class Checkpointer {
 public:
  struct Wiring {
    Store* store;
    Catalogue* catalogue;
    CatalogueRegistry* registry;
    LiveCounters* live;
    CheckpointParts* parts;
    LogPool* logs;
    std::vector<DecodeStage*> decoders;
    std::function<void(Error)> fail;
  };
  Checkpointer(Wiring wiring, DeadLetterFile dead_letters, const EngineOptions& options,
               size_t pane_bytes, size_t hot_bytes);
  ~Checkpointer();

  // The reader's side. Gives a block to a decoder and takes the rows that tell the source's
  // position behind it, as one step with regard to barriers; waits while panes are full. False once
  // the run has failed.
  bool push(DecodeStage& decoder, DecodeTask task, InputRows behind);
  // Something beside events is to be committed.
  void note_change();
  // Rows of inputs with nothing new to count before them (an input that ended).
  void note_inputs(InputRows rows);
  // A row of inputs as it was given last, committed or not; "" where absent.
  Result<std::string> input_row(const std::string& key) const;

  Status request_and_wait();
  // The same, unless what is durable was all there was so long ago.
  Status request_if_older(std::chrono::milliseconds age);
  void run_failed();  // something else failed: nothing is committed any more, nobody waits
  void stop();        // ends the thread without a further checkpoint
  CheckpointTotals totals() const;

 private:
  void run();
  bool due() const;         // with mutex_ held: a checkpoint begins when the one before is done
  bool must_begin() const;  // with mutex_ held: nothing more is taken in until one begins
  bool wait_for_room(std::unique_lock<std::mutex>& lock, uint64_t weight);
  size_t pane_limit() const;             // with mutex_ held
  bool has_room(uint64_t weight) const;  // with mutex_ held: for a block of this weight
  void take_rows(InputRows rows);        // with mutex_ held
  Status commit(uint64_t number, CheckpointParts::Whole whole, InputRows rows);
  void add_to_totals(const CommitStats& stats, const GroupByResult& grouped, uint64_t space_bytes,
                     double group_s, double total_s);

  Wiring wiring_;
  DeadLetterFile dead_letters_;
  const EngineOptions options_;
  GroupByOptions group_by_;  // all workers' tables together take no more than the panes may
  const size_t pane_bytes_, hot_bytes_;
  const unsigned commit_threads_;
  GroupByState group_state_;
  WriteEstimate estimate_;

  mutable std::mutex mutex_;  // guards what follows; held while a barrier or a block is pushed
  std::condition_variable changed_;
  InputRows rows_;             // new since the last barrier
  InputRows committing_rows_;  // those that the commit under way holds
  size_t rows_bytes_ = 0;      // of rows_
  std::chrono::steady_clock::time_point first_new_, last_new_;
  std::optional<std::chrono::steady_clock::time_point> durable_as_of_;  // all that was pushed then
  bool dirty_ = false;
  bool committing_ = false;  // from a barrier on until its commit is durable
  uint64_t blocks_since_ = 0;
  uint64_t wanted_ = 0;  // weight of the block that the reader waits with
  uint64_t requests_ = 0, requests_done_ = 0;
  bool stopping_ = false;
  bool failed_ = false;
  CheckpointTotals totals_;
  std::thread thread_;
};

}  // namespace quipu
