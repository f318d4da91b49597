// What is asked most of a few heavy months, beside their words: the newest rows, since most of what
// a heavy profile does it did a moment ago, and rows tell that for all dimensions at once; and the
// slots of popular words as bitmaps, since a word that comes again in hundreds of slots has them
// all over its chunks. A cache of what is stored: a record's place may be taken by another's at any
// time. A word that is here has all its slots here: whoever adds one to the record adds it here.
// Memory: 64 rows of the plan's columns for each of 64 records, and bitmaps up to a bound. One
// thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "tally/compare.h"
#include "tally/month_record.h"
#include "tally/record_key.h"

namespace quipu {

class HeavyMonths {
 public:
  HeavyMonths(size_t plan_columns, size_t bitmap_bytes)
      : columns_(plan_columns), most_words_(bitmap_bytes / sizeof(uint64_t)), places_(kPlaces) {}

  struct Place;
  // The record's place, which may hold nothing yet, or nullptr if it has none.
  Place* find(TenantId tenant, const Hash128& profile, MonthIndex month);
  Place& take(TenantId tenant, const Hash128& profile, MonthIndex month);

  MatrixView rows(const Place& place) const;  // valid until the next add_row()
  // elements: of the plan's columns; only those in `filled` are read, others are empty.
  void add_row(Place& place, uint64_t meta, uint64_t filled, const uint64_t* elements);

  // Whether the word's slots are here; then `unseen` loses the frames in whose parts one lies.
  bool look_up(const Place& place, uint64_t word, const BucketParts& parts, uint32_t& unseen) const;
  // All slots of a word that is not here, one after the other.
  class Slots {
   public:
    void add(Slot slot) { bits_[slot / 64] |= uint64_t(1) << slot % 64; }

   private:
    friend class HeavyMonths;
    uint64_t* bits_;
  };
  Slots begin_word(Place& place, uint64_t word);
  void add_slot(Place& place, uint64_t word, Slot slot);  // if the word is here

 private:
  static constexpr uint32_t kRows = 64, kPlaces = 64;
  static constexpr size_t kBitmapWords = (31 * 96 + 63) / 64;
  static constexpr size_t kStride = 1 + kBitmapWords;  // of an entry: the word, then its slots
  struct alignas(64) Line {
    uint64_t lanes[kTileRows];
  };

 public:
  struct Place {
   private:
    friend class HeavyMonths;
    TenantId tenant{};
    Hash128 profile;
    MonthIndex month = kForever;  // nobody's
    uint32_t row_count = 0, next_row = 0;
    std::vector<Line> lines;
    std::vector<uint64_t> entries;  // popular words
    std::vector<uint32_t> index;    // open addressing: 1 + number of the entry
  };

 private:
  static size_t place_of(const Hash128& profile, MonthIndex month) {
    return mix64(profile.lo + month) % kPlaces;
  }
  uint32_t lines() const { return uint32_t(columns_) + 1; }
  static const uint64_t* bits_of(const Place& place, uint64_t word);
  static void enter(Place& place, uint32_t number);
  void forget_words(Place& place);

  const size_t columns_;
  const size_t most_words_;  // of all entries
  size_t entry_words_ = 0;
  std::vector<Place> places_;
};

}  // namespace quipu
