// Layout of a RowLog (tally.h): a head for each entry, in order of arrival, and a log of 64-bit
// payload; and, apart, the words that go into chunks and words with slots, 16 bytes each: a heavy
// profile has many of them for an event, each for a chunk of its own. Written by the shard's thread
// through the hot tier, read by encode_appends().
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/block_log.h"
#include "tally/record_key.h"
#include "tally/tally.h"

namespace quipu {

struct RowLogEntry {
  enum class Kind : uint8_t {
    row,     // payload: words of the same key that came just before it, if any; the columns of the
             // event's metric, as a bitmap; then their elements from the lowest
    words,   // payload: the words
    full,    // the root takes no more words
    stored,  // what the durable tier holds under the key; payload: its bytes
  };
  struct Row {
    SelectorId metric;
    Slot slot;
    MonthIndex of;  // its month, which is not the key's if the key is of a forever record
  };
  Hash128 profile;
  const uint64_t* payload;
  TenantId tenant;
  union {
    Row row;
    uint32_t count;  // of words; of bytes if they are stored ones
  };
  MonthIndex month;
  Kind kind;
  bool fresh : 1;       // the first entry of a key under which nothing is stored
  uint8_t leading : 5;  // words before a row

  uint32_t word_count() const {
    return kind == Kind::words ? count : kind == Kind::row ? leading : 0;
  }  // from payload on
  const uint64_t* row_payload() const { return payload + leading; }
  RecordKey key() const { return {month, tenant, profile, 0, 0}; }  // of a root
};

static_assert(sizeof(RowLogEntry) == 40);
inline constexpr uint32_t kMostLeadingWords = 31;

// A word of a chunk, or with a slot.
struct LoggedWord {
  uint64_t word;
  uint32_t record;  // its number in the log
  Slot slot;        // 0 in forever records
  uint8_t depth;
  bool fresh : 1;  // the first of a key under which nothing is stored
  bool full : 1;   // no word, but: the chunk on its way at this depth takes no more
};
static_assert(sizeof(LoggedWord) == 16);

struct RowLog::Impl {
  std::vector<RowLogEntry> entries;
  BlockLog<uint64_t> payload;
  BlockLog<LoggedWord> chunk_words;
  std::vector<RecordKey> records;  // of these, by number; one may have several

  size_t bytes() const;  // chunk words twice: encoding them takes as much again
  bool empty() const { return entries.empty() && chunk_words.size() == 0; }
  void clear();

  // Of a row of an event whose metric has these columns. Returns where their elements lie until
  // clear().
  const uint64_t* row(const RecordKey& key, MonthIndex of, SelectorId metric, Slot slot,
                      uint64_t columns, const uint64_t* elements, bool fresh);
  void word(const RecordKey& root, uint64_t word, bool fresh);
  void full(const RecordKey& root);
  void chunk_word(const RecordKey& key, uint64_t word, Slot slot, bool fresh);
  void full_chunk(const RecordKey& key, uint64_t any_word_of_it);
  // Nothing is on its way into the durable tier under the key, and nothing was added in this log.
  // If something is now, the record is written whole.
  void stored(const RecordKey& key, std::string_view bytes);

 private:
  static constexpr size_t kNumbersKnown = 256;  // direct-mapped
  std::array<uint32_t, kNumbersKnown> numbers_{};

  uint32_t number_of(const RecordKey& key);
  RowLogEntry& add(const RecordKey& key, RowLogEntry::Kind kind);
  uint32_t words_that_go_on(const RecordKey& key, size_t n) const;
};

struct RowLogAccess {
  static RowLog::Impl& of(RowLog& log) { return *log.impl_; }
  static const RowLog::Impl& of(const RowLog& log) { return *log.impl_; }
};

}  // namespace quipu
