#include "engine/parallel_groups.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/cpu_clock.h"

namespace quipu {
namespace {

// Rows of a piece, one behind the other.
class RowBuffer {
 public:
  void add(std::string_view key, std::string_view value) {
    sizes_.push_back({uint32_t(key.size()), uint32_t(value.size())});
    bytes_.append(key);
    bytes_.append(value);
  }
  Status give(const RowSink& sink) const {
    const char* at = bytes_.data();
    for (const Sizes& sizes : sizes_) {
      QUIPU_TRY(sink({at, sizes.key}, {at + sizes.key, sizes.value}));
      at += sizes.key + sizes.value;
    }
    return {};
  }
  void clear() {
    sizes_.clear();
    bytes_.clear();
  }

 private:
  struct Sizes {
    uint32_t key, value;
  };
  std::vector<Sizes> sizes_;
  std::string bytes_;
};

class ParallelGroups {
 public:
  ParallelGroups(const GroupBy& whole, unsigned threads)
      : whole_(whole), ahead_(kPiecesAhead * threads) {
    for (unsigned t = 0; t < threads; ++t) threads_.emplace_back([this, t] { work(t); });
  }
  ~ParallelGroups() { join(); }

  Status give(const RowSink& sink) {
    for (size_t piece = 0; piece < whole_.pieces(); ++piece) {
      RowBuffer rows = take(piece);
      QUIPU_TRY(rows.give(sink));
      give_back(std::move(rows));
    }
    return {};
  }
  // Ends the workers; then what they found belongs to the caller.
  void join() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  const GroupByResult& counters() const { return counters_; }
  uint64_t cpu_ns() const { return cpu_ns_; }

 private:
  void work(unsigned number) {
    name_thread(("group " + std::to_string(number)).c_str());
    CpuLaps laps;
    GroupWorker worker(whole_);
    GroupByResult counters;
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(
          lock, [&] { return stopping_ || next_ == whole_.pieces() || next_ < given_ + ahead_; });
      if (stopping_ || next_ == whole_.pieces()) break;
      const size_t piece = next_++;
      RowBuffer rows;
      if (!free_.empty()) {
        rows = std::move(free_.back());
        free_.pop_back();
      }
      lock.unlock();
      const Status done = worker.emit(
          piece,
          [&](std::string_view key, std::string_view value) -> Status {
            rows.add(key, value);
            return {};
          },
          counters);
      CHECK(done.ok());
      lock.lock();
      ready_.emplace(piece, std::move(rows));
      changed_.notify_all();
    }
    counters_.add_counters(counters);
    cpu_ns_ += laps.lap_ns();
  }

  RowBuffer take(size_t piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ready_.contains(piece); });
    return std::move(ready_.extract(piece).mapped());
  }
  void give_back(RowBuffer rows) {
    rows.clear();
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(rows));
    ++given_;
    changed_.notify_all();
  }

  const GroupBy& whole_;
  const size_t ahead_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  size_t next_ = 0, given_ = 0;  // pieces begun, and given to the sink
  std::map<size_t, RowBuffer> ready_;
  std::vector<RowBuffer> free_;
  GroupByResult counters_;
  uint64_t cpu_ns_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

Status group_in_parallel(const GroupBy& whole, unsigned threads, const RowSink& sink,
                         GroupByResult& result, uint64_t& cpu_ns) {
  if (threads <= 1 || whole.pieces() <= 1) {
    GroupWorker worker(whole);
    for (size_t p = 0; p < whole.pieces(); ++p) QUIPU_TRY(worker.emit(p, sink, result));
    return {};
  }
  ParallelGroups groups(whole, threads);
  const Status given = groups.give(sink);
  groups.join();
  result.add_counters(groups.counters());
  cpu_ns += groups.cpu_ns();
  return given;
}

}  // namespace quipu
