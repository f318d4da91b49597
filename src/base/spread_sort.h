// Sorts items whose 64-bit keys lie about evenly between the least and the greatest, as hashes do: each goes to one of
// as many buckets as there are items, and a bucket then holds hardly more than one. Keys that lie unevenly take as long
// as std::sort. (An interpolation sort by counting, after Dobosiewicz, "Sorting by distributive partitioning", 1978.)
// Pure; any thread. Memory beside the items: as many again, and 4 to 8 bytes each.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace quipu {

// key(item): the key; less(a, b): the whole order, which must be that of keys where these differ. Fewer than 2^32 items.
template <typename Item, typename Key, typename Less>
void sort_spread(std::vector<Item>& items, const Key& key, const Less& less) {
  constexpr ptrdiff_t kFew = 16;
  if (items.size() < 2) return;
  CHECK(items.size() < UINT32_MAX);
  uint64_t least = ~uint64_t(0), greatest = 0;
  for (const Item& item : items) {
    least = std::min<uint64_t>(least, key(item));
    greatest = std::max<uint64_t>(greatest, key(item));
  }
  const int bits = std::bit_width(items.size());
  const int shift = std::max(0, int(std::bit_width(greatest - least)) - bits);
  const auto bucket_of = [&](const Item& item) { return size_t((key(item) - least) >> shift); };
  std::vector<uint32_t> ends((size_t(1) << bits) + 1);
  for (const Item& item : items) ++ends[bucket_of(item) + 1];
  for (size_t b = 1; b < ends.size(); ++b) ends[b] += ends[b - 1];
  std::vector<Item> sorted(items.size());
  for (const Item& item : items) sorted[ends[bucket_of(item)]++] = item;  // a bucket's begin becomes its end
  ends.pop_back();
  uint32_t from = 0;
  for (const uint32_t end : ends) {
    Item* const first = sorted.data() + from;
    Item* const last = sorted.data() + end;
    from = end;
    if (last - first > kFew) {
      std::sort(first, last, less);
      continue;
    }
    for (Item* at = first; at < last; ++at) {
      const Item item = *at;
      Item* to = at;
      for (; to > first && less(item, to[-1]); --to) *to = to[-1];
      *to = item;
    }
  }
  items.swap(sorted);
}

}  // namespace quipu
