#include "bench/run_watch.h"

namespace quipu::bench {

double monotonic_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

RunWatch::RunWatch(Engine& engine, std::chrono::milliseconds interval,
                   std::function<void(const Sample&)> seen)
    : engine_(engine),
      interval_(interval),
      seen_(std::move(seen)),
      checkpoint_(engine.live().durable_epoch),
      totals_(engine.checkpoint_totals()) {
  thread_ = std::thread([this] { run(); });
}

RunWatch::~RunWatch() { stop(); }

void RunWatch::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void RunWatch::run() {
  while (!stopping_) {
    look();
    std::this_thread::sleep_for(interval_);
  }
  look();
}

void RunWatch::look() {
  const LiveCounters& live = engine_.live();
  Sample sample;
  sample.at_s = monotonic_s();
  sample.decoded = live.read;
  sample.tallied = live.counted + live.duplicate;
  sample.checkpoint = live.durable_epoch;
  samples_.push_back(sample);
  if (seen_) seen_(sample);
  if (sample.checkpoint != checkpoint_) {
    checkpoint_ = sample.checkpoint;
    const CommittedState state = engine_.store().committed();
    commits_.push_back({monotonic_s(), state.checkpoint, state.tallies.read});
    totals_due_ = true;
  }
  // The totals follow a moment after the commit; asking for them may wait for the reader.
  if (!totals_due_) return;
  const CheckpointTotals totals = engine_.checkpoint_totals();
  const uint64_t made = totals.checkpoints - totals_.checkpoints;
  if (made == 0) return;
  for (uint64_t i = 0; i < made; ++i)
    commit_seconds_.push_back((totals.commit_s - totals_.commit_s) / double(made));
  totals_ = totals;
  totals_due_ = false;
}

}  // namespace quipu::bench
