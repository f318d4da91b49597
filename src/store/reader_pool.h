// Threads that read for whoever waits: a batch of look-ups is cut into pieces, which wait for the
// disk at the same time. (Debian's RocksDB is built without io_uring: a MultiGet waits for one
// block after the other.) All may be called from any thread, also at the same time; the callers'
// pieces are done in the order they came in.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace quipu {

class ReaderPool {
 public:
  explicit ReaderPool(unsigned threads);
  ~ReaderPool();
  ReaderPool(const ReaderPool&) = delete;

  struct Batch {
    std::function<void(size_t)> job;
    size_t jobs = 0;
    size_t next = 0, done = 0;  // guarded by the pool
  };
  // Has job(0) .. job(jobs - 1) called by the pool's threads, and by this one from finish() on,
  // which returns when all have returned.
  std::shared_ptr<Batch> begin(size_t jobs, std::function<void(size_t)> job);
  void finish(Batch& batch);

 private:
  void work();
  void take(Batch& batch,
            std::unique_lock<std::mutex>& lock);  // one of its jobs, which must have one left

  std::mutex mutex_;  // guards what follows
  std::condition_variable begun_, done_;
  std::deque<std::shared_ptr<Batch>> batches_;  // that have jobs nobody has taken
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quipu
