#include "store/reader_pool.h"

#include <algorithm>

#include "base/check.h"
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

std::shared_ptr<ReaderPool::Batch> ReaderPool::begin(size_t jobs, std::function<void(size_t)> job) {
  auto batch = std::make_shared<Batch>(Batch{std::move(job), jobs});
  if (jobs == 0) return batch;
  std::lock_guard lock(mutex_);
  batches_.push_back(batch);
  for (size_t j = 0; j < jobs; ++j) begun_.notify_one();
  return batch;
}

void ReaderPool::finish(Batch& batch) {
  std::unique_lock lock(mutex_);
  while (batch.next < batch.jobs) take(batch, lock);
  done_.wait(lock, [&] { return batch.done == batch.jobs; });
}

void ReaderPool::take(Batch& batch, std::unique_lock<std::mutex>& lock) {
  CHECK_LT(batch.next, batch.jobs);
  const size_t mine = batch.next++;
  if (batch.next == batch.jobs) {
    batches_.erase(std::find_if(batches_.begin(), batches_.end(),
                                [&](const auto& b) { return b.get() == &batch; }));
  }
  lock.unlock();
  batch.job(mine);
  lock.lock();
  if (++batch.done == batch.jobs) done_.notify_all();
}

void ReaderPool::work() {
  name_thread("store reader");
  std::unique_lock lock(mutex_);
  while (true) {
    begun_.wait(lock, [&] { return stopping_ || !batches_.empty(); });
    if (stopping_) return;
    const std::shared_ptr<Batch> batch = batches_.front();
    take(*batch, lock);
  }
}

}  // namespace quipu
