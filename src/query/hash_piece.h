// A part of all values, by their hashes: what is too large to be held at once is looked at in
// pieces, rising. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace quipu {

struct HashPiece {
  uint64_t first = 0, last = UINT64_MAX;

  bool holds(uint64_t value_hash) const { return first <= value_hash && value_hash <= last; }
  bool is_all() const { return first == 0 && last == UINT64_MAX; }
  // Keeps the lower half. False: it is one hash.
  bool halve() {
    if (first == last) return false;
    last = first + (last - first) / 2;
    return true;
  }
  // Goes to what follows: as wide, up to twice as wide if it may grow, or behind a single hash all
  // the rest (that value was large, which says nothing of the others). False: nothing follows.
  bool next(bool may_grow = true) {
    if (last == UINT64_MAX) return false;
    const bool single = first == last;
    const uint64_t width = last - first;
    const uint64_t wanted = !may_grow ? width : width < UINT64_MAX / 2 ? 2 * width : UINT64_MAX;
    first = last + 1;
    last = single ? UINT64_MAX : first + std::min(UINT64_MAX - first, wanted);
    return true;
  }
};

}  // namespace quipu
