// Finds the dimensions in which rows of one event counted with several values. Sees entries in the
// order of their pane. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "cells/group_by.h"
#include "cells/pane_entry.h"

namespace quipu {

class SeveralFinder {
 public:
  void see(PaneEntry entry);
  void report(std::vector<GroupByResult::Several>& out) const;

 private:
  struct Key {
    TenantId tenant;
    const CompiledMetric* metric;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& k) const {
      return size_t(combine64(raw(k.tenant), reinterpret_cast<uint64_t>(k.metric)));
    }
  };
  using Bitmap = std::array<uint64_t, kMaxBitmapWords>;
  Bitmap seen_{};                     // by the event's rows so far
  const uint64_t* before_ = nullptr;  // the entry before
  std::unordered_map<Key, Bitmap, KeyHash> several_;
};

}  // namespace quipu
