#include "tally/word_set.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace quipu {
namespace {

constexpr uint32_t kPlainWords = 24;  // up to here a set has no table

int index_bits_of(uint32_t capacity) {
  return capacity <= kPlainWords ? 0 : int(std::bit_width(capacity + capacity / 2));
}

size_t bytes_of(uint32_t capacity) {
  const int bits = index_bits_of(capacity);
  return sizeof(WordSet) + capacity * sizeof(uint64_t) +
         (bits == 0 ? 0 : (size_t(1) << bits) * sizeof(uint16_t));
}

void enter(WordSet& set, uint16_t position) {
  const uint32_t mask = (1u << set.index_bits) - 1;
  uint16_t* index = set.index();
  uint32_t i = uint32_t(set.words()[position]) & mask;
  while (index[i] != 0) i = (i + 1) & mask;
  index[i] = uint16_t(position + 1);
}

uint32_t grown(uint32_t capacity, uint32_t limit) {
  if (capacity == 0) return 2;
  uint32_t next = capacity + std::max(2u, capacity / 2);
  if (capacity < limit) next = std::min(next, limit);
  if (next <= kPlainWords) {
    const size_t room = Arena::rounded(bytes_of(next));
    next = std::min(kPlainWords, uint32_t((room - sizeof(WordSet)) / sizeof(uint64_t)));
  }
  return std::min(next, kMaxSetWords);
}

Handle moved(Arena& arena, Handle old_handle, uint32_t capacity) {
  const Handle handle = arena.allocate(bytes_of(capacity));
  auto* set = arena.at<WordSet>(handle);
  if (old_handle == kNoHandle) {
    *set = WordSet{};
  } else {
    const auto* old = arena.at<WordSet>(old_handle);
    *set = *old;
    std::memcpy(set->words(), old->words(), old->count * sizeof(uint64_t));
    arena.release(old_handle);
  }
  set->capacity = uint16_t(capacity);
  set->index_bits = uint8_t(index_bits_of(capacity));
  if (set->index_bits != 0) {
    std::memset(set->index(), 0, (size_t(1) << set->index_bits) * sizeof(uint16_t));
    for (uint32_t i = 0; i < set->count; ++i) enter(*set, uint16_t(i));
  }
  return handle;
}

}  // namespace

bool WordSet::contains(uint64_t word) const {
  const uint64_t* w = words();
  if (index_bits == 0) {
    bool found = false;
    for (uint32_t i = 0; i < count; ++i) found |= w[i] == word;
    return found;
  }
  const uint32_t mask = (1u << index_bits) - 1;
  const uint16_t* table = index();
  for (uint32_t i = uint32_t(word) & mask; table[i] != 0; i = (i + 1) & mask)
    if (w[table[i] - 1] == word) return true;
  return false;
}

Handle insert_word(Arena& arena, Handle handle, uint64_t word, uint32_t limit) {
  if (handle == kNoHandle) {
    handle = moved(arena, kNoHandle, grown(0, limit));
  } else if (const auto* set = arena.at<WordSet>(handle); set->count == set->capacity) {
    CHECK(set->count < kMaxSetWords);
    handle = moved(arena, handle, grown(set->capacity, limit));
  }
  auto* set = arena.at<WordSet>(handle);
  set->words()[set->count] = word;
  if (set->index_bits != 0) enter(*set, set->count);
  ++set->count;
  return handle;
}

}  // namespace quipu
