// Finds, among numbered things added one after another, the first that is equal to each. Internal
// to this room. A small open-addressing table that keeps its memory; one thread.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace quipu {

class FirstOfEquals {
 public:
  // Forgets everything; at most `most` things will be added.
  void begin(size_t most) { table_.assign(std::bit_ceil(2 * most + 1), kNone); }

  // The first thing added that is equal to `index`: itself if it is new. equal(i) compares with
  // thing i.
  template <typename Equal>
  uint32_t add(uint32_t index, uint64_t hash, Equal equal) {
    const size_t mask = table_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      if (table_[at] == kNone) return table_[at] = index;
      if (equal(table_[at])) return table_[at];
    }
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t(0);
  std::vector<uint32_t> table_;
};

}  // namespace quipu
