#include "engine/shard_stage.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/cpu_clock.h"
#include "base/fault.h"

namespace quipu {

ShardStage::ShardStage(unsigned number, unsigned decoders, const TallyOptions& options,
                       DurableTier& tier, StageContext context)
    : number_(number),
      decoders_(decoders),
      context_(std::move(context)),
      tally_(options, *context_.plan, tier),
      barrier_from_(decoders) {
  thread_ = std::thread([this] { run(); });
}

ShardStage::~ShardStage() { stop(); }

void ShardStage::stop() {
  queue_.close_and_drop();
  if (thread_.joinable()) thread_.join();
}

TallyStats ShardStage::stats() const { return tally_.stats(); }

void ShardStage::run() {
  name_thread(("shard " + std::to_string(number_)).c_str());
  while (!failed_) {
    auto task = held_.batch ? queue_.try_pop() : queue_.pop();
    if (!task && !held_.batch) break;
    if (!task) {
      tally_held(nullptr);
      continue;
    }
    receive(std::move(*task));
    // What early decoders sent behind their barrier is taken once the barrier is complete.
    while (!failed_ && barriers_ == 0 && !behind_barrier_.empty()) {
      ShardTask early = std::move(behind_barrier_.front());
      behind_barrier_.pop_front();
      receive(std::move(early));
    }
  }
}

void ShardStage::receive(ShardTask task) {
  CHECK_LT(task.decoder, decoders_);
  if (barrier_from_[task.decoder]) {
    behind_barrier_.push_back(std::move(task));
    return;
  }
  if (task.batch) {
    CHECK_EQ(task.batch->columns, context_.plan->parsed.columns.size());
    if (held_.batch) tally_held(task.batch.get());
    held_ = {std::move(task.batch), task.weight};
    return;
  }
  if (barriers_ == 0) {
    CHECK_GT(task.epoch, epoch_);
    epoch_ = task.epoch;
  }
  CHECK_EQ(task.epoch, epoch_);
  barrier_from_[task.decoder] = true;
  if (++barriers_ < decoders_) return;
  if (held_.batch) tally_held(nullptr);
  if (failed_) return;
  hand_over(task.epoch);
  barriers_ = 0;
  barrier_from_.assign(decoders_, false);
}

void ShardStage::tally_held(const EventBatch* next) {
  Held held = std::move(held_);
  const EventBatch& batch = *held.batch;
  CpuLaps laps;
  uint64_t tally_ns = 0, pane_ns = 0;
  tally_.durable(context_.live->durable_epoch.load(std::memory_order_acquire));
  const Status status = tally_.tally_batch(batch, result_, next, [&](const TallyResult& part) {
    tally_ns += laps.lap_ns();
    for (const TallyResult::Row& row : part.rows) {
      pane_.append_event(batch, batch.events[row.event], row.row, part.bitmaps.data() + row.bitmaps,
                         row.kept);
    }
    pane_ns += laps.lap_ns();
  });
  if (!status.ok()) {
    failed_ = true;
    context_.fail(status.error());
    return;
  }
  context_.live->cpu.tally.fetch_add(tally_ns, std::memory_order_relaxed);
  context_.live->cpu.pane.fetch_add(pane_ns, std::memory_order_relaxed);
  since_barrier_.counted += result_.counted;
  since_barrier_.duplicate += result_.duplicates;
  context_.live->counted.fetch_add(result_.counted, std::memory_order_relaxed);
  context_.live->duplicate.fetch_add(result_.duplicates, std::memory_order_relaxed);
  publish(context_.live->pending_bytes, pending_seen_, pane_.bytes() + tally_.pending_bytes());
  publish(context_.live->hot_bytes, hot_seen_, tally_.stats().memory_bytes);
  context_.live->in_flight.done(held.weight);
  context_.pool->give_back(std::move(held.batch));
}

void ShardStage::hand_over(uint64_t epoch) {
  const auto begin = std::chrono::steady_clock::now();
  ShardPart part;
  part.epoch = epoch;
  part.tallies = since_barrier_;
  since_barrier_ = {};
  part.pane = std::move(pane_);
  pane_ = Pane();
  part.new_rows = context_.logs->borrow();
  tally_.hand_over(epoch, part.new_rows);
  publish(context_.live->pending_bytes, pending_seen_, 0);
  context_.parts->add_part(std::move(part));
  const auto us = uint64_t(std::chrono::duration_cast<std::chrono::microseconds>(
                               std::chrono::steady_clock::now() - begin)
                               .count());
  uint64_t longest = context_.live->longest_stall_us.load(std::memory_order_relaxed);
  while (us > longest && !context_.live->longest_stall_us.compare_exchange_weak(longest, us)) {
  }
  fault_point("barrier.pane_handed_over");
}

}  // namespace quipu
