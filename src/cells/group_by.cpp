#include "cells/group_by.h"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "cells/cell_codec.h"
#include "cells/cell_rows.h"
#include "cells/dimension_cells.h"
#include "cells/group_table.h"
#include "cells/pane_entry.h"
#include "cells/row_output.h"
#include "cells/section_map.h"
#include "cells/sparse_rows.h"

namespace quipu {
namespace {

constexpr size_t kSparseCounters = size_t(1) << 20;
constexpr uint64_t kRandomLengths = 7;           // 0 .. 6 bits

// Entries of one (day, tenant, metric).
struct Bucket {
  DayIndex day;
  TenantId tenant;
  const MetricSections* metric;
  const MonthTable* month;
  size_t begin = 0, end = 0;                     // in the order of buckets
};

// All panes' entries, brought together by bucket, buckets by (day, tenant).
class OrderedEntries {
 public:
  OrderedEntries(std::span<const Pane* const> panes, SectionMap& sections);
  std::span<const Bucket> buckets() const { return buckets_; }
  std::span<const PaneEntry> of(const Bucket& b) const { return std::span(entries_).subspan(b.begin, b.end - b.begin); }

 private:
  uint32_t bucket_of(PaneEntry entry, SectionMap& sections);
  uint32_t* place_of(uint64_t tenant_and_day, const CompiledMetric* metric);
  void grow();

  std::vector<Bucket> buckets_;
  std::vector<PaneEntry> entries_;
  std::vector<uint32_t> places_;                 // 1 + bucket, open addressing
};

// Dimensions in which rows of one event counted with several values.
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
    size_t operator()(const Key& k) const { return size_t(combine64(raw(k.tenant), reinterpret_cast<uint64_t>(k.metric))); }
  };
  using Bitmap = std::array<uint64_t, kMaxBlocks>;
  Bitmap seen_{};                                // by the event's rows so far
  const uint64_t* before_ = nullptr;             // the entry before
  std::unordered_map<Key, Bitmap, KeyHash> several_;
};

class Grouper {
 public:
  Grouper(const OrderedEntries& entries, const CompiledPlan& plan, const GroupByOptions& options, GroupByState& state,
          RowOutput& out)
      : entries_(entries), plan_(plan), options_(options), state_(state), out_(out) {}

  Status days();
  Status lifetime();

 private:
  // A section of a bucket's metric.
  struct Part {
    const Bucket* bucket;
    const SectionSource* source;
  };
  void add_parts(const Bucket& bucket, bool only_lifetime);
  Status groups(DayIndex day, TenantId tenant, int frames);
  Status group(CellKey key, int frames, const SelectorShape& shape);
  Status packed(CellKey key, int frames, std::span<const SelectorShape::Dimension> dimensions);
  Status sparse(const CellKey& key, int frames, const SelectorShape& shape);
  bool goes_sparse(const CellKey& key);
  int chunk_bits(const CellKey& key);

  const OrderedEntries& entries_;
  const CompiledPlan& plan_;
  const GroupByOptions& options_;
  GroupByState& state_;
  RowOutput& out_;
  std::vector<Part> parts_;
  GroupTable table_;
  DimensionCells cells_;
};

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
      ++buckets_[bucket_of_entry.back()].end;    // a count until they are added up below
    });
  }
  std::vector<uint32_t> order(buckets_.size());
  for (uint32_t b = 0; b < order.size(); ++b) order[b] = b;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const Bucket &x = buckets_[a], &y = buckets_[b];
    return x.day != y.day ? x.day < y.day : x.tenant != y.tenant ? raw(x.tenant) < raw(y.tenant) : a < b;
  });
  size_t at = 0;
  for (uint32_t b : order) {
    Bucket& bucket = buckets_[b];
    bucket.begin = at;
    at += bucket.end;
    bucket.end = bucket.begin;                   // moves on as entries come in
  }
  entries_.assign(n, PaneEntry(nullptr));
  for (size_t i = 0; i < n; ++i) entries_[buckets_[bucket_of_entry[i]].end++] = arrived[i];
  std::sort(buckets_.begin(), buckets_.end(), [](const Bucket& a, const Bucket& b) { return a.begin < b.begin; });
}

uint32_t OrderedEntries::bucket_of(PaneEntry entry, SectionMap& sections) {
  if (buckets_.size() * 2 >= places_.size()) grow();
  uint32_t* place = place_of(entry.tenant_and_day(), entry.metric());
  if (*place == 0) {
    buckets_.push_back({entry.day(), entry.tenant(), &sections.of(*entry.metric()), entry.month()});
    *place = uint32_t(buckets_.size());
  }
  const uint32_t b = *place - 1;
  // A UTC day lies in one month, whose frames depend on the tenant's calendars and pinned rules alone.
  CHECK(buckets_[b].month == entry.month() || buckets_[b].month->frames() == entry.frames());
  return b;
}

uint32_t* OrderedEntries::place_of(uint64_t tenant_and_day, const CompiledMetric* metric) {
  const size_t mask = places_.size() - 1;
  size_t at = size_t(combine64(tenant_and_day, reinterpret_cast<uint64_t>(metric))) & mask;
  for (;; at = (at + 1) & mask) {
    if (places_[at] == 0) break;
    const Bucket& b = buckets_[places_[at] - 1];
    if ((raw(b.tenant) | uint64_t(b.day) << 32) == tenant_and_day && b.metric->metric == metric) break;
  }
  return &places_[at];
}

void OrderedEntries::grow() {
  places_.assign(std::max<size_t>(1024, places_.size() * 2), 0);
  for (uint32_t b = 0; b < buckets_.size(); ++b) {
    const Bucket& bucket = buckets_[b];
    *place_of(raw(bucket.tenant) | uint64_t(bucket.day) << 32, bucket.metric->metric) = b + 1;
  }
}

void SeveralFinder::see(PaneEntry entry) {
  const uint32_t blocks = entry.blocks();
  if (!entry.same_event()) {
    before_ = entry.words();
    return;
  }
  // `before_` is set while the event's first row is all that was seen of it.
  if (before_ != nullptr) {
    std::copy_n(PaneEntry(before_).here(), blocks, seen_.begin());
    before_ = nullptr;
  }
  Bitmap* several = nullptr;
  for (uint32_t b = 0; b < blocks; ++b) {
    if (const uint64_t twice = seen_[b] & entry.here()[b]) {
      if (several == nullptr) several = &several_[{entry.tenant(), entry.metric()}];
      (*several)[b] |= twice;
    }
    seen_[b] |= entry.here()[b];
  }
}

void SeveralFinder::report(std::vector<GroupByResult::Several>& out) const {
  const auto order = [](const GroupByResult::Several& s) { return std::tuple(raw(s.tenant), raw(s.selector), raw(s.dimension)); };
  const size_t begin = out.size();
  for (const auto& [key, bits] : several_) {
    for (const CompiledSection& section : key.metric->sections) {
      for (uint32_t d = section.first_dimension; d < section.first_dimension + section.dimensions; ++d) {
        if (bits[d / 64] >> d % 64 & 1) out.push_back({key.tenant, section.selector, key.metric->dimensions[d].id});
      }
    }
  }
  std::sort(out.begin() + ptrdiff_t(begin), out.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  out.erase(std::unique(out.begin() + ptrdiff_t(begin), out.end()), out.end());
}

void Grouper::add_parts(const Bucket& bucket, bool only_lifetime) {
  for (const SectionSource& source : bucket.metric->sections) {
    if (!only_lifetime || !source.shape->lifetime_by_id.empty()) parts_.push_back({&bucket, &source});
  }
}

Status Grouper::days() {
  const auto buckets = entries_.buckets();
  for (size_t i = 0; i < buckets.size();) {
    parts_.clear();
    const Bucket& first = buckets[i];
    for (; i < buckets.size() && buckets[i].day == first.day && buckets[i].tenant == first.tenant; ++i) {
      CHECK(buckets[i].month->frames() == first.month->frames());
      add_parts(buckets[i], false);
    }
    QUIPU_TRY(groups(first.day, first.tenant, first.month->frames()));
  }
  return {};
}

Status Grouper::lifetime() {
  std::vector<const Bucket*> buckets;
  for (const Bucket& b : entries_.buckets()) {
    if (b.metric->metric->has_lifetime) buckets.push_back(&b);
  }
  std::stable_sort(buckets.begin(), buckets.end(), [](const Bucket* a, const Bucket* b) { return raw(a->tenant) < raw(b->tenant); });
  for (size_t i = 0; i < buckets.size();) {
    parts_.clear();
    const TenantId tenant = buckets[i]->tenant;
    for (; i < buckets.size() && buckets[i]->tenant == tenant; ++i) add_parts(*buckets[i], true);
    QUIPU_TRY(groups(kLifetimeDay, tenant, 1));
  }
  return {};
}

// The parts of one (day, tenant), selector by selector.
Status Grouper::groups(DayIndex day, TenantId tenant, int frames) {
  std::stable_sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) {
    return raw(a.source->shape->selector) < raw(b.source->shape->selector);
  });
  for (size_t i = 0; i < parts_.size();) {
    const SelectorShape& shape = *parts_[i].source->shape;
    table_.start(shape, day == kLifetimeDay);
    for (; i < parts_.size() && parts_[i].source->shape == &shape; ++i) table_.add(entries_.of(*parts_[i].bucket), *parts_[i].source);
    if (table_.rows().empty()) continue;
    QUIPU_TRY(group({day, tenant, shape.selector, DimensionId::none, 0, 0}, frames, shape));
  }
  return {};
}

Status Grouper::group(CellKey key, int frames, const SelectorShape& shape) {
  if (key.day == kLifetimeDay) {
    table_.build();
    return packed(key, frames, shape.lifetime_by_id);
  }
  if (shape.layout != LayoutId::none && goes_sparse(key)) return sparse(key, frames, shape);
  table_.build();
  return packed(key, frames, shape.by_id);
}

Status Grouper::packed(CellKey key, int frames, std::span<const SelectorShape::Dimension> dimensions) {
  for (size_t begin = 0; begin < dimensions.size(); begin += GroupTable::kDimensionsLoaded) {
    const auto loaded = dimensions.subspan(begin, std::min(GroupTable::kDimensionsLoaded, dimensions.size() - begin));
    table_.load(loaded, frames);
    for (size_t d = 0; d < loaded.size(); ++d) {
      cells_.count(table_, loaded[d], d, loaded[d].unique ? frames : 0, plan_.values);
      if (cells_.empty()) continue;
      key.dimension = loaded[d].id;
      QUIPU_TRY(cells_.emit(key, chunk_bits(key), out_));
    }
  }
  return {};
}

int Grouper::chunk_bits(const CellKey& key) {
  if (options_.random_chunks_seed != 0) {
    return int(combine64(options_.random_chunks_seed, state_.draws++) % kRandomLengths);
  }
  if (cells_.values() == 1 && cells_.smallest_hashes()[0] == kValueHashStart) return 0;
  return state_.chunk_lengths.choose(key.day, key.tenant, key.selector, key.dimension, cells_.values(),
                                     cells_.smallest_hashes(), options_.chunk_values);
}

// Whether the table's rows go out as they are; counts them if so.
bool Grouper::goes_sparse(const CellKey& key) {
  const size_t rows = table_.rows().size();
  if (rows > size_t(std::max(0, options_.sparse_events))) return false;
  const uint32_t limit = std::min<uint32_t>(options_.sparse_limit, UINT16_MAX);
  // Many groups share the counters: cleared before they are full of rows of groups long past.
  if (state_.sparse_written.empty() || state_.sparse_total > kSparseCounters / 8 * std::max(limit, 1u)) {
    state_.sparse_written.assign(kSparseCounters, 0);
    state_.sparse_total = 0;
  }
  const uint64_t hash = combine64(combine64(key.day, raw(key.tenant)), raw(key.selector));
  uint16_t& written = state_.sparse_written[hash & (kSparseCounters - 1)];
  if (written + rows > limit) return false;
  written = uint16_t(written + rows);
  state_.sparse_total += rows;
  return true;
}

Status Grouper::sparse(const CellKey& key, int frames, const SelectorShape& shape) {
  // The values that some row has and some dimension sums, by their ids.
  uint8_t there = 0;
  for (const GroupTable::Row& row : table_.rows()) there |= row.entry.value_mask();
  const ValuesById values = values_by_id(there & shape.sums, plan_.values);

  SparseRowBuilder builder(shape.layout, shape.bits, shape.unique, {values.ids.data(), values.count}, frames);
  std::vector<uint64_t> elements(shape.columns.size());
  for (const GroupTable::Row& row : table_.rows()) {
    const PaneEntry entry = row.entry;
    SparseEvent event;
    event.slot = entry.slot();
    for (size_t k = 0; k < values.count; ++k) {
      const unsigned mask = entry.value_mask(), bit = 1u << values.planned[k];
      if (!(mask & bit)) continue;
      event.values |= uint8_t(1 << k);
      event.sums[k] = entry.value(std::popcount(mask & (bit - 1)));
    }
    for (size_t c = 0; c < elements.size(); ++c) elements[c] = entry.elements()[row.source->positions[c]];
    event.elements = elements;
    event.here = entry.here() + row.source->first_block;
    for (int f = 0; f < frames; ++f) {
      if (const uint64_t* bits = entry.plane(1 + f)) event.first[size_t(f)] = bits + row.source->first_block;
    }
    builder.add(event);
  }
  ++out_.result().sparse_rows;
  return out_.emit(key, builder.finish());
}

void report_written(std::span<const Bucket> buckets, std::vector<GroupByResult::Written>& out) {
  const auto order = [](const GroupByResult::Written& w) { return std::tuple(raw(w.tenant), w.month); };
  const size_t begin = out.size();
  for (const Bucket& b : buckets) out.push_back({b.tenant, b.month->month()});
  std::sort(out.begin() + ptrdiff_t(begin), out.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  out.erase(std::unique(out.begin() + ptrdiff_t(begin), out.end()), out.end());
}

}  // namespace

Status group_by(std::span<const Pane* const> panes, const CompiledPlan& plan, const GroupByOptions& options,
                GroupByState& state, const RowSink& sink, GroupByResult& result) {
  SectionMap sections;
  const OrderedEntries entries(panes, sections);
  SeveralFinder several;
  for (const Pane* pane : panes) PaneReader::each(*pane, [&](PaneEntry entry) { several.see(entry); });
  several.report(result.several);
  report_written(entries.buckets(), result.written);

  RowOutput out(sink, result);
  Grouper grouper(entries, plan, options, state, out);
  QUIPU_TRY(grouper.days());
  return grouper.lifetime();
}

}  // namespace quipu
