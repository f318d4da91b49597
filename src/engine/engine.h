// Sources, decoders, shards, checkpoints and the store, wired: the standalone host. The only place
// that starts threads, reads clocks and knows all rooms below. See docs/design.md, "the way of an
// event".
//
// open() recovers (store, dead-letter file, positions), run() reads inputs to their end,
// checkpoint() makes what has come durable. run() is called by one thread; checkpoint(), live() and
// the store's snapshots by any. Any failure inside ends the run with an Error: nothing is committed
// after it, the last checkpoint is the truth, and the same command continues from it. If there is
// none, and the folder was made here, it is removed with the engine.
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
#include "engine/decode_stage.h"
#include "engine/feed_set.h"
#include "engine/memory_shares.h"
#include "engine/new_folder.h"
#include "engine/options.h"
#include "engine/row_weight.h"
#include "source/feed.h"
#include "store/catalogue.h"
#include "store/store.h"

namespace quipu {

class FirstLines;
class RunInputs;
struct InputsWiring;

struct Progress {
  std::string input;                         // being read
  uint64_t bytes_read = 0, bytes_total = 0;  // of all inputs as far as known, compressed
  uint64_t lines = 0, duplicates = 0, set_aside = 0;
  uint64_t checkpoints = 0;
};

struct RunOptions {
  bool again = false;  // see SourceOptions
  bool moved = false;
  bool count_twice = false;  // --again may count lines twice that have no ids
  // Asked before lines are counted twice, with what would be; absent: no.
  std::function<bool(const std::string& what)> confirm;
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
  // For tests: return after so many blocks without a final checkpoint (0: never), as after a crash.
  uint64_t abandon_after_blocks = 0;
};

struct RunSummary {
  Tallies tallies;                           // of this run
  CommittedState committed;                  // after it
  bool stopped = false;                      // by `stop`, before the end of the inputs
  std::vector<std::string> finished_before;  // inputs of which nothing was new
  std::vector<std::pair<std::string, Unfinished>> unfinished;  // what was left of inputs
  std::vector<std::string> empty;                              // inputs that hold no lines
};

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(Plan plan, const EngineOptions& options);
  ~Engine();

  Result<RunSummary> run(const std::vector<std::string>& inputs, const RunOptions& options);

  // The same for sources that are read side by side and may come and go, until the set is closed
  // and they have ended. The set does not outlive the engine. No progress is told.
  Result<RunSummary> run_feeds(FeedSet& feeds, const RunOptions& options);
  // Feeds to attach to it; any thread. open() of a live feed: see source/feed.h.
  std::shared_ptr<Feed> live_feed(std::string name, bool ends_by_itself, OpenFeed open);
  // Lines that were set aside; an error where their header would be missing.
  Result<std::shared_ptr<Feed>> dead_letter_feed(bool ends_by_itself);
  Result<std::shared_ptr<Feed>> file_feed(std::vector<std::string> inputs, RunOptions options);
  // Files that are followed as they grow and are rotated; of the options `anyway` counts. Not
  // beside other feeds of files. That they are followed is committed here. `say` is told of
  // trouble, on the feed's thread.
  Result<std::shared_ptr<Feed>> follow_feed(const std::vector<std::string>& paths,
                                            const RunOptions& options,
                                            std::function<void(const std::string&)> say);

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
  // How far each input was taken, as committed.
  Result<std::vector<SourcePosition>> positions() const;

 private:
  Engine() = default;
  void start_stages(const MemoryShares& memory, DeadLetterFile letters);
  void remove_store();
  Result<RunSummary> run_all(const std::vector<std::string>& inputs, const RunOptions& options);
  void begin_run(const RunOptions& options);
  Result<RunSummary> end_run(RunSummary summary, const Tallies& before, const Status& input_error);
  Status take(FedBlock fed);
  Status push(Block block, std::shared_ptr<const InputInfo> info, InputRows rows);
  FeedPositions feed_positions();
  InputsWiring inputs_wiring(FirstLines* first_lines);
  SourceOptions source_options(const RunOptions& options) const;
  Status read_inputs(const std::vector<std::string>& inputs, RunInputs& opened,
                     const RunOptions& options, RunSummary& summary);
  Status read_input(Source& source, RunInputs& opened, const RunOptions& options,
                    RunSummary& summary);
  void fail(Error error);
  Status failed() const;
  bool stopping() const { return stop_.load()->is_set(); }

  EngineOptions options_;
  NewFolder folder_;
  bool useless_ = true;  // not open yet, or its run failed
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
  std::unique_ptr<KnownInputs> known_inputs_;
  bool change_pending_ = false;  // a changed plan that no checkpoint holds yet
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
