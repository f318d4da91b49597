// The 64-bit words of a record: what a membership beyond the matrix (the value hash, with its slot
// beside it), or a lifetime membership, is stored as, and how a forever record names the months
// that have rows. Words are stored, so these
// functions are a part of the format (record_format.h). Pure; any thread.
#pragma once

#include <cstdint>

#include "base/hash.h"
#include "base/ids.h"
#include "time/month_table.h"

namespace quipu {

inline constexpr uint64_t kLifetimeWord = 2;
inline constexpr uint64_t kMonthWord = 3;
inline constexpr uint64_t kInlinedMonthWord = 4;

// Goes on with combine64(hash, element) for each element of the value in its stored order: the
// value hash.
constexpr uint64_t value_hash_seed(SelectorId selector, DimensionId dimension) {
  return combine64(raw(selector), raw(dimension));
}
constexpr uint64_t lifetime_word(uint64_t value_hash) {
  return combine64(value_hash, kLifetimeWord);
}
// In a profile's forever record: it has a record of this month.
constexpr uint64_t month_word(MonthIndex month) { return combine64(kMonthWord, month); }
// In a profile's forever record, in the root: it holds rows of this month itself.
constexpr uint64_t inlined_month_word(MonthIndex month) {
  return combine64(kInlinedMonthWord, month);
}

// Chunks: a set of words is a tree of chunks; the root is the record itself. The child of a chunk
// at depth n-1 that a word belongs to is named by the word's first 4n bits.
inline constexpr int kChunkBits = 4;
inline constexpr uint32_t kChunkChildren = 1 << kChunkBits;
inline constexpr uint32_t kMaxChunkDepth = 8;
constexpr uint32_t chunk_path(uint64_t word, uint32_t depth) {
  return depth == 0 ? 0 : uint32_t(word >> (64 - kChunkBits * depth));
}

}  // namespace quipu
