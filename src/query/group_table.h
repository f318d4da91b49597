// Figures by group: found by the elements that the group is named by, held side by side, so that a
// million groups take little more than their numbers. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/decimal.h"
#include "query/hash_piece.h"

namespace quipu {

class GroupTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // arity: elements of a group; entries: buckets of each figure; sums: values that are added up.
  GroupTable(size_t arity, size_t entries, size_t sums)
      : arity_(arity), entries_(entries), sums_(sums) {}

  size_t size() const { return value_hashes_.size(); }
  size_t bytes_of_group() const {
    return arity_ * sizeof(uint64_t) + kBytesOfGroup + entries_ * (16 + sums_ * sizeof(Fixed6));
  }
  uint32_t find(std::span<const uint64_t> elements) const;
  // A group that is not there yet, of a value with this hash.
  uint32_t add(std::span<const uint64_t> elements, uint64_t value_hash);
  // Drops the groups of values outside the piece.
  void keep(const HashPiece& piece);
  void clear();

  std::span<const uint64_t> elements(uint32_t group) const {
    return {elements_.data() + group * arity_, arity_};
  }
  // By entry.
  std::span<uint64_t> count(uint32_t group) { return {count_.data() + group * entries_, entries_}; }
  std::span<uint64_t> unique(uint32_t group) {
    return {unique_.data() + group * entries_, entries_};
  }
  std::span<Fixed6> sum(uint32_t group, size_t value) {
    return {sum_.data() + (group * sums_ + value) * entries_, entries_};
  }

 private:
  static constexpr size_t kBytesOfGroup =
      24;  // its value's hash, and slots, of which half are free
  static uint64_t hash_of(std::span<const uint64_t> elements);
  void place(uint32_t group);
  void grow(size_t slots);

  const size_t arity_, entries_, sums_;
  std::vector<uint64_t> elements_, value_hashes_, count_, unique_;
  std::vector<Fixed6> sum_;
  std::vector<uint32_t> slots_;  // group + 1, or 0; a power of two of them, at most half are taken
};

}  // namespace quipu
