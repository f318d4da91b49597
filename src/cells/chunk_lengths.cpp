#include "cells/chunk_lengths.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "cells/cell_rows.h"

namespace quipu {
namespace {

constexpr size_t kFirstEntries = 1024;

uint64_t tag_of(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension) {
  const uint64_t tag =
      combine64(combine64(day, uint64_t(raw(tenant)) << 32 | raw(selector)), raw(dimension));
  return tag == 0 ? 1 : tag;
}

// Prefix bits at which so many values fall into pieces of at most about `aim`.
int bits_for(uint64_t values, uint64_t aim) {
  return values <= aim ? 0 : std::min(kMaxChunkBits, int(std::bit_width((values - 1) / aim)));
}

}  // namespace

ChunkLengths::Choice ChunkLengths::choose(DayIndex day, TenantId tenant, SelectorId selector,
                                          DimensionId dimension, uint64_t values,
                                          std::span<const uint64_t> hashes, int chunk_values) {
  const uint64_t aim = uint64_t(std::max(1, chunk_values));
  Entry& entry = find_or_insert(day, tenant, selector, dimension);
  const uint8_t bits_before = entry.sketch.bits;
  const bool has_new_hashes = entry.sketch.add(hashes);
  const uint64_t of_day = entry.sketch.values();
  const int wanted = std::max(bits_for(values, aim), bits_for(of_day, aim * kGrowth));
  entry.sketch.bits = std::max(entry.sketch.bits, uint8_t(wanted));
  entry.bits = std::max<uint32_t>(entry.bits, entry.sketch.bits);
  return {int(entry.bits), std::max(values, of_day),
          has_new_hashes || entry.sketch.bits != bits_before};
}

void ChunkLengths::learn(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension,
                         const ValueSketch& stored) {
  Entry& entry = find_or_insert(day, tenant, selector, dimension);
  entry.sketch.merge(stored);
  entry.sketch.bits = std::min(entry.sketch.bits, uint8_t(kMaxChunkBits));
  entry.bits = std::max<uint32_t>(entry.bits, entry.sketch.bits);
  entry.is_learnt = 1;
}

ValueSketch ChunkLengths::sketch(DayIndex day, TenantId tenant, SelectorId selector,
                                 DimensionId dimension) {
  const Entry* entry = find(tag_of(day, tenant, selector, dimension));
  CHECK(entry != nullptr);
  return entry->sketch;
}

ChunkLengths::Entry& ChunkLengths::find_or_insert(DayIndex day, TenantId tenant,
                                                  SelectorId selector, DimensionId dimension) {
  const uint64_t tag = tag_of(day, tenant, selector, dimension);
  if (Entry* entry = find(tag)) return *entry;
  Entry fresh;
  fresh.tag = tag;
  fresh.day = std::min(day, kLastDay);
  if (day > 0 && day != kLifetimeDay) {
    if (const Entry* yesterday = find(tag_of(day - 1, tenant, selector, dimension)))
      fresh.bits = yesterday->sketch.bits;
  }
  return insert(fresh);
}

void ChunkLengths::prefetch(DayIndex day, TenantId tenant, SelectorId selector,
                            DimensionId dimension) const {
  if (table_.size() == 0) return;
  const Entry* set = &table_[set_of(tag_of(day, tenant, selector, dimension))];
  for (size_t w = 0; w < kWays; ++w) __builtin_prefetch(set + w, 1);
}

bool ChunkLengths::knows(DayIndex day, TenantId tenant, SelectorId selector,
                         DimensionId dimension) {
  const Entry* entry = find(tag_of(day, tenant, selector, dimension));
  return entry != nullptr && entry->is_learnt;
}

int ChunkLengths::bits_of_grown(uint64_t values, int chunk_values) {
  return bits_for(values, uint64_t(std::max(1, chunk_values)) * kGrowth);
}

ChunkLengths::Entry* ChunkLengths::find(uint64_t tag) {
  if (table_.size() == 0) return nullptr;
  Entry* set = &table_[set_of(tag)];
  for (size_t w = 0; w < kWays; ++w) {
    if (set[w].tag == tag) return set + w;
  }
  return nullptr;
}

ChunkLengths::Entry& ChunkLengths::insert(const Entry& entry) {
  if (used_ * 2 >= table_.size() && table_.size() < max_entries_) grow();
  Entry* set = &table_[set_of(entry.tag)];
  const auto worth = [](const Entry& e) {
    return e.tag == 0 ? 0 : (uint64_t(e.sketch.bits) + 1) << 32 | e.day;
  };
  Entry* victim = std::min_element(
      set, set + kWays, [&](const Entry& a, const Entry& b) { return worth(a) < worth(b); });
  if (victim->tag == 0) ++used_;
  *victim = entry;
  return *victim;
}

void ChunkLengths::grow() {
  HugeArray<Entry> old = std::exchange(
      table_, HugeArray<Entry>(table_.size() == 0 ? kFirstEntries : table_.size() * 2));
  used_ = 0;
  for (const Entry& e : old) {
    if (e.tag != 0) insert(e);
  }
}

}  // namespace quipu
