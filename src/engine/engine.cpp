#include "engine/engine.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "base/cpu_clock.h"
#include "base/fault.h"
#include "engine/first_lines.h"
#include "engine/input_positions.h"
#include "engine/run_inputs.h"

namespace quipu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kProgressInterval = std::chrono::milliseconds(200);

int64_t wall_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

StoreOptions with_shares(StoreOptions options, const MemoryShares& memory) {
  options.cache_bytes = memory.cache;
  options.write_buffer_bytes = memory.write_buffer;
  options.filter_bytes = memory.filter;
  options.element_codes = memory.element_codes;
  options.compaction_bytes = memory.compaction;
  return options;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(Plan plan, const EngineOptions& options) {
  if (options.memory_bytes && options.memory_bytes < kMinMemoryBytes) {
    return Error{"--memory is below " + std::to_string(kMinMemoryBytes >> 20) +
                 "M, the least that quipu runs in"};
  }
  std::unique_ptr<Engine> engine(new Engine);
  engine->options_ = options;
  engine->folder_ = NewFolder(options.data_folder);
  const MemoryShares memory = divide_memory(options);
  QUIPU_ASSIGN(engine->store_,
               Store::open(options.data_folder, with_shares(options.store, memory)));
  QUIPU_ASSIGN(engine->catalogue_, Catalogue::load(*engine->store_->snapshot()));
  QUIPU_ASSIGN(engine->registry_,
               CatalogueRegistry::open(std::move(plan), *engine->store_, *engine->catalogue_,
                                       options.zoneinfo_dir, wall_s()));
  engine->change_pending_ = engine->registry_->changed();
  engine->line_weight_ = std::make_unique<LineWeight>(engine->registry_->plan().parsed);
  engine->block_weight_ = std::max(memory.pane, kLeastRoomBytes) / kBlocksOfPane;
  const CommittedState committed = engine->store_->committed();
  QUIPU_ASSIGN(auto letters, DeadLetterFile::open(options.data_folder + "/dead-letter.jsonl",
                                                  committed.dead_letter_bytes));
  engine->live_.durable_epoch = committed.checkpoint;
  engine->start_stages(memory, std::move(letters));
  engine->known_inputs_ = std::make_unique<KnownInputs>(
      [raw = engine.get()](const std::string& key) { return raw->checkpointer_->input_row(key); });
  engine->useless_ = false;
  return engine;
}

// Of the store as it is open.
void Engine::start_stages(const MemoryShares& memory, DeadLetterFile letters) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const unsigned shards = options_.shards ? options_.shards : cores;
  const unsigned decoders = options_.decoders ? options_.decoders : std::max(1u, cores / 2);
  parts_ = std::make_unique<CheckpointParts>(shards + decoders);
  StageContext context;
  context.plan = &registry_->plan();
  context.live = &live_;
  context.parts = parts_.get();
  context.pool = &pool_;
  context.logs = &logs_;
  if (options_.batch_events) context.batch_events = options_.batch_events;
  if (options_.batch_bytes) context.batch_bytes = options_.batch_bytes;
  context.fail = [this](Error error) { fail(std::move(error)); };

  TallyOptions tally = options_.tally;
  tally.memory_bytes = memory.hot / shards;
  std::vector<ShardStage*> shard_list;
  for (unsigned s = 0; s < shards; ++s) {
    shards_.push_back(std::make_unique<ShardStage>(s, decoders, tally, *store_, context));
    shard_list.push_back(shards_.back().get());
  }
  std::vector<DecodeStage*> decoder_list;
  const size_t names_known = std::max(NameLog::kLeastCacheEntries,
                                      std::bit_floor(memory.names / decoders / sizeof(uint64_t)));
  for (unsigned d = 0; d < decoders; ++d) {
    decoders_.push_back(std::make_unique<DecodeStage>(d, store_->hasher(), *registry_,
                                                      registry_->no_offset_zone(), shard_list,
                                                      context, options_.relative_now, names_known));
    decoder_list.push_back(decoders_.back().get());
  }
  checkpointer_ = std::make_unique<Checkpointer>(
      Checkpointer::Wiring{store_.get(), catalogue_.get(), registry_.get(), &live_, parts_.get(),
                           &logs_, decoder_list, context.fail},
      std::move(letters), options_, memory.pane, memory.hot);
}

Engine::~Engine() {
  if (checkpointer_) checkpointer_->stop();
  for (auto& decoder : decoders_) decoder->queue().close_and_drop();
  for (auto& shard : shards_) shard->queue().close_and_drop();
  for (auto& decoder : decoders_) decoder->stop();
  for (auto& shard : shards_) shard->stop();
  if (useless_ && store_ && store_->committed().checkpoint == 0 && folder_.may_go()) remove_store();
}

void Engine::remove_store() {
  folder_.move_away();
  known_inputs_.reset();
  checkpointer_.reset();
  decoders_.clear();
  shards_.clear();
  registry_.reset();
  catalogue_.reset();
  store_.reset();
  folder_.remove();
}

void Engine::fail(Error error) {
  {
    std::lock_guard lock(failure_mutex_);
    if (has_failed_) return;
    failure_ = std::move(error);
    has_failed_ = true;
  }
  // Nobody may wait for somebody who has stopped.
  for (auto& decoder : decoders_) decoder->queue().close_and_drop();
  for (auto& shard : shards_) shard->queue().close_and_drop();
  if (checkpointer_) checkpointer_->run_failed();
  stop_.load()->set();
}

Status Engine::failed() const {
  std::lock_guard lock(failure_mutex_);
  if (has_failed_) return failure_;
  return {};
}

Result<std::vector<SourcePosition>> Engine::positions() const {
  return positions_of_inputs(*store_->snapshot());
}

TallyStats Engine::tally_stats() const {
  TallyStats sum;
  for (const auto& shard : shards_) sum.add(shard->stats());
  return sum;
}

SourceOptions Engine::source_options(const RunOptions& options) const {
  SourceOptions of = source_options_of(registry_->plan().parsed);
  of.complete = options.complete;
  of.again = options.again;
  of.moved = options.moved;
  of.stop = stop_;
  if (options_.block_bytes) of.block_bytes = options_.block_bytes;
  of.weigher = line_weight_.get();
  of.block_weight = block_weight_;
  return of;
}

Result<RunSummary> Engine::run(const std::vector<std::string>& inputs, const RunOptions& options) {
  auto summary = run_all(inputs, options);
  useless_ = !summary.ok();
  return summary;
}

Result<RunSummary> Engine::run_all(const std::vector<std::string>& inputs,
                                   const RunOptions& options) {
  const Tallies before = store_->committed().tallies;
  const uint64_t blocks_before = blocks_;
  RunSummary summary;
  begin_run(options);
  QUIPU_TRY(failed());
  for (const std::string& input : inputs) {
    struct stat info {};
    if (input != "-" && ::stat(input.c_str(), &info) == 0)
      progress_.bytes_total += uint64_t(info.st_size);
  }
  QUIPU_ASSIGN(auto first_lines, FirstLines::open(registry_->plan().parsed, options_.zoneinfo_dir));
  RunInputs opened(inputs_wiring(options.anyway || options.strict ? nullptr : first_lines.get()),
                   options_.data_folder, source_options(options), options);
  const Status looked = opened.look(inputs);
  if (!looked.ok() && !stopping()) return looked.error();
  Status input_error;  // what was read before it is kept
  if (looked.ok()) {
    input_error = read_inputs(inputs, opened, options, summary);
  } else {
    summary.stopped = true;
  }
  if (input_error.ok() && options.abandon_after_blocks && blocks_ >= options.abandon_after_blocks)
    return summary;
  if (input_error.ok() && !summary.stopped) opened.end();
  if (!input_error.ok() && blocks_ > blocks_before)
    input_error =
        Error{input_error.error().message + " (what was read before is counted and committed)"};
  return end_run(std::move(summary), before, input_error);
}

void Engine::begin_run(const RunOptions& options) {
  stop_ = options.stop ? options.stop : &own_stop_;
  for (auto& decoder : decoders_) decoder->set_strict(options.strict);
}

// Commits what was read, whether or not an input failed.
Result<RunSummary> Engine::end_run(RunSummary summary, const Tallies& before,
                                   const Status& input_error) {
  // A changed plan counts from here on, even if the inputs hold nothing new. (A store in which
  // nothing was ever counted has no plan to change.)
  if (input_error.ok() && change_pending_ && store_->committed().checkpoint > 0)
    checkpointer_->note_change();
  Status status = checkpointer_->request_and_wait();
  if (Status failure = failed(); !failure.ok()) return failure.error();
  QUIPU_TRY(status);
  QUIPU_TRY(input_error);
  summary.committed = store_->committed();
  if (summary.committed.checkpoint > 0) change_pending_ = false;
  summary.tallies = summary.committed.tallies;
  summary.tallies.subtract(before);
  return summary;
}

InputsWiring Engine::inputs_wiring(FirstLines* first_lines) {
  return {checkpointer_.get(), known_inputs_.get(), registry_.get(), &store_->hasher(),
          first_lines};
}

Status Engine::push(Block block, std::shared_ptr<const InputInfo> info, InputRows rows) {
  DecodeStage& decoder = *decoders_[next_decoder_++ % decoders_.size()];
  if (!checkpointer_->push(decoder, DecodeTask{std::move(block), std::move(info), 0},
                           std::move(rows))) {
    QUIPU_TRY(failed());
    return Error{"the run was ended from inside"};
  }
  ++blocks_;
  return {};
}

Status Engine::read_inputs(const std::vector<std::string>& inputs, RunInputs& opened,
                           const RunOptions& options, RunSummary& summary) {
  for (const std::string& input : inputs) {
    summary.stopped = stopping();
    if (summary.stopped) break;
    auto source = opened.open(input);
    if (!source.ok()) {
      summary.stopped = stopping();
      return summary.stopped ? Status{} : source.error();
    }
    QUIPU_TRY(read_input(**source, opened, options, summary));
    if (summary.stopped) break;
    if (options.abandon_after_blocks && blocks_ >= options.abandon_after_blocks) break;
  }
  return {};
}

Status Engine::read_input(Source& source, RunInputs& opened, const RunOptions& options,
                          RunSummary& summary) {
  const auto info = std::make_shared<const InputInfo>(InputInfo{source.name(), source.header()});
  auto last_progress = Clock::now();
  const uint64_t bytes_before = progress_.bytes_read;
  progress_.input = info->name;
  bool anything = false;
  CpuLaps laps;
  while (true) {
    auto block = source.next();
    if (stopping()) {
      summary.stopped = true;  // what was just read is read again next time
      return {};
    }
    if (!block.ok()) return block.error();
    if (block->text.empty()) break;
    anything = true;
    QUIPU_ASSIGN(auto rows, opened.rows_behind(source.position()));
    QUIPU_TRY(push(std::move(*block), info, std::move(rows)));
    live_.cpu.read.fetch_add(laps.lap_ns(), std::memory_order_relaxed);
    fault_point("reader.block");
    if (options.abandon_after_blocks && blocks_ >= options.abandon_after_blocks) return {};
    if (options.progress && Clock::now() - last_progress >= kProgressInterval) {
      last_progress = Clock::now();
      progress_.bytes_read = bytes_before + source.bytes_read();
      progress_.lines = live_.read;
      progress_.duplicates = live_.duplicate;
      progress_.set_aside = live_.set_aside;
      progress_.checkpoints = checkpointer_->totals().checkpoints;
      options.progress(progress_);
    }
  }
  progress_.bytes_read = bytes_before + source.bytes_read();
  const bool holds_lines = source.position().bytes > 0;
  if (source.unfinished().bytes > 0)
    summary.unfinished.emplace_back(info->name, source.unfinished());
  else if (!anything)
    (holds_lines ? summary.finished_before : summary.empty).push_back(info->name);
  // That its end was reached, and where it stands.
  QUIPU_ASSIGN(auto rows, opened.rows_behind(source.position()));
  if (anything || !rows.empty()) checkpointer_->note_inputs(std::move(rows));
  return failed();
}

}  // namespace quipu
