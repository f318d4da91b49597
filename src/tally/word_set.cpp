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

size_t word_bytes(bool slotted) {
  return sizeof(uint64_t) + (slotted ? sizeof(Slot) + sizeof(uint16_t) : 0);
}

size_t bytes_of(uint32_t capacity, bool slotted) {
  const int bits = index_bits_of(capacity);
  return sizeof(WordSet) + capacity * word_bytes(slotted) +
         (bits == 0 ? 0 : (size_t(1) << bits) * sizeof(uint16_t));
}

// A table is empty once its first word is to be entered: until then it is not touched.
void clear_table(WordSet& set) {
  if (set.index_bits != 0)
    std::memset(set.index(), 0, (size_t(1) << set.index_bits) * sizeof(uint16_t));
}

// The word at the position, which is the newest, into the table; without one, to its slot before.
void enter(WordSet& set, uint32_t position) {
  const uint64_t* words = set.words();
  const uint64_t word = words[position];
  if (set.index_bits == 0) {
    if (!set.slotted) return;
    uint32_t i = position;
    while (i != 0 && words[i - 1] != word) --i;
    set.before()[position] = uint16_t(i);
    return;
  }
  const uint32_t mask = (1u << set.index_bits) - 1;
  uint16_t* index = set.index();
  uint32_t i = uint32_t(word) & mask;
  while (index[i] != 0 && !(set.slotted && words[index[i] - 1] == word)) i = (i + 1) & mask;
  if (set.slotted) set.before()[position] = index[i];
  index[i] = uint16_t(position + 1);
}

uint32_t grown(uint32_t capacity, bool slotted, uint32_t limit) {
  if (capacity == 0) return 2;
  uint32_t next = capacity + std::max(2u, capacity / 2);
  if (capacity < limit) next = std::min(next, limit);
  if (next <= kPlainWords) {
    const size_t room = Arena::rounded(bytes_of(next, slotted));
    next = std::min(kPlainWords, uint32_t((room - sizeof(WordSet)) / word_bytes(slotted)));
  }
  return std::min(next, kMaxSetWords);
}

Handle moved(Arena& arena, Handle old_handle, bool slotted, uint32_t capacity) {
  const Handle handle = arena.allocate(bytes_of(capacity, slotted));
  auto* set = arena.at<WordSet>(handle);
  const WordSet* old = old_handle == kNoHandle ? nullptr : arena.at<WordSet>(old_handle);
  *set = old == nullptr ? WordSet{} : *old;
  set->slotted = slotted;
  set->capacity = uint16_t(capacity);
  set->index_bits = uint8_t(index_bits_of(capacity));
  if (set->indexed != 0) clear_table(*set);
  if (old == nullptr) return handle;
  std::memcpy(set->words(), old->words(), old->count * sizeof(uint64_t));
  if (slotted) std::memcpy(set->slots(), old->slots(), old->count * sizeof(Slot));
  arena.release(old_handle);
  for (uint32_t i = 0; i < set->indexed; ++i) enter(*set, i);
  return handle;
}

Handle insert(Arena& arena, Handle handle, uint64_t word, const Slot* slot, uint32_t limit,
              bool indexed) {
  const bool slotted = slot != nullptr;
  if (handle == kNoHandle) {
    handle = moved(arena, kNoHandle, slotted, grown(0, slotted, limit));
  } else if (const auto* set = arena.at<WordSet>(handle); set->count == set->capacity) {
    CHECK(set->count < kMaxSetWords);
    handle = moved(arena, handle, slotted, grown(set->capacity, slotted, limit));
  }
  auto* set = arena.at<WordSet>(handle);
  CHECK(set->slotted == slotted);
  set->words()[set->count] = word;
  if (slotted) set->slots()[set->count] = *slot;
  ++set->count;
  if (indexed) set->complete_index();
  return handle;
}

}  // namespace

void WordSet::complete_index() {
  if (indexed == 0) clear_table(*this);
  while (indexed < count) enter(*this, indexed++);
}

uint32_t WordSet::newest(uint64_t word) const {
  const uint64_t* w = words();
  if (index_bits == 0) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; ++i) found = w[i] == word ? i + 1 : found;
    return found;
  }
  const uint32_t mask = (1u << index_bits) - 1;
  const uint16_t* table = index();
  for (uint32_t i = uint32_t(word) & mask; table[i] != 0; i = (i + 1) & mask)
    if (w[table[i] - 1] == word) return table[i];
  return 0;
}

Handle insert_word(Arena& arena, Handle set, uint64_t word, uint32_t limit) {
  return insert(arena, set, word, nullptr, limit, true);
}

Handle insert_slot_word(Arena& arena, Handle set, uint64_t word, Slot slot, uint32_t limit,
                        bool indexed) {
  return insert(arena, set, word, &slot, limit, indexed);
}

}  // namespace quipu
