// How many bytes a checkpoint may write, told from its panes before they are grouped, so that a
// disk that is too small is noticed before it is full. Each membership (a set bit: an event counts
// in a dimension) may become a cell of its own, or be added to one; how many bytes one took is
// learnt from the checkpoints before, beginning with the most that is usual. Used by the checkpoint
// writer's thread.
#pragma once

#include <cstdint>
#include <vector>

#include "cells/pane.h"

namespace quipu {

uint64_t count_memberships(const std::vector<const Pane*>& panes);

class WriteEstimate {
 public:
  static constexpr uint64_t kBytesAtFirst = 32;               // a membership
  static constexpr uint64_t kMembershipsAtFirst = 256 << 10;  // that the first figure weighs

  // other_bytes: new rows and names, as they lie in memory.
  uint64_t bytes(uint64_t memberships, uint64_t other_bytes) const;
  void learn(uint64_t memberships, uint64_t cell_bytes);

 private:
  uint64_t memberships_ = kMembershipsAtFirst;
  uint64_t cell_bytes_ = kMembershipsAtFirst * kBytesAtFirst;
};

}  // namespace quipu
