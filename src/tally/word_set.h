// A set of 64-bit words in one block of an arena: the words in the order they came, and, beyond 24
// of them, a table of 16-bit positions. At most 65,000 words. In a slotted set each word has a slot
// of time, and comes once for each of its slots; the table leads to its newest, and each to the one
// before it.
#pragma once

#include <cstdint>

#include "tally/arena.h"
#include "time/month_table.h"

namespace quipu {

inline constexpr uint32_t kMaxSetWords = 65000;

struct WordSet {
  uint32_t generation;  // of the record, where the set is one of its own (hot_tier.h)
  uint16_t count;
  uint16_t capacity;
  uint8_t index_bits;  // 0: no table
  bool full;           // further words are in its children
  bool slotted;
  uint8_t unused[3];
  uint16_t
      indexed;  // so many words are in the table, or have their slot before; all in a plain set

  const uint64_t* words() const { return reinterpret_cast<const uint64_t*>(this + 1); }
  uint64_t* words() { return reinterpret_cast<uint64_t*>(this + 1); }
  const uint16_t* index() const { return reinterpret_cast<const uint16_t*>(words() + capacity); }
  uint16_t* index() { return reinterpret_cast<uint16_t*>(words() + capacity); }
  // Of a slotted set, by position: the word's slot, and 1 + the position of its slot before.
  const Slot* slots() const { return index() + (index_bits == 0 ? 0 : size_t(1) << index_bits); }
  Slot* slots() { return index() + (index_bits == 0 ? 0 : size_t(1) << index_bits); }
  const uint16_t* before() const { return slots() + capacity; }
  uint16_t* before() { return slots() + capacity; }
  bool contains(uint64_t word) const { return newest(word) != 0; }
  // Of a slotted set whose words are not all in the table yet: before it is asked for them.
  void complete_index();
  // 1 + the position of the word, of its newest slot in a slotted set; 0: it is not there.
  uint32_t newest(uint64_t word) const;
  // Before contains() of many words in many sets: fetches what it reads first, then what that leads
  // to.
  void prefetch_place(uint64_t word) const {
    const void* first =
        index_bits == 0 ? static_cast<const void*>(words()) : index() + place_of(word);
    __builtin_prefetch(first);
  }
  void prefetch_word(uint64_t word) const {
    if (index_bits == 0) return;
    if (const uint16_t position = index()[place_of(word)])
      __builtin_prefetch(words() + position - 1);
  }
  uint32_t place_of(uint64_t word) const {
    return uint32_t(word) & ((1u << index_bits) - 1);
  }  // in the table
};
static_assert(sizeof(WordSet) == 16);

// Adds a word that is not in the set. kNoHandle makes a new set. Returns the set's handle: it may
// move. It will hold about `limit` words at most.
Handle insert_word(Arena& arena, Handle set, uint64_t word, uint32_t limit);
// The same for a slotted set: a word that it does not have with this slot. indexed: the set is
// likely to be asked for it.
Handle insert_slot_word(Arena& arena, Handle set, uint64_t word, Slot slot, uint32_t limit,
                        bool indexed = true);

}  // namespace quipu
