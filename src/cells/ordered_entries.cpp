#include "cells/ordered_entries.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace quipu {

OrderedEntries::OrderedEntries(std::span<const Pane* const> panes, SectionMap& sections) {
  size_t n = 0;
  for (const Pane* pane : panes) n += pane->rows();
  std::vector<PaneEntry> arrived;
  std::vector<uint32_t> bucket_of_entry;
  arrived.reserve(n);
  bucket_of_entry.reserve(n);
  for (const Pane* pane : panes) {
    PaneReader::each(*pane, [&](PaneEntry entry) {
      arrived.push_back(entry);
      bucket_of_entry.push_back(bucket_of(entry, sections));
      ++buckets_[bucket_of_entry.back()].end;  // a count until they are added up below
    });
  }
  std::vector<uint32_t> order(buckets_.size());
  for (uint32_t b = 0; b < order.size(); ++b) order[b] = b;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const EntryBucket &x = buckets_[a], &y = buckets_[b];
    return x.day != y.day         ? x.day < y.day
           : x.tenant != y.tenant ? raw(x.tenant) < raw(y.tenant)
                                  : a < b;
  });
  size_t at = 0;
  for (uint32_t b : order) {
    EntryBucket& bucket = buckets_[b];
    bucket.begin = at;
    at += bucket.end;
    bucket.end = bucket.begin;  // moves on as entries come in
  }
  entries_.assign(n, PaneEntry(nullptr));
  for (size_t i = 0; i < n; ++i) entries_[buckets_[bucket_of_entry[i]].end++] = arrived[i];
  std::sort(buckets_.begin(), buckets_.end(),
            [](const EntryBucket& a, const EntryBucket& b) { return a.begin < b.begin; });
}

uint32_t OrderedEntries::bucket_of(PaneEntry entry, SectionMap& sections) {
  if (buckets_.size() * 2 >= places_.size()) grow();
  uint32_t* place = place_of(entry.tenant_and_day(), entry.metric());
  if (*place == 0) {
    buckets_.push_back(
        {entry.day(), entry.tenant(), &sections.of(*entry.metric()), entry.frames()});
    *place = uint32_t(buckets_.size());
  }
  const uint32_t b = *place - 1;
  // A UTC day lies in one month, whose frames depend on the tenant's calendars and pinned rules
  // alone.
  CHECK(buckets_[b].frames == entry.frames());
  return b;
}

uint32_t* OrderedEntries::place_of(uint64_t tenant_and_day, const CompiledMetric* metric) {
  const size_t mask = places_.size() - 1;
  size_t at = size_t(combine64(tenant_and_day, reinterpret_cast<uint64_t>(metric))) & mask;
  for (;; at = (at + 1) & mask) {
    if (places_[at] == 0) break;
    const EntryBucket& b = buckets_[places_[at] - 1];
    if ((raw(b.tenant) | uint64_t(b.day) << 32) == tenant_and_day && b.metric->metric == metric)
      break;
  }
  return &places_[at];
}

void OrderedEntries::grow() {
  places_.assign(std::max<size_t>(1024, places_.size() * 2), 0);
  for (uint32_t b = 0; b < buckets_.size(); ++b) {
    const EntryBucket& bucket = buckets_[b];
    *place_of(raw(bucket.tenant) | uint64_t(bucket.day) << 32, bucket.metric->metric) = b + 1;
  }
}

}  // namespace quipu
