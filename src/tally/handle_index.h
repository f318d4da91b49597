// A hash table of handles: open addressing with linear probing in 64 segments which grow by a third
// each on its own, so that no single growth takes long. A entry is 8 bytes: 32 bits of the hash and
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
    uint32_t entry = 0;
  };

  size_t size() const { return size_; }
  size_t entries() const { return entries_; }
  size_t bytes() const { return entries_ * (sizeof(IndexEntry) + 1); }

  void prefetch(uint64_t hash) const {
    const Segment& segment = segments_[segment_of(hash)];
    if (!segment.entries.empty())
      __builtin_prefetch(&segment.entries[segment.home(uint32_t(hash))]);
  }

  // The handle with this hash for which same(handle), or kNoHandle.
  template <typename Same>
  Handle find(uint64_t hash, const Same& same) const {
    const Segment& segment = segments_[segment_of(hash)];
    if (segment.entries.empty()) return kNoHandle;
    const uint32_t capacity = uint32_t(segment.entries.size());
    for (uint32_t i = segment.home(uint32_t(hash));;) {
      const IndexEntry& entry = segment.entries[i];
      if (entry.handle == kNoHandle) return kNoHandle;
      if (entry.tag == uint32_t(hash) && same(entry.handle)) return entry.handle;
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
    if ((segment.used + 1) * 5 > segment.entries.size() * 4) grow(segment);
    place(segment, IndexEntry{uint32_t(hash), handle});
    ++segment.used;
    ++size_;
  }

  // The entry's block has moved.
  void replace(uint64_t hash, Handle before, Handle now) {
    Segment& segment = segments_[segment_of(hash)];
    for (uint32_t i = segment.home(uint32_t(hash));;) {
      CHECK(segment.entries[i].handle != kNoHandle);
      if (segment.entries[i].handle == before) {
        segment.entries[i].handle = now;
        return;
      }
      if (++i == segment.entries.size()) i = 0;
    }
  }

  // The cursor's entry, or nullptr where it points at none. The handle may be exchanged.
  Handle* at(const Cursor& cursor) {
    Segment& segment = segments_[cursor.segment];
    if (cursor.entry >= segment.entries.size()) return nullptr;
    Handle& handle = segment.entries[cursor.entry].handle;
    return handle == kNoHandle ? nullptr : &handle;
  }
  // Of the cursor's entry.
  uint8_t& mark(const Cursor& cursor) { return segments_[cursor.segment].marks[cursor.entry]; }
  void clear_marks() {
    for (Segment& segment : segments_) std::fill(segment.marks.begin(), segment.marks.end(), 0);
  }
  // False when the walk has come to its end and begins again.
  bool advance(Cursor& cursor) const {
    if (++cursor.entry < segments_[cursor.segment].entries.size()) return true;
    cursor.entry = 0;
    if (++cursor.segment < kSegments) return true;
    cursor.segment = 0;
    return false;
  }
  // Erases the cursor's entry. Another may then stand there.
  void erase(const Cursor& cursor) {
    Segment& segment = segments_[cursor.segment];
    const uint32_t capacity = uint32_t(segment.entries.size());
    uint32_t hole = cursor.entry;
    for (uint32_t i = hole + 1 == capacity ? 0 : hole + 1; segment.entries[i].handle != kNoHandle;
         i = i + 1 == capacity ? 0 : i + 1) {
      const uint32_t home = segment.home(segment.entries[i].tag);
      const bool stays = hole < i ? home > hole && home <= i : home > hole || home <= i;
      if (stays) continue;
      segment.entries[hole] = segment.entries[i];
      segment.marks[hole] = segment.marks[i];
      hole = i;
    }
    segment.entries[hole] = IndexEntry{};
    --segment.used;
    --size_;
  }

 private:
  static constexpr uint32_t kSegments = 64;
  struct IndexEntry {
    uint32_t tag = 0;
    Handle handle = kNoHandle;
  };
  struct Segment {
    std::vector<IndexEntry> entries;
    std::vector<uint8_t> marks;
    size_t used = 0;
    uint32_t home(uint32_t tag) const { return uint32_t((uint64_t(tag) * entries.size()) >> 32); }
  };
  static uint32_t segment_of(uint64_t hash) { return uint32_t(hash >> 58); }

  static void place(Segment& segment, IndexEntry entry) {
    uint32_t i = segment.home(entry.tag);
    while (segment.entries[i].handle != kNoHandle)
      if (++i == segment.entries.size()) i = 0;
    segment.entries[i] = entry;
    segment.marks[i] = 0;
  }
  void grow(Segment& segment) {
    std::vector<IndexEntry> before(segment.entries.size() + segment.entries.size() / 3 + 8);
    entries_ += before.size() - segment.entries.size();
    before.swap(segment.entries);
    segment.marks.assign(segment.entries.size(), 0);
    for (const IndexEntry& entry : before)
      if (entry.handle != kNoHandle) place(segment, entry);
  }

  std::array<Segment, kSegments> segments_;
  size_t size_ = 0;
  size_t entries_ = 0;
};

}  // namespace quipu
