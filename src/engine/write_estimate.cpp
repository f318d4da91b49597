#include "engine/write_estimate.h"

#include <bit>

#include "cells/pane_entry.h"

namespace quipu {

uint64_t count_memberships(const std::vector<const Pane*>& panes) {
  uint64_t bits = 0;
  for (const Pane* pane : panes) {
    PaneReader::each(*pane, [&](const PaneEntry& entry) {
      for (uint32_t word = 0; word < entry.bitmap_words(); ++word)
        bits += uint64_t(std::popcount(entry.here()[word]));
    });
  }
  return bits;
}

uint64_t WriteEstimate::bytes(uint64_t memberships, uint64_t other_bytes) const {
  const double a_membership = double(cell_bytes_) / double(memberships_);
  return uint64_t(double(memberships) * a_membership) + other_bytes;
}

void WriteEstimate::learn(uint64_t memberships, uint64_t cell_bytes) {
  memberships_ += memberships;
  cell_bytes_ += cell_bytes;
}

}  // namespace quipu
