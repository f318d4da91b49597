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
  size_t bytes() const { return bytes_.size() + sizes_.size() * sizeof(Sizes); }
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
  ParallelGroups(const GroupBy& whole, unsigned threads, size_t most_bytes)
      : whole_(whole), ahead_(kPiecesAhead * threads), most_bytes_(most_bytes) {
    for (unsigned t = 0; t < threads; ++t) threads_.emplace_back([this, t] { work(t); });
  }
  ~ParallelGroups() { join(); }

  Status give(const RowSink& sink) {
    for (size_t piece = 0; piece < whole_.pieces(); ++piece) {
      for (bool last = false; !last;) {
        Part part = take(piece);
        QUIPU_TRY(part.rows.give(sink));
        last = part.last;
        give_back(std::move(part));
      }
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
      Part part = empty_part();
      lock.unlock();
      const Status done = worker.emit(
          piece,
          [&](std::string_view key, std::string_view value) -> Status {
            part.rows.add(key, value);
            return part.rows.bytes() < part.counted + kRowsStep ? Status() : count(piece, part);
          },
          counters);
      lock.lock();
      if (stopping_) break;
      CHECK(done.ok());
      part.last = true;
      CHECK(ready_.emplace(piece, std::move(part)).second);
      changed_.notify_all();
    }
    counters_.add_counters(counters);
    cpu_ns_ += laps.lap_ns();
  }

  struct Part {  // of a piece's rows
    RowBuffer rows;
    size_t counted = 0;  // bytes of them in waiting_bytes_
    bool last = false;
  };

  // With mutex_ held.
  Part empty_part() {
    Part part;
    if (free_.empty()) return part;
    part.rows = std::move(free_.back());
    free_.pop_back();
    return part;
  }
  // If more waits than may, the piece's rows go to the sink in parts, once it is their turn.
  Status count(size_t piece, Part& part) {
    std::unique_lock lock(mutex_);
    waiting_bytes_ += part.rows.bytes() - part.counted;
    part.counted = part.rows.bytes();
    if (waiting_bytes_ <= most_bytes_) return {};
    changed_.wait(lock, [&] { return stopping_ || given_ == piece; });
    if (stopping_) return Error{"the sink takes no more"};
    CHECK(ready_.emplace(piece, std::move(part)).second);
    changed_.notify_all();
    changed_.wait(lock, [&] { return stopping_ || !ready_.contains(piece); });
    part = empty_part();
    return stopping_ ? Status(Error{"the sink takes no more"}) : Status();
  }

  Part take(size_t piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ready_.contains(piece); });
    CHECK_EQ(piece, given_);
    Part part = std::move(ready_.extract(piece).mapped());
    changed_.notify_all();
    return part;
  }
  void give_back(Part part) {
    part.rows.clear();
    std::lock_guard lock(mutex_);
    CHECK_GE(waiting_bytes_, part.counted);
    waiting_bytes_ -= part.counted;
    free_.push_back(std::move(part.rows));
    given_ += part.last;
    changed_.notify_all();
  }

  const GroupBy& whole_;
  const size_t ahead_, most_bytes_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  size_t next_ = 0, given_ = 0;  // pieces begun, and given to the sink
  std::map<size_t, Part> ready_;
  size_t waiting_bytes_ = 0;
  std::vector<RowBuffer> free_;
  GroupByResult counters_;
  uint64_t cpu_ns_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

Status group_in_parallel(const GroupBy& whole, unsigned threads, size_t most_bytes,
                         const RowSink& sink, GroupByResult& result, uint64_t& cpu_ns) {
  if (threads <= 1 || whole.pieces() <= 1) {
    GroupWorker worker(whole);
    for (size_t p = 0; p < whole.pieces(); ++p) QUIPU_TRY(worker.emit(p, sink, result));
    return {};
  }
  ParallelGroups groups(whole, threads, most_bytes);
  Status given = groups.give(sink);
  groups.join();
  result.add_counters(groups.counters());
  cpu_ns += groups.cpu_ns();
  return given;
}

}  // namespace quipu
