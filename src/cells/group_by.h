// The checkpoint's group-by: all shards' panes -> rows of cells in key order.
// Pure but for GroupByState, which belongs to the checkpoint writer. It may be done by several
// threads at once.
//
// Entries are brought into the order of (UTC day, tenant, metric); the sections of metrics that
// feed one selector make a group. A group of few rows goes out as one sparse row; of any other each
// dimension is counted by itself (group_table.h, dimension_cells.h), and those of few values share
// joint rows. Rows without day (lifetime) come last and are never sparse. Memory beside the panes:
// about 20 bytes an entry, and for each worker GroupByOptions::table_bytes and the rows of one
// dimension of a group that is counted in portions.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cells/chunk_lengths.h"
#include "cells/pane.h"
#include "cells/stored_questions.h"
#include "plan/compiled.h"

namespace quipu {

struct GroupByOptions {
  int sparse_events =
      4;  // a (day, tenant, selector) with at most so many rows is stored as a sparse row
  uint32_t sparse_limit = 256;  // rows written sparse for one (day, tenant, selector)
  int chunk_values = 128;       // values aimed at in a row
  int joint_values =
      64;  // a dimension of at most so many values a day goes into joint rows (joint_rows.h)
  // Of a worker's tables, about. A group that needs more is counted in portions (portion_cells.h).
  size_t table_bytes = std::numeric_limits<size_t>::max();
  // Tests: chunk lengths of 0..6 bits, or a joint row, drawn at random from this seed (0: from the
  // number of values).
  uint64_t random_chunks_seed = 0;
};

// Stored rows of cells by their keys, as many as keys; empty where there is none. Any thread.
using StoredCells =
    std::function<Status(std::span<const std::string> keys, std::span<std::string> rows)>;

// What the writer remembers between checkpoints, so that rows get no larger than they should. What
// it does not know it looks up in the store, at most kQuestionsOfCommit times a commit. Only hints;
// nothing breaks when it is lost.
struct GroupByState {
  // Rows looked up by one commit, at most: of sparse ones, and of joint ones.
  static constexpr uint32_t kQuestionsOfCommit = 512;

  StoredCells stored;  // may be empty: then nothing is looked up. Set before the first group-by
  std::mutex mutex;    // guards what follows, while workers group
  ChunkLengths chunk_lengths;
  StoredQuestions joint_questions{kQuestionsOfCommit}, sparse_questions{kQuestionsOfCommit};
  // Direct-mapped by hash of (day, tenant, selector); a group that takes another's place makes that
  // one unknown.
  struct SparseCount {
    uint32_t tag = 0;  // 0: free
    uint16_t rows = 0;
    bool is_learnt = false;  // else: what this process wrote
  };
  std::vector<SparseCount> sparse_written;
  uint64_t draws = 0;  // of random chunk lengths
};

struct GroupByResult {
  uint64_t rows = 0;  // rows out
  uint64_t sparse_rows = 0;
  uint64_t joint_rows = 0;
  uint64_t cells = 0;  // entries (value x day) in packed rows
  uint64_t bytes = 0;  // of keys and values
  // (tenant, selector, dimension) in which some event counted in more than one value. Distinct.
  struct Several {
    TenantId tenant;
    SelectorId selector;
    DimensionId dimension;
    bool operator==(const Several&) const = default;
  };
  std::vector<Several> several;
  // (tenant, month) written to. Distinct.
  struct Written {
    TenantId tenant;
    MonthIndex month;
    bool operator==(const Written&) const = default;
  };
  std::vector<Written> written;

  void add_counters(const GroupByResult& other) {
    rows += other.rows;
    sparse_rows += other.sparse_rows;
    joint_rows += other.joint_rows;
    cells += other.cells;
    bytes += other.bytes;
  }
};

using RowSink = std::function<Status(std::string_view key, std::string_view value)>;

// One group-by, cut into pieces by rising key range: all keys of a piece are below those of the
// next. Pieces may be grouped at the same time by several GroupWorkers. Panes, plan and state must
// outlive it and may not change meanwhile, but that workers change the state.
class GroupBy {
 public:
  // Brings the entries into order. most_pieces: cut into at most about so many, of about even work.
  GroupBy(std::span<const Pane* const> panes, const CompiledPlan& plan,
          const GroupByOptions& options, GroupByState& state, size_t most_pieces = 1);
  ~GroupBy();
  GroupBy(const GroupBy&) = delete;

  size_t pieces() const;
  void report(
      GroupByResult& result) const;  // adds what is known without grouping: several, written

 private:
  friend class GroupWorker;
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

// Groups pieces one after the other; its tables are used over and over. One thread.
class GroupWorker {
 public:
  explicit GroupWorker(const GroupBy& whole);
  ~GroupWorker();

  // Emits the rows of a piece to `sink`, keys strictly rising. An error of the sink ends it.
  // The counters of `result` are added to.
  Status emit(size_t piece, const RowSink& sink, GroupByResult& result);

 private:
  class Grouper;
  std::unique_ptr<Grouper> grouper_;
};

}  // namespace quipu
