// The embedded store: one RocksDB with the families cells, records, names and meta. One process
// opens it. commit() is the only write: one atomic checkpoint of everything. Reading goes through a
// Snapshot. commit() belongs to the checkpoint writer's thread; loads and snapshots may be used
// from any thread. After an error from commit() the process must end (fail stop): the last
// checkpoint is the truth. A damaged or lost byte gives an error at open or when it is read, never
// another answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "cells/cell_rows.h"
#include "cells/group_by.h"
#include "event/name_log.h"
#include "event/outcome.h"
#include "store/changed_cells.h"
#include "tally/element_codes.h"
#include "tally/record_key.h"

namespace quipu {

inline constexpr uint32_t kStoreVersion = 7;

// A store that somebody else has is asked for again for so long: a command has it for a moment.
inline constexpr int64_t kLockWait_ms = 10'000;

struct StoreOptions {
  bool create = false;  // make a new store if there is none
  int64_t lock_wait_ms = kLockWait_ms;
  std::function<bool()> keep_waiting = nullptr;  // asked meanwhile, if given: false ends the wait
  size_t cache_bytes = size_t(64) << 20;
  size_t write_buffer_bytes = size_t(16) << 20;
  size_t compaction_bytes = size_t(256) << 20;  // of what compactions read ahead, all together
  // A checkpoint of at least so many bytes of cells, records and names goes as sorted files
  // ingested together, a smaller one as one synced batch. Once one way was taken, the other begins
  // at half / twice that.
  size_t ingest_bytes = size_t(2) << 20;
  size_t filter_bytes =
      0;  // of the filter that says which profiles are new; 0: none (who only reads wants none)
  uint32_t element_codes = ElementCodes::kMostCodes;  // that the store may come to have
  size_t filling_keys =
      size_t(1)
      << 20;  // about so many are read from one iterator while a store's filter is filled at open
  unsigned readers = 8;        // threads that look for records, beside those that wait for them
  bool direct_reads = false;   // past the page cache (to measure what the disk costs)
  HashSecret secret{};         // for a new store; all zero: drawn at random
  unsigned element_bits = 64;  // tests: see Hasher
};

// What the last checkpoint holds beside cells, records and names.
struct CommittedState {
  uint64_t checkpoint = 0;  // 0: none yet
  int64_t time_s = 0;       // wall clock at its commit
  Tallies tallies;
  uint64_t dead_letter_bytes = 0;
};

struct MetaPut {
  std::string key;  // catalogue keys; see catalogue.h
  std::string value;
};

// What a host keeps of its inputs: rows under keys and with bytes of its own.
inline constexpr std::string_view kPositionPrefix = "position/";

struct CheckpointWrite {
  CommittedState state;
  // Rows of inputs that changed, by key without the prefix; others stay. Read with get_meta() and
  // scan_meta(): there may be very many.
  std::map<std::string, std::string> positions;
  // Streams the rows of cells in key order into the sink, once. On the calling thread; the two
  // others may run on other threads at the same time.
  std::function<Status(const RowSink&)> cells;
  // Streams the appends of records in key order into the sink, once. What codes of elements it
  // gives are committed with them.
  std::function<Status(ElementCodes&, const RecordSink&)> records;
  std::vector<NameBatch> names;  // any order, may repeat
  // Catalogue entries, asked for after `cells` has run (the group-by finds some of them).
  std::function<Result<std::vector<MetaPut>>()> catalogue;
  size_t expected_bytes = 0;  // of cells, records and names: chooses files or batch
  size_t space_bytes = 0;     // that must have room on the disk, if more than expected_bytes
};

struct CommitStats {
  bool ingested = false;
  uint64_t names = 0;  // as handed over: repeated ones, too
  uint64_t record_rows = 0, record_bytes = 0, name_rows = 0, name_bytes = 0, cell_rows = 0,
           cell_bytes = 0;
  double build_s = 0, ingest_s = 0;  // wall: making the files or the batch; writing it
  uint64_t cells_cpu_ns = 0, records_cpu_ns = 0, names_cpu_ns = 0;  // of making them
  uint64_t caller_cpu_ns = 0;  // what of these the calling thread spent
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual const CommittedState& state() const = 0;
  // Rows of cells with begin <= key < end (an empty end: to the last), in order, until visit
  // returns false.
  virtual Status scan_cells(
      std::string_view begin, std::string_view end,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
  // Rows of cells by key; empty where absent.
  virtual Status get_cells(const std::vector<std::string>& keys,
                           std::vector<std::string>& values) = 0;
  // The first key >= begin of the cells family, or empty: for skipping over prefixes.
  virtual Result<std::string> seek_cell_key(std::string_view begin) = 0;
  // All names of an element: one; several if two texts share the hash; none if unknown.
  virtual Result<std::vector<std::string>> names(TenantId tenant, PropertyId property,
                                                 uint64_t element) = 0;
  // Those of several, which must rise: `visit` gets each text of elements[i], some twice. What lies
  // together is read once.
  virtual Status names_of(TenantId tenant, PropertyId property, std::span<const uint64_t> elements,
                          const std::function<void(size_t i, std::string_view text)>& visit) = 0;
  // All of a property, in no order and some twice, until visit returns false.
  virtual Status scan_names(
      TenantId tenant, PropertyId property,
      const std::function<bool(uint64_t element, std::string_view text)>& visit) = 0;
  virtual Status scan_meta(
      std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
  virtual Result<std::string> get_meta(std::string_view key) = 0;  // empty where absent
};

// Sizes for `inspect`, and what this process spent on compaction.
struct FamilyStats {
  std::string family;
  uint64_t rows = 0;   // estimate
  uint64_t bytes = 0;  // of its files
  uint64_t files = 0;
  double compaction_cpu_s = 0;   // flushes included
  uint64_t compacted_rows = 0;   // that went into compactions: each as often as it was rewritten
  uint64_t compacted_bytes = 0;  // written by compactions and flushes
};

// Of the filter that says which profiles have records.
struct FilterStats {
  bool complete = false;  // else it is not asked yet
  uint64_t profiles = 0, bytes = 0;
};

class Store : public DurableTier {
 public:
  // Errors name the folder and what to do: in use by another process, of another version, not a
  // store, a folder that others may enter and that holds other things. (One that is a store, or
  // empty, is made its owner's alone.)
  static Result<std::unique_ptr<Store>> open(const std::string& folder,
                                             const StoreOptions& options);

  virtual const Hasher& hasher() const = 0;
  virtual const std::string& folder() const = 0;
  virtual CommittedState committed() const = 0;
  virtual Result<CommitStats> commit(CheckpointWrite&& write) = 0;
  // Rows of cells by key, as many as keys, as the last commit left them; empty where absent. Any
  // thread.
  virtual Status get_cells(std::span<const std::string> keys,
                           std::span<std::string> rows) const = 0;
  // What the checkpoints behind `after`, up to and with `last`, wrote cells of; nothing: that is
  // not known any more (ChangedCells). Any thread.
  virtual std::optional<std::vector<CellPlace>> changed_cells(uint64_t after,
                                                              uint64_t last) const = 0;
  // Of the last checkpoint; waits for an ingest that is under way.
  virtual std::unique_ptr<Snapshot> snapshot() const = 0;
  virtual Result<std::vector<FamilyStats>> family_stats() const = 0;
  virtual FilterStats filter_stats() const = 0;
  // Visits all records (for inspect and for checks in tests).
  virtual Status scan_records(
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
  // A copy by hard links into a new folder, which is a store of its own. `beside` copies, and
  // syncs, what else belongs to it; it is called after the database's copy was taken, so what it
  // finds is no older. The folder looks like a store only once everything in it is durable; after
  // an error it is gone.
  virtual Status backup(
      const std::string& folder,
      const std::function<Status(const std::string& folder)>& beside = nullptr) const = 0;
  // Waits until compaction has nothing more to do (benchmarks).
  virtual Status settle() = 0;
  // Of the family that has most: sorted runs beyond those that compaction lets wait.
  virtual uint64_t waiting_runs() const = 0;
};

}  // namespace quipu
