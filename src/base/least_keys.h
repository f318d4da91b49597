// The least of up to 32 keys which change one at a time, and who has it: for merging sorted rows.
// In groups of eight that remember their least, so that a changed key costs a look at seven others
// and no branch that a processor guesses wrong. Where many rows have the same key this finds them
// together, which a heap does not. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"

namespace quipu {

class LeastKeys {
 public:
  static constexpr size_t kMost = 32;
  using Mask = uint32_t;  // bit i: row i

  // Rows 0 .. rows - 1, each without a key until set().
  explicit LeastKeys(size_t rows) : groups_((rows + kGroup - 1) / kGroup) {
    CHECK(rows <= kMost);
    keys_.fill(kNoKey);
    least_.fill(kNoKey);
  }

  void set(size_t row, uint64_t key) {
    keys_[row] = key;
    alive_ |= Mask(1) << row;
    find_least(row / kGroup);
  }
  void end(size_t row) {  // it has no key any more
    keys_[row] = kNoKey;
    alive_ &= ~(Mask(1) << row);
    find_least(row / kGroup);
  }

  // The rows that have the least key; none if no row has one.
  Mask least() const {
    uint64_t least = least_[0];
    for (size_t g = 1; g < groups_; ++g) least = std::min(least, least_[g]);
    Mask with = 0;
    for (size_t g = 0; g < groups_; ++g) {
      if (least_[g] != least) continue;
      Mask of_group = 0;
#pragma GCC unroll 8
      for (size_t i = 0; i < kGroup; ++i) of_group |= Mask(keys_[g * kGroup + i] == least) << i;
      with |= of_group << (g * kGroup);
    }
    return with & alive_;  // a key may be as large as kNoKey
  }

 private:
  static constexpr size_t kGroup = 8;
  static constexpr uint64_t kNoKey = ~uint64_t(0);

  void find_least(size_t group) {
    const uint64_t* k = &keys_[group * kGroup];
    least_[group] = std::min(std::min(std::min(k[0], k[1]), std::min(k[2], k[3])),
                             std::min(std::min(k[4], k[5]), std::min(k[6], k[7])));
  }

  const size_t groups_;
  Mask alive_ = 0;
  std::array<uint64_t, kMost> keys_;
  std::array<uint64_t, kMost / kGroup> least_;
};

// Calls f(row) for the rows of a mask, rising, until it gives false; false then.
template <typename F>
bool each_row(LeastKeys::Mask rows, const F& f) {
  for (; rows != 0; rows &= rows - 1) {
    if (!f(size_t(std::countr_zero(rows)))) return false;
  }
  return true;
}

// Merges any number of rows into one by merge(rows), which takes at most LeastKeys::kMost and gives
// an optional string.
template <typename Merge>
std::optional<std::string> merge_in_parts(std::span<const std::string_view> rows,
                                          const Merge& merge) {
  if (rows.size() <= LeastKeys::kMost) return merge(rows);
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < rows.size(); begin += LeastKeys::kMost) {
    auto part = merge(rows.subspan(begin, std::min(LeastKeys::kMost, rows.size() - begin)));
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
  }
  return merge_in_parts(std::vector<std::string_view>(parts.begin(), parts.end()), merge);
}

}  // namespace quipu
