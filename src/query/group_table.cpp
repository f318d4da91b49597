#include "query/group_table.h"

#include <algorithm>

#include "base/check.h"

namespace quipu {

// Elements are hashes already; what is small must be spread, too.
uint64_t GroupTable::hash_of(std::span<const uint64_t> elements) {
  uint64_t hash = 0;
  for (const uint64_t element : elements) {
    hash = (hash ^ element) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
  }
  return hash;
}

uint32_t GroupTable::find(std::span<const uint64_t> elements) const {
  if (slots_.empty()) return kNone;
  for (size_t at = hash_of(elements) & (slots_.size() - 1); slots_[at] != 0;
       at = (at + 1) & (slots_.size() - 1)) {
    const uint32_t group = slots_[at] - 1;
    const uint64_t* own = elements_.data() + group * arity_;
    size_t same = 0;
    while (same < arity_ && own[same] == elements[same]) ++same;
    if (same == arity_) return group;
  }
  return kNone;
}

uint32_t GroupTable::add(std::span<const uint64_t> elements, uint64_t value_hash) {
  CHECK_EQ(elements.size(), arity_);
  const uint32_t group = uint32_t(size());
  elements_.insert(elements_.end(), elements.begin(), elements.end());
  value_hashes_.push_back(value_hash);
  count_.resize(count_.size() + entries_);
  unique_.resize(unique_.size() + entries_);
  sum_.resize(sum_.size() + sums_ * entries_);
  if (2 * size() > slots_.size())
    grow(std::max<size_t>(16, 2 * slots_.size()));
  else
    place(group);
  return group;
}

void GroupTable::place(uint32_t group) {
  size_t at = hash_of(elements(group)) & (slots_.size() - 1);
  while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = group + 1;
}

void GroupTable::grow(size_t slots) {
  slots_.assign(slots, 0);
  for (uint32_t group = 0; group < size(); ++group) place(group);
}

void GroupTable::keep(const HashPiece& piece) {
  uint32_t kept = 0;
  const auto move = [&](auto& of, uint32_t group, size_t each) {
    std::copy_n(of.begin() + ptrdiff_t(group * each), each, of.begin() + ptrdiff_t(kept * each));
  };
  for (uint32_t group = 0; group < size(); ++group) {
    if (!piece.holds(value_hashes_[group])) continue;
    if (kept != group) {
      move(elements_, group, arity_);
      move(value_hashes_, group, 1);
      move(count_, group, entries_);
      move(unique_, group, entries_);
      move(sum_, group, sums_ * entries_);
    }
    ++kept;
  }
  elements_.resize(kept * arity_);
  value_hashes_.resize(kept);
  count_.resize(kept * entries_);
  unique_.resize(kept * entries_);
  sum_.resize(kept * sums_ * entries_);
  grow(slots_.size());
}

void GroupTable::clear() {
  for (auto* of : {&elements_, &value_hashes_, &count_, &unique_}) of->clear();
  sum_.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
}

}  // namespace quipu
