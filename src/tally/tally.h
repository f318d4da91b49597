// Dedup and uniques of one shard's profiles: is this event new; is it the first of its profile in
// each bucket of each dimension? Driven by a host: tally_batch(batch), hand_over(epoch),
// durable(epoch). No threads, clocks or files inside; one thread at a time. Source of the layout:
// docs/records.md.
//
// For an event of profile p in UTC month m it looks at p's records of m, of m-1 and m+1 where a
// bucket overlaps them, and at p's forever record (ids, lifetime words). All records of a batch
// that are not in memory are read together through the DurableTier before the batch is tallied,
// most of them already while the batch before it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "event/event.h"
#include "plan/compiled.h"
#include "tally/record_key.h"

namespace quipu {

struct TallyOptions {
  size_t memory_bytes = size_t(256)
                        << 20;  // of the hot tier: records and their index; at most 48 GiB
  int matrix_rows =
      128;  // rows a month's matrix holds before its record goes on as words (1 .. 1024)
  // Rows of a month that a profile of few events has in its forever record, before the month gets a
  // record of its own: one record to write, to look for and to read instead of two (0: none .. 32).
  int inlined_rows = 24;
  // A record that was read and then added to is written whole if it is stored in so many bytes at
  // most, so that who reads it next finds all of it in one place (0: none .. 65536).
  int whole_bytes = 2048;
  // Words a chunk holds before new ones go to its children (2 .. 32768): the root, which is read
  // with its record, and all chunks of forever records; and the chunks below a month's root. Large
  // ones cost a heavy month fewer places to write. Of a forever record (ids, lifetimes) a chunk is
  // read for a single word, so those are small.
  int chunk_words = 1024, deep_chunk_words = 16384;
  // All of these may differ from run to run of one store.
  // Instruction set of the compare: 0 = best the machine has, 1 = plain, 2 = AVX2, 3 = AVX-512.
  int variant = 0;
};

// What a batch came to. Rows of counted events only, in the batch's order; a duplicate event has
// none.
struct TallyResult {
  struct Row {
    uint32_t event;        // index in the batch
    uint32_t row;          // row of the event
    uint32_t bitmaps;      // index of its first word in `bitmaps`
    const uint64_t* kept;  // the elements of the metric's columns, if they are in the log of what
                           // is new (until it is cleared)
  };
  // For a row: (frames + (lifetime ? 1 : 0)) bitmaps of metric->bitmap_words words: first in its
  // bucket, by frame of the event's MonthTable; then first ever. All zero without profile.
  // (Counts-here is in the batch.)
  std::vector<Row> rows;
  std::vector<uint64_t> bitmaps;
  uint64_t counted = 0;
  uint64_t duplicates = 0;
  void clear_rows() {
    rows.clear();
    bitmaps.clear();
  }
  void clear() {
    clear_rows();
    counted = duplicates = 0;
  }
};

// Bytes of bitmaps after which rows are handed over: what one event adds comes on top (up to 5 MB).
inline constexpr size_t kResultBytes = size_t(256) << 10;
// Takes the rows of a batch in parts, each of whole events, in order. `counted` and `duplicates`
// are of all the batch so far.
using TallySink = std::function<void(const TallyResult&)>;

// What a shard's records gained between two barriers: matrix rows, month words, ids and lifetime
// words, in order of arrival, not yet encoded. Moves from the shard's thread to the checkpoint
// writer's. (Layout in row_log.h: fixed-size heads and 64-bit payload.)
class RowLog {
 public:
  RowLog();
  ~RowLog();
  RowLog(RowLog&&) noexcept;
  RowLog& operator=(RowLog&&) noexcept;
  size_t bytes() const;
  bool empty() const;
  void clear();  // its memory stays

 private:
  friend struct RowLogAccess;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The writer's share of the work: groups the logs' entries by record key (a key belongs to one
// shard; its entries keep their order) and gives the sink one write a key, keys rising. An error of
// the sink ends it. Any thread; the logs stay as they are. Memory beside them: 32 bytes an entry,
// 16 a word of a chunk. codes: what is given goes into the same commit.
Status encode_appends(std::span<const RowLog> logs, const CompiledPlan& plan, ElementCodes& codes,
                      const RecordSink& sink);

struct TallyStats {
  uint64_t records = 0;  // in memory, all kinds
  uint64_t memory_bytes =
      0;  // of the hot tier, index included, RowLog apart; the process may hold a quarter more
  uint64_t events_waited = 0;  // that came while a record they need was not in memory
  uint64_t loads = 0;          // records asked of the durable tier
  uint64_t loads_found = 0;
  uint64_t evictions = 0;
  uint64_t rows = 0;   // matrix rows in memory
  uint64_t words = 0;  // words in memory, ids included
  uint64_t memberships =
      0;  // (dimension, value, slot) newly seen since start: bits of frame 0's grid
  void add(const TallyStats& other) {
    records += other.records;
    memory_bytes += other.memory_bytes;
    events_waited += other.events_waited;
    loads += other.loads;
    loads_found += other.loads_found;
    evictions += other.evictions;
    rows += other.rows;
    words += other.words;
    memberships += other.memberships;
  }
};

class Tally {
 public:
  // plan and tier outlive the tally.
  Tally(const TallyOptions& options, const CompiledPlan& plan, DurableTier& tier);
  ~Tally();

  // Tallies a batch; `result` is overwritten. Before it, records are evicted if memory is over the
  // budget; those that the batch needs, and all that are not durable, stay, so memory may exceed it
  // until a checkpoint. On an error (a failed or corrupt load) nothing may be continued: fail stop.
  // next: the batch that will be added after this one, if there is one already: what it needs of
  // the durable tier is read while this one is tallied. (Another one may be added all the same.)
  Status tally_batch(const EventBatch& batch, TallyResult& result,
                     const EventBatch* next = nullptr);
  // The same with a bound on the rows held: they go to the sink in parts, and result is overwritten
  // by each.
  Status tally_batch(const EventBatch& batch, TallyResult& result, const EventBatch* next,
                     const TallySink& sink);

  // The barrier: hands over the log of what is new since the last one. Constant time: the log is
  // moved, no record is walked and nothing is encoded here (a shard may not stall). What `out` held
  // is dropped; its memory is the next log's. The records concerned stay in memory until
  // durable(epoch) says that the commit holding them is on disk.
  void hand_over(uint64_t epoch, RowLog& out);
  void durable(uint64_t epoch);

  TallyStats stats() const;
  // Bytes of the log that hand_over() would give now; encoded it comes to less.
  size_t pending_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quipu
