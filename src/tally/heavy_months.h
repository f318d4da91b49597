// What is asked most of a few heavy months, beside their words. The newest rows: most of what a
// heavy profile does it did a moment ago, and rows tell that for all dimensions at once. And words
// with all their slots, in one table: all words of a record (it is complete then), or those that
// turned out to have many slots, which lie all over its chunks. A cache of what is stored: whoever
// adds a slot to the record adds it here, and anything may be forgotten. A place is taken by
// another record only after it was wanted in vain for long enough to pay for filling it.
// Memory: 64 rows of the plan's columns for each of 64 records; tables up to a bound, beyond which
// all are forgotten. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "base/huge_array.h"
#include "tally/compare.h"
#include "tally/month_record.h"
#include "tally/record_key.h"

namespace quipu {

class HeavyMonths {
 public:
  HeavyMonths(size_t plan_columns, size_t table_bytes)
      : columns_(plan_columns), table_bytes_(table_bytes), places_(kPlaces) {}

  class Place;
  // The record's place, taken if it may be, or nullptr. A new one holds nothing.
  // grain_quarters: of the month's slots.
  Place* find(TenantId tenant, const Hash128& profile, MonthIndex month, int grain_quarters);

  // The same, but nothing is taken.
  const Place* peek(TenantId tenant, const Hash128& profile, MonthIndex month) const;

  MatrixView rows(const Place& place) const;  // valid until the next add_row()
  // elements: of the plan's columns; only those in `filled` are read, others are empty.
  void add_row(Place& place, uint64_t meta, uint64_t filled, const uint64_t* elements);

  // Looking many words up: prefetch() all, then find_entry() all, which fetches their slots.
  // Entries are valid until a slot is added.
  struct Entry;
  static constexpr Slot kNoSlot = 0xFFFF;
  void prefetch(const Place& place, uint64_t word) const;
  const Entry* find_entry(const Place& place, uint64_t word) const;
  // Whether the slots of the word with this entry (or none: nullptr) are known here; then `unseen`
  // loses the frames in whose parts one lies. own: a slot that lies in all of them, if there is
  // one: most words come again in the slot in which they came last.
  bool look_up(const Place& place, const Entry* entry, const BucketParts& parts, Slot own,
               uint32_t& unseen) const;
  // A slot of a word whose slots are known here; of others only with `begin`, after which all other
  // slots of the word must follow.
  void add_slot(Place& place, uint64_t word, Slot slot, bool begin);
  // Whether all words of the record are to be added, each with `begin`; then complete(): a word
  // that is not here is none of the record's. Or give_up(), if they take too much.
  bool wants_words(const Place& place) const { return !place.is_complete && !place.gave_up; }
  bool has_room() const { return bytes_ <= table_bytes_; }
  void complete(Place& place);
  bool is_complete(const Place& place) const { return place.is_complete; }
  void give_up(Place& place);

  size_t bytes() const { return bytes_; }  // of tables

  // A word and its slots: up to three in it, more as a bitmap.
  static constexpr uint16_t kInEntry = 3, kAsBitmap = 4;
  struct Entry {
    uint64_t word;
    std::array<Slot, kInEntry> slots;  // or the number of a bitmap, in two
    uint16_t count;                    // 0: empty
    uint32_t bitmap() const { return uint32_t(slots[1]) << 16 | slots[0]; }
  };
  static_assert(sizeof(Entry) == 16);

 private:
  static constexpr uint32_t kRows = 64, kPlaces = 64, kSegments = 8;
  static constexpr uint32_t kFillPerUse = 16;  // words that may be filled in for one use
  struct alignas(64) Line {
    uint64_t lanes[kTileRows];
  };
  struct Segment {  // open addressing, by the first bits of the word
    HugeArray<Entry> entries;
    uint32_t used = 0;
  };

 public:
  class Place {
    friend class HeavyMonths;
    TenantId tenant{};
    Hash128 profile;
    MonthIndex month = kForever;  // nobody's
    bool is_complete = false;
    bool gave_up = false;
    uint8_t grain = 1;
    uint32_t row_count = 0, next_row = 0;
    uint64_t worth = 0;  // uses in vain until another may have it
    uint64_t words = 0;
    std::vector<Line> lines;
    std::vector<Segment> segments;
    std::vector<uint64_t> bitmaps;
  };

 private:
  static size_t place_of(const Hash128& profile, MonthIndex month) {
    return mix64(profile.lo + month) % kPlaces;
  }
  static bool is_of(const Place& place, TenantId tenant, const Hash128& profile, MonthIndex month) {
    return place.tenant == tenant && place.profile == profile && place.month == month;
  }
  uint32_t lines() const { return uint32_t(columns_) + 1; }
  static size_t bitmap_words(const Place& place) { return (31 * 96 / place.grain + 63) / 64; }
  static const Segment& segment_of(const Place& place, uint64_t word) {
    return place.segments[word >> 61];
  }
  static size_t home_of(const Segment& segment, uint64_t word) {
    return size_t((uint64_t(uint32_t(word)) * segment.entries.size()) >> 32);
  }
  static const Entry* entry_of(const Place& place, uint64_t word);
  Entry& new_entry(Place& place, uint64_t word);
  void add_to(Place& place, Entry& entry, Slot slot);
  void forget(Place& place);

  const size_t columns_;
  const size_t table_bytes_;
  size_t bytes_ = 0;
  std::vector<Place> places_;
};

}  // namespace quipu
