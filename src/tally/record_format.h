// The bytes of stored records.
//
// A record's value is a sequence of segments, one or two for each checkpoint that added to it; a
// merge is their concatenation. It has no length and no checksum of its own (the store's blocks
// have).
//   segment := head u8 = format version (2) << 4 | kind, then by kind:
//   1 rows  := plan version varint (from 1), n varint (from 1), n rows:
//              metric varint (SelectorId), slot zigzag varint (minus the slot of the row before, or
//              minus 0), changed varint (bit c: column c differs from the row before, or from 0 in
//              the first row), for each bit set, from the lowest, the element:
//              varint 0, then u64 little endian; varint 1: the empty element; varint 2 + code
//              (element_codes.h)
//   2 words := n varint (from 1), n words, u64 little endian
//   3 words, and the chunk is full from here on: n varint (from 0), n words
//   4 rows of a month := month varint, then as 1
//   5 words of a slot := slot varint, n varint (from 1), n words
// Rows stand only at depth 0 (record_key.h): 1 in month records, 4 in forever records. Words of a
// slot stand in month records and their chunks, words without one (2, 3) in forever records; of 3,
// month records have those without words. Columns are
// numbered by position in the plan version's list of columns. Slots are quarter-hours of the UTC
// month, which is the key's (1) or the segment's (4). What a word
// stands for, and how chunks are named, is in record_words.h; ids are words of the forever record
// as they are. Ids of events without a profile are in the record of the profile hash {lo:
// id_bucket(id) (event.h), hi: 0}.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "tally/element_codes.h"
#include "tally/record_key.h"
#include "time/month_table.h"

namespace quipu {

// Writes one segment of rows into `out`: exactly `rows` calls of row(). Elements that come often
// get codes.
class RowsWriter {
 public:
  RowsWriter(std::string& out, ElementCodes& codes, PlanVersion version,
             uint32_t rows);  // of the key's month
  RowsWriter(std::string& out, ElementCodes& codes, MonthIndex month, PlanVersion version,
             uint32_t rows);                                         // of another
  void row(SelectorId metric, Slot slot, const uint64_t* elements);  // kMaxColumns elements

 private:
  void begin(PlanVersion version, uint32_t rows);
  void element(uint64_t element);

  ByteWriter out_;
  ElementCodes& codes_;
  std::array<uint64_t, kMaxColumns> before_{};
  Slot slot_ = 0;
};

// Appends a segment of words; nothing if there are none and the chunk is not newly full.
void write_words(std::string& out, std::span<const uint64_t> words, bool full);
// Appends a segment of words of a slot: at least one.
void write_slot_words(std::string& out, Slot slot, std::span<const uint64_t> words);

// Reads a record's value item by item. Any bytes are safe to read; after `corrupt` nothing more
// comes.
class RecordReader {
 public:
  enum class Item : uint8_t { row, word, slot_word, full, end, corrupt };
  RecordReader(std::string_view bytes, const ElementCodes& codes) : in_(bytes), codes_(codes) {}
  Item next();

  // Of the row just read.
  std::optional<MonthIndex> month() const { return month_; }  // if its segment says one
  PlanVersion version() const { return version_; }
  SelectorId metric() const { return metric_; }
  Slot slot() const { return slot_; }          // of a word of a slot, too
  uint64_t filled() const { return filled_; }  // bit c: column c is not empty
  const std::array<uint64_t, kMaxColumns>& elements() const { return elements_; }
  // Of the word just read.
  uint64_t word() const { return word_; }
  // Why it is corrupt.
  const char* problem() const { return problem_; }

 private:
  Item corrupt(const char* problem);
  Item begin_segment();
  Item read_row();

  ByteReader in_;
  const ElementCodes& codes_;
  uint64_t rows_left_ = 0, words_left_ = 0;
  bool full_follows_ = false;
  bool slotted_ = false;  // the words in hand have a slot
  std::optional<MonthIndex> month_;
  PlanVersion version_ = 0;
  SelectorId metric_{};
  Slot slot_ = 0;
  uint64_t filled_ = 0, word_ = 0;
  std::array<uint64_t, kMaxColumns> elements_{};
  const char* problem_ = "";
};

// For messages: "tenant 3, profile 00..1f, month 2026-03, chunk 2/0a".
std::string describe(const RecordKey& key);

}  // namespace quipu
