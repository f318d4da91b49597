#include "cells/chunk_lengths.h"

#include <algorithm>
#include <bit>
#include <utility>

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
                                          std::span<const uint64_t> hashes, int chunk_values,
                                          int least) {
  const uint64_t aim = uint64_t(std::max(1, chunk_values));
  const uint64_t tag = tag_of(day, tenant, selector, dimension);
  Entry* entry = find(tag);
  if (entry == nullptr) {
    Entry fresh;
    fresh.tag = tag;
    fresh.day = day;
    if (day > 0 && day != kLifetimeDay) {
      if (const Entry* yesterday = find(tag_of(day - 1, tenant, selector, dimension)))
        fresh.bits = yesterday->own_bits;
    }
    entry = &insert(fresh);
  }

  std::array<uint32_t, 2 * kSmallest> both{};
  auto end = std::copy_n(entry->smallest.begin(), entry->known, both.begin());
  for (uint64_t h : hashes.first(std::min(hashes.size(), kSmallest))) *end++ = uint32_t(h >> 32);
  std::inplace_merge(both.begin(), both.begin() + entry->known, end);
  end = std::unique(both.begin(), end);
  entry->known = uint8_t(std::min(size_t(end - both.begin()), kSmallest));
  std::copy_n(both.begin(), entry->known, entry->smallest.begin());

  uint64_t of_day = entry->known;
  if (entry->known == kSmallest) {
    of_day =
        uint64_t(double(kSmallest - 1) * 0x1p32 / (double(entry->smallest[kSmallest - 1]) + 1));
  }
  const int wanted = std::max(
      {bits_for(values, aim), bits_for(of_day, aim * kGrowth), std::min(least, kMaxChunkBits)});
  entry->own_bits = std::max(entry->own_bits, uint8_t(wanted));
  entry->bits = std::max(entry->bits, entry->own_bits);
  return {entry->bits, std::max(values, of_day)};
}

void ChunkLengths::prefetch(DayIndex day, TenantId tenant, SelectorId selector,
                            DimensionId dimension) const {
  if (table_.size() == 0) return;
  const Entry* set = &table_[set_of(tag_of(day, tenant, selector, dimension))];
  for (size_t w = 0; w < kWays; ++w) __builtin_prefetch(set + w, 1);
}

bool ChunkLengths::knows(DayIndex day, TenantId tenant, SelectorId selector,
                         DimensionId dimension) {
  return find(tag_of(day, tenant, selector, dimension)) != nullptr;
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
    return e.tag == 0 ? 0 : (uint64_t(e.own_bits) + 1) << 32 | e.day;
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
