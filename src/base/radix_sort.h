// Sorting many items by (group, hash), where groups are few and hashes even: items are given a
// place of 64 bits, the group's rank before the first bits of the hash, and sorted by the first
// kSortedBits of it. Items whose bits are alike keep their order and are few: whoever sorts settles
// them by the whole keys. One thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace quipu {

constexpr int kSortedBits = 44;
constexpr uint64_t sorted_bits(uint64_t place) { return place >> (64 - kSortedBits); }

// By sorted_bits(item.place); stable.
template <typename Item>
void radix_sort(std::vector<Item>& items) {
  constexpr int kDigitBits = 11;
  static_assert(kSortedBits % kDigitBits == 0);
  constexpr uint64_t kMask = (1 << kDigitBits) - 1;
  std::vector<Item> other(items.size());
  for (int shift = 64 - kSortedBits; shift < 64; shift += kDigitBits) {
    std::vector<uint32_t> begin(kMask + 2, 0);
    for (const Item& item : items) ++begin[(item.place >> shift & kMask) + 1];
    if (std::find(begin.begin(), begin.end(), items.size()) != begin.end()) continue;  // all alike
    for (size_t d = 1; d < begin.size(); ++d) begin[d] += begin[d - 1];
    for (const Item& item : items) other[begin[item.place >> shift & kMask]++] = item;
    items.swap(other);
  }
}

// Gives groups (of 64 bits) numbers as they come, dense from 0, and in the end their ranks. Open
// addressing.
class GroupRanks {
 public:
  uint32_t number(uint64_t group) {
    if (groups_.size() * 2 >= table_.size()) grow();
    uint32_t& at = find(group);
    if (at == kNone) {
      at = uint32_t(groups_.size());
      groups_.push_back(group);
    }
    return at;
  }

  // Once all groups are known.
  void rank() {
    std::vector<uint32_t> in_order(groups_.size());
    std::iota(in_order.begin(), in_order.end(), 0);
    std::sort(in_order.begin(), in_order.end(),
              [&](uint32_t a, uint32_t b) { return groups_[a] < groups_[b]; });
    ranks_.resize(groups_.size());
    for (size_t r = 0; r < in_order.size(); ++r) ranks_[in_order[r]] = r;
    bits_ = std::max(1, int(std::bit_width(groups_.size())));
  }
  uint64_t place(uint32_t number, uint64_t hash) const {
    return ranks_[number] << (64 - bits_) | hash >> bits_;
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t(0);

  uint32_t& find(uint64_t group) {
    const size_t mask = table_.size() - 1;
    for (size_t at = group * 0x9e3779b97f4a7c15ull >> 32 & mask;; at = (at + 1) & mask) {
      if (table_[at] == kNone || groups_[table_[at]] == group) return table_[at];
    }
  }
  void grow() {
    table_.assign(std::max<size_t>(1024, table_.size() * 2), kNone);
    for (uint32_t i = 0; i < groups_.size(); ++i) find(groups_[i]) = i;
  }

  std::vector<uint64_t> groups_, ranks_;
  std::vector<uint32_t> table_;
  int bits_ = 1;
};

}  // namespace quipu
