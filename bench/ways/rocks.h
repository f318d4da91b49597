// The databases under the two ordinary ways on RocksDB, set up as one would for this load, and the
// loop that feeds them: lines in blocks, split over two writers by the hash of (tenant, profile), a
// commit now and then. Each writer has a database of its own, since one takes batches with merges
// one after the other; a cell is the sum of both.
//
// Column families: "cells" (merged, never read while counting), "seen" (16-byte keys: ids and
// memberships; read for every event) and "meta" (how far the writer has come). The log is on; a
// commit syncs it. Batches hold the position that they belong to, so a process that dies goes on
// with what its log held and nothing is counted twice or left out.
//
// A cell's key is tenant 0x00 metric 0x00 dimension(2, big-endian) values 0x00 timeframe(1)
// bucket(8, big-endian); its value three numbers of 8 bytes, little-endian: count, unique, sum in
// hundredths. The merge operator adds them.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/ways/lines.h"
#include "bench/ways/way.h"

namespace quipu::bench {

inline constexpr int kWriters = 2;
inline constexpr size_t kBlockLines = 4096;  // at most; about half of them in a write batch

struct Key16 {
  std::array<char, 16> bytes;
  bool operator==(const Key16&) const = default;
  rocksdb::Slice slice() const { return {bytes.data(), bytes.size()}; }
};
// Where a key that is (at least in its second half) a hash begins to look in a table of 2^n slots.
size_t first_slot(const Key16& key, size_t slots);
Key16 hash128(std::string_view bytes);
uint64_t hash64(std::string_view bytes);

// Keys by hash, and in the order in which they came.
class KeySet {
 public:
  KeySet() { clear(); }
  bool contains(const Key16& key) const { return slots_[find(key)] != 0; }
  void insert(const Key16& key);                // one that it does not contain
  std::vector<Key16>& keys() { return keys_; }  // to be put in another order just before clear()
  void clear();

 private:
  size_t find(const Key16& key) const;
  std::vector<Key16> keys_;
  std::vector<uint32_t> slots_;  // place in keys_ + 1, 0 if free
};

struct Database {
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle *cells = nullptr, *seen = nullptr, *meta = nullptr;
  ~Database();
};
void check(const rocksdb::Status& status);  // ends the process unless ok

void append_cell_prefix(const Line& line, int dimension, const Dimension& of, std::string& out);
void append_bucket(Timeframe timeframe, int64_t bucket_s, std::string& out);
std::string cell_value(uint64_t count, uint64_t unique, int64_t sum_hundredths);

// One of the kWriters; called by one thread at a time, each with its own profiles.
class Writer {
 public:
  virtual ~Writer() = default;
  // The line after the last one that it need not see again.
  virtual uint64_t position() const = 0;
  // Counts these lines of the block.
  virtual void add(const Block& block, const std::vector<const Line*>& lines) = 0;
  // Makes all of it durable.
  virtual void commit() = 0;
  // Wants a commit soon, its memory being full.
  virtual bool full() const { return false; }
};

// Runs a way on RocksDB from begin to end.
WayResult run_on_rocksdb(const WayOptions& options,
                         const std::function<std::unique_ptr<Writer>(Database&)>& make);

}  // namespace quipu::bench
