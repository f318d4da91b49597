#include "engine/decode_stage.h"

#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/cpu_clock.h"
#include "engine/dead_letters.h"
#include "engine/row_weight.h"

namespace quipu {

namespace {

int64_t wall_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

DecodeStage::DecodeStage(unsigned number, const Hasher& hasher, EventRegistry& registry,
                         std::shared_ptr<const ZoneRules> no_offset,
                         std::vector<ShardStage*> shards, StageContext context, bool relative_now,
                         size_t names_known)
    : number_(number),
      context_(std::move(context)),
      names_(names_known),
      decoder_(*context_.plan, hasher, registry, names_, std::move(no_offset)),
      shards_(std::move(shards)),
      batches_(shards_.size()),
      weights_(shards_.size()),
      relative_now_(relative_now) {
  for (EventBatch& batch : batches_) batch.columns = uint32_t(context_.plan->parsed.columns.size());
  thread_ = std::thread([this] { run(); });
}

DecodeStage::~DecodeStage() { stop(); }

void DecodeStage::stop() {
  queue_.close_and_drop();
  if (thread_.joinable()) thread_.join();
}

void DecodeStage::run() {
  name_thread(("decode " + std::to_string(number_)).c_str());
  while (auto task = queue_.pop()) {
    if (!task->input) {
      if (task->epoch != 0) {
        hand_over(task->epoch);
      } else if (!flush(true)) {
        return;
      }
    } else if (!decode(*task)) {
      return;
    }
  }
}

bool DecodeStage::decode(const DecodeTask& task) {
  if (task.input != input_) {
    input_ = task.input;
    if (Status status = decoder_.set_header(input_->header); !status.ok()) {
      context_.fail(Error{input_->name + ": " + status.error().message});
      return false;
    }
  }
  if (relative_now_) decoder_.set_now(wall_ms());
  CpuLaps laps;
  const Tallies before = since_barrier_;
  uint64_t decoded = 0;  // weight of its events
  for (BlockRecords records(task.block); records.next();) {
    LineOutcome outcome;
    if (task.block.truncated_line) {
      outcome.kind = LineOutcome::Kind::set_aside;
      outcome.reason = Reason::line_too_long;
      outcome.detail = "longer than " + std::to_string(kMaxLineBytes) + " bytes";
    } else {
      outcome = decoder_.decode(records.text(), batches_);
      if (outcome.kind == LineOutcome::Kind::event && !weigh_last(decoded)) return false;
    }
    tally_line(outcome, since_barrier_);
    if (outcome.kind == LineOutcome::Kind::set_aside) {
      if (strict_) {
        context_.fail(Error{input_->name + ":" + std::to_string(records.line()) + ": " +
                            std::string(reason_name(outcome.reason)) + ": " + outcome.detail +
                            " (--strict stops at the first line set aside)"});
        return false;
      }
      append_dead_letter(input_->name, records.line(), records.offset(), outcome, records.text(),
                         dead_letters_);
    }
  }
  LiveCounters& live = *context_.live;
  live.in_flight.add(decoded);
  live.in_flight.done(task.block.weight);
  live.read.fetch_add(since_barrier_.read - before.read, std::memory_order_relaxed);
  live.unplanned.fetch_add(since_barrier_.unplanned - before.unplanned, std::memory_order_relaxed);
  live.set_aside.fetch_add(since_barrier_.set_aside_total() - before.set_aside_total(),
                           std::memory_order_relaxed);
  live.cpu.decode.fetch_add(laps.lap_ns(), std::memory_order_relaxed);
  publish(live.pending_bytes, pending_seen_, names_.bytes() + dead_letters_.size());
  return flush(false);
}

// Of the event that decode() appended; sends its batch if that is full now.
bool DecodeStage::weigh_last(uint64_t& decoded) {
  const size_t s = decoder_.last_batch();
  EventBatch& batch = batches_[s];
  const uint64_t weight = weight_of(batch, batch.events.back());
  decoded += weight;
  weights_[s] += weight;
  return !is_full(batch) || send(s);
}

bool DecodeStage::send(size_t shard) {
  EventBatch& batch = batches_[shard];
  CHECK_EQ(batch.columns, context_.plan->parsed.columns.size());
  auto full = context_.pool->borrow(batch.columns);
  std::swap(*full, batch);
  const uint64_t weight = std::exchange(weights_[shard], 0);
  return shards_[shard]->queue().push({number_, std::move(full), 0, weight});
}

// Sends batches to their shards: all of them, or those that are large.
bool DecodeStage::flush(bool all) {
  for (size_t s = 0; s < shards_.size(); ++s) {
    const EventBatch& batch = batches_[s];
    const bool full_of_tables = batch.given_up_bytes >= kBatchTableBytes;
    if (!full_of_tables && (batch.events.empty() || (!all && !is_full(batch)))) continue;
    if (!send(s)) return false;
  }
  return true;
}

void DecodeStage::hand_over(uint64_t epoch) {
  flush(true);
  DecoderPart part;
  part.epoch = epoch;
  part.tallies = since_barrier_;
  since_barrier_ = {};
  part.names = names_.take();
  part.dead_letters = std::move(dead_letters_);
  dead_letters_.clear();
  publish(context_.live->pending_bytes, pending_seen_, 0);
  context_.parts->add_part(std::move(part));
  for (ShardStage* shard : shards_) shard->queue().push({number_, nullptr, epoch, 0});
}

}  // namespace quipu
