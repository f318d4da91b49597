// All panes' entries in the order that group-by works in: by (UTC day, tenant), and within it by
// metric. Refers to the panes, which may not change meanwhile. Made on one thread, then read by
// any. Memory: about 20 bytes an entry.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cells/pane.h"
#include "cells/pane_entry.h"
#include "cells/section_map.h"

namespace quipu {

// Entries of one (day, tenant, metric).
struct EntryBucket {
  DayIndex day;
  TenantId tenant;
  const MetricSections* metric;
  int frames;                 // of the tenant's calendars in that day's month
  size_t begin = 0, end = 0;  // in the order of buckets
};

// All panes' entries, brought together by bucket, buckets by (day, tenant).
class OrderedEntries {
 public:
  OrderedEntries(std::span<const Pane* const> panes, SectionMap& sections);
  std::span<const EntryBucket> buckets() const { return buckets_; }
  std::span<const PaneEntry> of(const EntryBucket& b) const {
    return std::span(entries_).subspan(b.begin, b.end - b.begin);
  }

 private:
  uint32_t bucket_of(PaneEntry entry, SectionMap& sections);
  uint32_t* place_of(uint64_t tenant_and_day, const CompiledMetric* metric);
  void grow();

  std::vector<EntryBucket> buckets_;
  std::vector<PaneEntry> entries_;
  std::vector<uint32_t> places_;  // 1 + bucket, open addressing
};

}  // namespace quipu
