// Layout of a RowLog (tally.h): a head for each entry, in order of arrival, and one array of 64-bit
// payload. Written by the shard's thread through the hot tier, read by encode_appends().
#pragma once

#include <cstdint>
#include <vector>

#include "tally/record_key.h"
#include "tally/tally.h"

namespace quipu {

struct RowLogEntry {
  enum class Kind : uint8_t {
    row,    // payload: the columns that are not empty, as a bitmap; then their elements from the
            // lowest
    words,  // payload: the words
    full,   // the chunk takes no more words
  };
  Hash128 profile;
  TenantId tenant;
  MonthIndex month;
  uint8_t depth;
  Kind kind;
  uint32_t path;
  uint32_t count;     // words
  SelectorId metric;  // row
  Slot slot;          // row
  MonthIndex of;      // row: its month, which is not the key's if the key is of a forever record
  uint32_t payload;   // index of its first
  bool fresh;         // the first entry of a key under which nothing is stored

  RecordKey key() const { return {month, tenant, profile, depth, path}; }
};

static_assert(sizeof(RowLogEntry) == 48);

struct RowLog::Impl {
  std::vector<RowLogEntry> entries;
  std::vector<uint64_t> payload;

  void row(const RecordKey& key, MonthIndex of, SelectorId metric, Slot slot, uint64_t filled,
           const uint64_t* elements, bool fresh);
  void word(const RecordKey& key, uint64_t word, bool fresh);
  void full(const RecordKey& key);

 private:
  RowLogEntry& add(const RecordKey& key, RowLogEntry::Kind kind);
};

struct RowLogAccess {
  static RowLog::Impl& of(RowLog& log) { return *log.impl_; }
  static const RowLog::Impl& of(const RowLog& log) { return *log.impl_; }
};

}  // namespace quipu
