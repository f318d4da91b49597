#include "engine/engine.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "base/cpu_clock.h"
#include "base/fault.h"
#include "engine/first_lines.h"

namespace quipu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kProgressInterval = std::chrono::milliseconds(200);
constexpr size_t kOpenInputs = 64;  // kept open between the check of all inputs and their reading

int64_t wall_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

constexpr size_t kBytesOfCode = 32;  // in memory, its table full

size_t machine_memory() {
  return size_t(::sysconf(_SC_PHYS_PAGES)) * size_t(::sysconf(_SC_PAGE_SIZE));
}

}  // namespace

MemoryShares divide_memory(const EngineOptions& options) {
  const size_t memory = options.memory_bytes ? options.memory_bytes : machine_memory() / 2;
  const size_t divided = memory - std::min(memory / 2, kFixedMemoryBytes);
  MemoryShares shares;
  const size_t pane = std::min(divided / 64 * 12, kMostPaneBytes);
  shares.hot = options.hot_bytes ? options.hot_bytes : divided / 64 * 33 - pane - kept_beside(pane);
  shares.pane = options.pane_bytes ? options.pane_bytes : pane;
  shares.cache = divided / 64 * 5;
  shares.filter = divided / 64 * 12;
  shares.compaction = divided / 16;
  shares.names = std::min<size_t>(divided / 16, size_t(256) << 20);
  shares.write_buffer = std::min<size_t>(divided / 32, size_t(64) << 20);
  shares.element_codes =
      uint32_t(std::min<size_t>(divided / 64 / kBytesOfCode, ElementCodes::kMostCodes));
  return shares;
}

Result<std::unique_ptr<Engine>> Engine::open(Plan plan, const EngineOptions& options) {
  if (options.memory_bytes && options.memory_bytes < kMinMemoryBytes) {
    return Error{"--memory is below " + std::to_string(kMinMemoryBytes >> 20) +
                 "M, the least that quipu runs in"};
  }
  std::unique_ptr<Engine> engine(new Engine);
  engine->options_ = options;
  const MemoryShares memory = divide_memory(options);
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const unsigned shards = options.shards ? options.shards : cores;
  const unsigned decoders = options.decoders ? options.decoders : std::max(1u, cores / 2);

  StoreOptions store_options;
  store_options.create = options.create;
  store_options.keep_waiting = options.keep_waiting;
  store_options.cache_bytes = memory.cache;
  store_options.write_buffer_bytes = memory.write_buffer;
  store_options.filter_bytes = memory.filter;
  store_options.element_codes = memory.element_codes;
  store_options.compaction_bytes = memory.compaction;
  if (options.ingest_bytes) store_options.ingest_bytes = options.ingest_bytes;
  if (options.readers >= 0) store_options.readers = unsigned(options.readers);
  store_options.direct_reads = options.direct_reads;
  store_options.secret = options.secret;
  store_options.element_bits = options.element_bits;
  auto store = Store::open(options.data_folder, store_options);
  if (!store.ok()) return store.error();
  engine->store_ = std::move(*store);
  const CommittedState committed = engine->store_->committed();

  auto snapshot = engine->store_->snapshot();
  auto catalogue = Catalogue::load(*snapshot);
  if (!catalogue.ok()) return catalogue.error();
  engine->catalogue_ = std::move(*catalogue);
  auto registry = CatalogueRegistry::open(std::move(plan), *engine->store_, *engine->catalogue_,
                                          options.zoneinfo_dir, wall_s());
  if (!registry.ok()) return registry.error();
  engine->registry_ = std::move(*registry);
  engine->change_pending_ = engine->registry_->changed();
  engine->line_weight_ = std::make_unique<LineWeight>(engine->registry_->plan().parsed);
  engine->block_weight_ = std::max(memory.pane, kLeastRoomBytes) / kBlocksOfPane;
  auto letters =
      DeadLetterFile::open(options.data_folder + "/dead-letter.jsonl", committed.dead_letter_bytes);
  if (!letters.ok()) return letters.error();

  engine->live_.durable_epoch = committed.checkpoint;
  engine->parts_ = std::make_unique<CheckpointParts>(shards + decoders);
  StageContext context;
  context.plan = &engine->registry_->plan();
  context.live = &engine->live_;
  context.parts = engine->parts_.get();
  context.pool = &engine->pool_;
  context.logs = &engine->logs_;
  if (options.batch_events) context.batch_events = options.batch_events;
  if (options.batch_bytes) context.batch_bytes = options.batch_bytes;
  context.fail = [raw = engine.get()](Error error) { raw->fail(std::move(error)); };

  TallyOptions tally;
  tally.memory_bytes = memory.hot / shards;
  if (options.matrix_rows) tally.matrix_rows = options.matrix_rows;
  if (options.inlined_rows >= 0) tally.inlined_rows = options.inlined_rows;
  if (options.whole_bytes >= 0) tally.whole_bytes = options.whole_bytes;
  if (options.chunk_words) tally.chunk_words = tally.deep_chunk_words = options.chunk_words;
  tally.variant = options.tally_variant;
  std::vector<ShardStage*> shard_list;
  for (unsigned s = 0; s < shards; ++s) {
    engine->shards_.push_back(
        std::make_unique<ShardStage>(s, decoders, tally, *engine->store_, context));
    shard_list.push_back(engine->shards_.back().get());
  }
  std::vector<DecodeStage*> decoder_list;
  const size_t names_known = std::max(NameLog::kLeastCacheEntries,
                                      std::bit_floor(memory.names / decoders / sizeof(uint64_t)));
  for (unsigned d = 0; d < decoders; ++d) {
    engine->decoders_.push_back(std::make_unique<DecodeStage>(
        d, engine->store_->hasher(), *engine->registry_, engine->registry_->no_offset_zone(),
        shard_list, context, options.relative_now, names_known));
    decoder_list.push_back(engine->decoders_.back().get());
  }
  engine->checkpointer_ = std::make_unique<Checkpointer>(
      Checkpointer::Wiring{engine->store_.get(), engine->catalogue_.get(), engine->registry_.get(),
                           &engine->live_, engine->parts_.get(), &engine->logs_, decoder_list,
                           context.fail},
      std::move(*letters), options, memory.pane, memory.hot);
  return engine;
}

Engine::~Engine() {
  if (checkpointer_) checkpointer_->stop();
  for (auto& decoder : decoders_) decoder->queue().close_and_drop();
  for (auto& shard : shards_) shard->queue().close_and_drop();
  for (auto& decoder : decoders_) decoder->stop();
  for (auto& shard : shards_) shard->stop();
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
  std::vector<SourcePosition> positions;
  for (const auto& [key, bytes] : store_->committed().positions) {
    if (reached_.contains(key)) continue;
    auto position = decode_position(bytes);
    if (!position.ok())
      return Error{"the store's position of " + key +
                   " cannot be read: " + position.error().message};
    positions.push_back(std::move(*position));
  }
  for (const auto& [key, position] : reached_) positions.push_back(position);
  return positions;
}

TallyStats Engine::tally_stats() const {
  TallyStats sum;
  for (const auto& shard : shards_) sum.add(shard->stats());
  return sum;
}

Result<RunSummary> Engine::run(const std::vector<std::string>& inputs, const RunOptions& options) {
  const Tallies before = store_->committed().tallies;
  RunSummary summary;
  stop_ = options.stop ? options.stop : &own_stop_;
  QUIPU_TRY(failed());
  for (auto& decoder : decoders_) decoder->set_strict(options.strict);
  const Plan& plan = registry_->plan().parsed;
  SourceOptions source_options = source_options_of(plan);
  source_options.complete = options.complete;
  source_options.again = options.again;
  source_options.moved = options.moved;
  source_options.stop = stop_;
  if (options_.block_bytes) source_options.block_bytes = options_.block_bytes;
  source_options.weigher = line_weight_.get();
  source_options.block_weight = block_weight_;

  for (const std::string& input : inputs) {
    struct stat info {};
    if (input != "-" && ::stat(input.c_str(), &info) == 0)
      progress_.bytes_total += uint64_t(info.st_size);
  }
  auto open_input = [&](const std::string& input) -> Result<std::unique_ptr<Source>> {
    auto known = positions();
    if (!known.ok()) return known.error();
    if (options.open_source) return options.open_source(*known, source_options);
    return input == "-"
               ? open_standard_input(STDIN_FILENO, options.standard_input_name,
                                     options_.data_folder + "/spool", *known, source_options)
               : open_file(input, *known, source_options);
  };
  // What is refused is refused before anything is counted. (Standard input would have to be waited
  // for.) Sources that go on somewhere stay open, since finding the place in compressed content
  // means reading up to it.
  std::unique_ptr<FirstLines> first_lines;  // --strict ends at the first bad line by itself
  if (!options.anyway && !options.strict) {
    auto opened_lines = FirstLines::open(plan, options_.zoneinfo_dir);
    if (!opened_lines.ok()) return opened_lines.error();
    first_lines = std::move(*opened_lines);
  }
  std::map<std::string, std::unique_ptr<Source>> opened;
  for (const std::string& input : inputs) {
    if (inputs.size() == 1 || input == "-" || stopping()) continue;
    auto source = open_input(input);
    if (!source.ok()) return source.error();
    if ((*source)->position().bytes > 0 && !options.moved && opened.size() < kOpenInputs)
      opened[input] = std::move(*source);
    else if (first_lines) {
      auto block = first_lines->checked(std::move(*source))->next();
      if (!block.ok()) return block.error();
    }
  }

  const uint64_t blocks_before = blocks_;
  Status input_error;  // what was read before it is kept
  for (const std::string& input : inputs) {
    if (stopping()) {
      summary.stopped = true;
      break;
    }
    auto kept = opened.extract(input);
    const bool as_it_was =
        kept && !reached_.contains(kept.mapped()->position().path);  // the same file may come twice
    auto source =
        as_it_was ? Result<std::unique_ptr<Source>>(std::move(kept.mapped())) : open_input(input);
    if (!source.ok() && stopping()) {
      summary.stopped = true;
      break;
    }
    if (source.ok()) {
      if (first_lines) source = first_lines->checked(std::move(*source));
      auto info =
          std::make_shared<const InputInfo>(InputInfo{(*source)->name(), (*source)->header()});
      input_error = read_input(**source, info, options, summary);
    } else {
      input_error = source.error();
    }
    if (summary.stopped || !input_error.ok()) break;
    if (options.abandon_after_blocks && blocks_ >= options.abandon_after_blocks) return summary;
  }
  // A changed plan counts from here on, even if the inputs hold nothing new. (A store in which
  // nothing was ever counted has no plan to change.)
  if (input_error.ok() && change_pending_ && store_->committed().checkpoint > 0)
    checkpointer_->note_change();
  Status status = checkpointer_->request_and_wait();
  if (Status failure = failed(); !failure.ok()) return failure.error();
  QUIPU_TRY(status);
  if (!input_error.ok()) {
    return Error{
        input_error.error().message +
        (blocks_ > blocks_before ? " (what was read before is counted and committed)" : "")};
  }
  summary.committed = store_->committed();
  if (summary.committed.checkpoint > 0) change_pending_ = false;
  summary.tallies = summary.committed.tallies;
  summary.tallies.subtract(before);
  return summary;
}

Status Engine::read_input(Source& source, const std::shared_ptr<const InputInfo>& info,
                          const RunOptions& options, RunSummary& summary) {
  auto last_progress = Clock::now();
  const uint64_t bytes_before = progress_.bytes_read;
  progress_.input = info->name;
  const bool was_finished = source.position().finished;
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
    DecodeStage& decoder = *decoders_[next_decoder_++ % decoders_.size()];
    if (!checkpointer_->push(decoder, DecodeTask{std::move(*block), info, 0}, source.position())) {
      if (Status failure = failed(); !failure.ok()) return failure;
      return Error{"the run was ended from inside"};
    }
    reached_[source.position().path] = source.position();
    ++blocks_;
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
  if (source.unfinished().bytes > 0)
    summary.unfinished.emplace_back(info->name, source.unfinished());
  else if (!anything)
    summary.finished_before.push_back(info->name);
  if (anything || !was_finished) {
    reached_[source.position().path] = source.position();
    checkpointer_->note_position(source.position());  // that its end was reached
  }
  return failed();
}

}  // namespace quipu
