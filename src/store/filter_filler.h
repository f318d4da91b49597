// The filter of profiles of an open store, and the thread that fills it: when a store that holds
// records is opened, the lists of what its commits brought are read in the background, and the
// filter is asked from then on. What commits add meanwhile they insert themselves, before it
// becomes visible. What fails leaves the filter unasked, and the next commit says it. insert(): the
// writer's thread, or one that it waits for; all else: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>

#include "store/database.h"
#include "store/record_filter.h"

namespace quipu {

// The filling thread's niceness.
inline constexpr int kFillingNice = 10;

class FilterFiller {
 public:
  // Begins to fill. Options: the bytes of the filter (0: none), and about how many keys are read
  // from one iterator.
  FilterFiller(const Database& database, const StoreOptions& options);
  ~FilterFiller();  // ends the thread; before the database goes
  FilterFiller(const FilterFiller&) = delete;

  const RecordFilter* complete() const {  // nullptr: it is not to be asked
    return complete_.load(std::memory_order_acquire) ? filter_.get() : nullptr;
  }
  void insert(std::span<const uint64_t> profiles) {
    if (filter_) filter_->insert(profiles);
  }
  FilterStats stats() const;

 private:
  void fill(uint64_t last_commit);

  const Database& database_;
  const size_t keys_at_a_time_;
  std::unique_ptr<RecordFilter> filter_;  // or nullptr
  std::atomic<bool> complete_{false}, closing_{false};
  std::thread filling_;
};

}  // namespace quipu
