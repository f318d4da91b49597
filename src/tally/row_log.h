// Layout of a RowLog (tally.h): a head for each entry, in order of arrival, and a log of 64-bit
// payload. Written by the shard's thread through the hot tier, read by encode_appends().
#pragma once

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
    full,    // the chunk takes no more words
    stored,  // what the durable tier holds under the key; payload: its bytes
  };
  struct Row {
    SelectorId metric;
    Slot slot;
    MonthIndex of;  // its month, which is not the key's if the key is of a forever record
  };
  struct Words {
    uint32_t path;   // of the key; a row's is 0
    uint32_t count;  // of words; of bytes if they are stored ones
  };
  Hash128 profile;
  const uint64_t* payload;
  TenantId tenant;
  union {
    Row row;
    Words words;  // and full, stored
  };
  MonthIndex month;
  uint8_t depth;
  Kind kind : 2;
  bool fresh : 1;       // the first entry of a key under which nothing is stored
  uint8_t leading : 5;  // words before a row

  uint32_t path() const { return kind == Kind::row ? 0 : words.path; }
  uint32_t word_count() const {
    return kind == Kind::words ? words.count : kind == Kind::row ? leading : 0;
  }  // from payload on
  const uint64_t* row_payload() const { return payload + leading; }
  RecordKey key() const { return {month, tenant, profile, depth, path()}; }
};

static_assert(sizeof(RowLogEntry) == 40);
inline constexpr uint32_t kMostLeadingWords = 31;

struct RowLog::Impl {
  std::vector<RowLogEntry> entries;
  BlockLog<uint64_t> payload;

  // Of a row of an event whose metric has these columns. Returns where their elements lie until
  // clear().
  const uint64_t* row(const RecordKey& key, MonthIndex of, SelectorId metric, Slot slot,
                      uint64_t columns, const uint64_t* elements, bool fresh);
  void word(const RecordKey& key, uint64_t word, bool fresh);
  void full(const RecordKey& key);
  // Nothing is on its way into the durable tier under the key, and nothing was added in this log.
  // If something is now, the record is written whole.
  void stored(const RecordKey& key, std::string_view bytes);

 private:
  RowLogEntry& add(const RecordKey& key, RowLogEntry::Kind kind);
  uint32_t words_that_go_on(const RecordKey& key, size_t n) const;
};

struct RowLogAccess {
  static RowLog::Impl& of(RowLog& log) { return *log.impl_; }
  static const RowLog::Impl& of(const RowLog& log) { return *log.impl_; }
};

}  // namespace quipu
