// Threads that read for whoever waits: a batch of look-ups is cut into pieces, which wait for the disk at the same time.
// (Debian's RocksDB is built without io_uring: a MultiGet waits for one block after the other.)
// run() may be called from any thread, also at the same time; the callers' pieces are done in the order they came in.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quipu {

class ReaderPool {
 public:
  explicit ReaderPool(unsigned threads);
  ~ReaderPool();
  ReaderPool(const ReaderPool&) = delete;

  // Calls job(0) .. job(jobs - 1), on the pool's threads and on this one, and returns when all have returned.
  void run(size_t jobs, const std::function<void(size_t)>& job);

 private:
  struct Batch {
    const std::function<void(size_t)>& job;
    const size_t jobs;
    size_t next = 0, done = 0;
  };
  void work();
  void take(Batch& batch, std::unique_lock<std::mutex>& lock);   // one of its jobs, which must have one left

  std::mutex mutex_;                  // guards what follows
  std::condition_variable begun_, done_;
  std::deque<Batch*> batches_;        // that have jobs nobody has taken
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quipu
