// What one question may read of a store, so that no question holds a thread or the disk for long.
// One thread, but for `gone`, which any thread may set.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/result.h"

namespace quipu {

inline constexpr uint64_t kMaxRowsOfQuestion = 20'000'000;            // rows of cells
inline constexpr auto kMaxTimeOfQuestion = std::chrono::seconds(10);  // from its first row

class ReadBudget {
 public:
  using Clock = std::chrono::steady_clock;
  // Nothing is looked up any more once *gone is true: nobody waits for the answer.
  ReadBudget(uint64_t rows, Clock::duration time, const std::atomic<bool>* gone = nullptr)
      : rows_(rows), left_(rows), time_(time), end_(Clock::now() + time), gone_(gone) {}

  // Before so many more rows are read, or before other work of some duration (0 rows). An error
  // names the limit and what to ask instead.
  Status spend(uint64_t rows);

 private:
  static constexpr uint32_t kLooksApart = 64;  // calls between two looks at the clock
  const uint64_t rows_;
  uint64_t left_;
  const Clock::duration time_;
  const Clock::time_point end_;
  const std::atomic<bool>* const gone_;
  uint32_t calls_ = 0;
};

}  // namespace quipu
