// Looks at a running engine every few milliseconds, from a thread of its own: how far it is, and
// when a checkpoint became durable. What the engine publishes is all it uses.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "engine/engine.h"

namespace quipu::bench {

// Seconds of the monotonic clock, which all processes of the machine share.
double monotonic_s();

class RunWatch {
 public:
  struct Sample {
    double at_s = 0;          // monotonic_s() before the figures were taken
    uint64_t decoded = 0;     // lines, by this process
    uint64_t tallied = 0;     // events, by this process
    uint64_t checkpoint = 0;  // the last durable one
  };
  struct Commit {
    double at_s = 0;  // when it was seen to be durable: up to an interval late
    uint64_t checkpoint = 0;
    uint64_t lines = 0;  // in the store, of all its life
  };

  // `seen`, if given, is called with every sample on the watch's thread.
  RunWatch(Engine& engine, std::chrono::milliseconds interval,
           std::function<void(const Sample&)> seen = {});
  ~RunWatch();
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  void stop();  // after a last sample; what follows is asked after it
  const std::vector<Sample>& samples() const { return samples_; }
  const std::vector<Commit>& commits() const { return commits_; }
  // How long the commits took, from all parts there to durable. Two within an interval count as
  // their mean each.
  const std::vector<double>& commit_seconds() const { return commit_seconds_; }

 private:
  void run();
  void look();

  Engine& engine_;
  const std::chrono::milliseconds interval_;
  const std::function<void(const Sample&)> seen_;
  std::vector<Sample> samples_;
  std::vector<Commit> commits_;
  std::vector<double> commit_seconds_;
  uint64_t checkpoint_ = 0;  // the last durable one that was seen
  CheckpointTotals totals_;  // that commit_seconds_ tells
  bool totals_due_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace quipu::bench
