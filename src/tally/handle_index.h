// A hash table of handles: open addressing with linear probing in 64 segments which grow by a third
// each on its own, so that no single growth takes long. A slot is 8 bytes: 32 bits of the hash and
// the handle; the keys stand in what the handles name, and the caller compares them. Beside it lies
// a byte for whoever walks over all entries, its mark: 0 until it is set. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "tally/arena.h"

namespace quipu {

class HandleIndex {
 public:
  // A place in the table, for walking over all of it (the clock's hand). Entries may be seen twice
  // or not at all while others come and go.
  struct Cursor {
    uint32_t segment = 0;
    uint32_t slot = 0;
  };

  size_t size() const { return size_; }
  size_t slots() const { return slots_; }
  size_t bytes() const { return slots_ * (sizeof(Slot) + 1); }

  void prefetch(uint64_t hash) const {
    const Segment& segment = segments_[segment_of(hash)];
    if (!segment.slots.empty()) __builtin_prefetch(&segment.slots[segment.home(uint32_t(hash))]);
  }

  // The handle with this hash for which same(handle), or kNoHandle.
  template <typename Same>
  Handle find(uint64_t hash, const Same& same) const {
    const Segment& segment = segments_[segment_of(hash)];
    if (segment.slots.empty()) return kNoHandle;
    const uint32_t capacity = uint32_t(segment.slots.size());
    for (uint32_t i = segment.home(uint32_t(hash));;) {
      const Slot& slot = segment.slots[i];
      if (slot.handle == kNoHandle) return kNoHandle;
      if (slot.tag == uint32_t(hash) && same(slot.handle)) return slot.handle;
      if (++i == capacity) i = 0;
    }
  }

  // What find() is likely to give, without looking at it.
  Handle guess(uint64_t hash) const {
    return find(hash, [](Handle) { return true; });
  }

  // Of a key that is not there.
  void insert(uint64_t hash, Handle handle) {
    Segment& segment = segments_[segment_of(hash)];
    if ((segment.used + 1) * 5 > segment.slots.size() * 4) grow(segment);
    place(segment, Slot{uint32_t(hash), handle});
    ++segment.used;
    ++size_;
  }

  // The entry's block has moved.
  void replace(uint64_t hash, Handle before, Handle now) {
    Segment& segment = segments_[segment_of(hash)];
    for (uint32_t i = segment.home(uint32_t(hash));;) {
      CHECK(segment.slots[i].handle != kNoHandle);
      if (segment.slots[i].handle == before) {
        segment.slots[i].handle = now;
        return;
      }
      if (++i == segment.slots.size()) i = 0;
    }
  }

  // The cursor's entry, or nullptr where it points at none. The handle may be exchanged.
  Handle* at(const Cursor& cursor) {
    Segment& segment = segments_[cursor.segment];
    if (cursor.slot >= segment.slots.size()) return nullptr;
    Handle& handle = segment.slots[cursor.slot].handle;
    return handle == kNoHandle ? nullptr : &handle;
  }
  // Of the cursor's entry.
  uint8_t& mark(const Cursor& cursor) { return segments_[cursor.segment].marks[cursor.slot]; }
  void clear_marks() {
    for (Segment& segment : segments_) std::fill(segment.marks.begin(), segment.marks.end(), 0);
  }
  // False when the walk has come to its end and begins again.
  bool advance(Cursor& cursor) const {
    if (++cursor.slot < segments_[cursor.segment].slots.size()) return true;
    cursor.slot = 0;
    if (++cursor.segment < kSegments) return true;
    cursor.segment = 0;
    return false;
  }
  // Erases the cursor's entry. Another may then stand there.
  void erase(const Cursor& cursor) {
    Segment& segment = segments_[cursor.segment];
    const uint32_t capacity = uint32_t(segment.slots.size());
    uint32_t hole = cursor.slot;
    for (uint32_t i = hole + 1 == capacity ? 0 : hole + 1; segment.slots[i].handle != kNoHandle;
         i = i + 1 == capacity ? 0 : i + 1) {
      const uint32_t home = segment.home(segment.slots[i].tag);
      const bool stays = hole < i ? home > hole && home <= i : home > hole || home <= i;
      if (stays) continue;
      segment.slots[hole] = segment.slots[i];
      segment.marks[hole] = segment.marks[i];
      hole = i;
    }
    segment.slots[hole] = Slot{};
    --segment.used;
    --size_;
  }

 private:
  static constexpr uint32_t kSegments = 64;
  struct Slot {
    uint32_t tag = 0;
    Handle handle = kNoHandle;
  };
  struct Segment {
    std::vector<Slot> slots;
    std::vector<uint8_t> marks;
    size_t used = 0;
    uint32_t home(uint32_t tag) const { return uint32_t((uint64_t(tag) * slots.size()) >> 32); }
  };
  static uint32_t segment_of(uint64_t hash) { return uint32_t(hash >> 58); }

  static void place(Segment& segment, Slot slot) {
    uint32_t i = segment.home(slot.tag);
    while (segment.slots[i].handle != kNoHandle)
      if (++i == segment.slots.size()) i = 0;
    segment.slots[i] = slot;
    segment.marks[i] = 0;
  }
  void grow(Segment& segment) {
    std::vector<Slot> before(segment.slots.size() + segment.slots.size() / 3 + 8);
    slots_ += before.size() - segment.slots.size();
    before.swap(segment.slots);
    segment.marks.assign(segment.slots.size(), 0);
    for (const Slot& slot : before)
      if (slot.handle != kNoHandle) place(segment, slot);
  }

  std::array<Segment, kSegments> segments_;
  size_t size_ = 0;
  size_t slots_ = 0;
};

}  // namespace quipu
