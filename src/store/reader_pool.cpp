#include "store/reader_pool.h"

#include <algorithm>

#include "base/cpu_clock.h"

namespace quipu {

ReaderPool::ReaderPool(unsigned threads) {
  for (unsigned t = 0; t < threads; ++t) threads_.emplace_back([this] { work(); });
}

ReaderPool::~ReaderPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  begun_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReaderPool::run(size_t jobs, const std::function<void(size_t)>& job) {
  if (jobs == 0) return;
  Batch batch{job, jobs};
  std::unique_lock lock(mutex_);
  batches_.push_back(&batch);
  for (size_t wanted = 1; wanted < jobs; ++wanted) begun_.notify_one();
  while (batch.next < batch.jobs) take(batch, lock);
  done_.wait(lock, [&] { return batch.done == batch.jobs; });
}

void ReaderPool::take(Batch& batch, std::unique_lock<std::mutex>& lock) {
  const size_t mine = batch.next++;
  if (batch.next == batch.jobs) batches_.erase(std::find(batches_.begin(), batches_.end(), &batch));
  lock.unlock();
  batch.job(mine);
  lock.lock();
  if (++batch.done == batch.jobs) done_.notify_all();   // from here on the batch may be gone
}

void ReaderPool::work() {
  name_thread("store reader");
  std::unique_lock lock(mutex_);
  while (true) {
    begun_.wait(lock, [&] { return stopping_ || !batches_.empty(); });
    if (stopping_) return;
    take(*batches_.front(), lock);
  }
}

}  // namespace quipu
