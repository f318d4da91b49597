// Sources, decoders, shards, checkpoints and the store, wired: the standalone host. The only place
// that starts threads, reads clocks and knows all rooms below. See docs/design.md, "the way of an
// event".
//
// open() recovers (store, dead-letter file, positions), run() reads inputs to their end,
// checkpoint() makes what has come durable. run() is called by one thread; checkpoint(), live() and
// the store's snapshots by any. Any failure inside ends the run with an Error: nothing is committed
// after it, the last checkpoint is the truth, and the same command continues from it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/stop_flag.h"
#include "engine/catalogue_registry.h"
#include "engine/checkpointer.h"
#include "engine/options.h"
#include "engine/row_weight.h"
#include "engine/stages.h"
#include "store/catalogue.h"
#include "store/store.h"

namespace quipu {

struct Progress {
  std::string input;                         // being read
  uint64_t bytes_read = 0, bytes_total = 0;  // of all inputs as far as known, compressed
  uint64_t lines = 0, duplicates = 0, set_aside = 0;
  uint64_t checkpoints = 0;
};

struct RunOptions {
  bool again = false;  // see SourceOptions
  bool moved = false;
  bool strict = false;
  bool complete = false;  // see SourceOptions
  // --anyway: an input whose first lines would all be set aside is read nevertheless.
  bool anyway = false;
  std::string standard_input_name;  // --as
  // Set by a signal: commit and return early. A run that fails sets it, too, so that nobody waits
  // for input any more. Outlives the engine.
  StopFlag* stop = nullptr;
  std::function<void(const Progress&)>
      progress;  // called a few times a second on the calling thread
  // Opens an input in place of a file or standard input (a server's journal).
  std::function<Result<std::unique_ptr<Source>>(const std::vector<SourcePosition>& known,
                                                const SourceOptions& options)>
      open_source;
  // For tests: return after so many blocks without a final checkpoint (0: never), as after a crash.
  uint64_t abandon_after_blocks = 0;
};

struct RunSummary {
  Tallies tallies;                           // of this run
  CommittedState committed;                  // after it
  bool stopped = false;                      // by `stop`, before the end of the inputs
  std::vector<std::string> finished_before;  // inputs of which nothing was new
  std::vector<std::string> empty;            // that hold nothing at all
  std::vector<std::pair<std::string, Unfinished>> unfinished;  // what was left of inputs
};

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(Plan plan, const EngineOptions& options);
  ~Engine();

  Result<RunSummary> run(const std::vector<std::string>& inputs, const RunOptions& options);

  // Makes all that was read so far durable and visible; at once if nothing is new.
  Status checkpoint() { return checkpointer_->request_and_wait(); }
  // The same, unless a checkpoint holds all that was read until so long ago (by a clock that no one
  // sets).
  Status checkpoint_if_older(std::chrono::milliseconds age) {
    return checkpointer_->request_if_older(age);
  }

  Store& store() { return *store_; }
  const Store& store() const { return *store_; }
  const Plan& plan() const { return registry_->plan().parsed; }
  Catalogue& catalogue() { return *catalogue_; }
  const LiveCounters& live() const { return live_; }
  CheckpointTotals checkpoint_totals() const { return checkpointer_->totals(); }
  TallyStats tally_stats() const;  // of all shards; only while no run is under way
  // How far each source was taken: as committed, or further in this process. Called by run()'s
  // thread.
  Result<std::vector<SourcePosition>> positions() const;

 private:
  Engine() = default;
  Status read_input(Source& source, const std::shared_ptr<const InputInfo>& info,
                    const RunOptions& options, RunSummary& summary);
  void fail(Error error);
  Status failed() const;
  bool stopping() const { return stop_.load()->is_set(); }

  EngineOptions options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<CatalogueRegistry> registry_;
  std::unique_ptr<LineWeight> line_weight_;
  uint64_t block_weight_ = 0;
  LiveCounters live_;
  BatchPool pool_;
  LogPool logs_;
  std::unique_ptr<CheckpointParts> parts_;
  std::vector<std::unique_ptr<ShardStage>> shards_;
  std::vector<std::unique_ptr<DecodeStage>> decoders_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::map<std::string, SourcePosition> reached_;  // in this process
  bool change_pending_ = false;                    // a changed plan that no checkpoint holds yet
  size_t next_decoder_ = 0;
  uint64_t blocks_ = 0;
  Progress progress_;
  StopFlag own_stop_;
  std::atomic<StopFlag*> stop_{&own_stop_};  // of the run that is under way
  mutable std::mutex failure_mutex_;
  std::atomic<bool> has_failed_{false};
  Error failure_;
};

}  // namespace quipu
