// The checkpoint's group-by: all shards' panes -> rows of cells in key order.
// Called on the checkpoint writer's thread; pure but for GroupByState, which that thread owns.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cells/pane.h"
#include "plan/compiled.h"

namespace quipu {

struct GroupByOptions {
  int sparse_events = 4;            // a (day, tenant, selector) with at most so many rows is stored as a sparse row
  uint32_t sparse_limit = 256;      // rows written sparse for one (day, tenant, selector) while this store is open
  int chunk_values = 128;           // values aimed at in a row
  // Tests: chunk lengths drawn at random from this seed (0: from the number of values).
  uint64_t random_chunks_seed = 0;
};

// What the writer remembers between checkpoints: only hints; nothing breaks when it is lost.
struct GroupByState {
  std::unordered_map<uint64_t, uint8_t> chunk_bits;   // by hash of (day, tenant, selector, dimension)
  std::vector<uint8_t> sparse_written;                // direct-mapped by hash of (day, tenant, selector)
};

struct GroupByResult {
  uint64_t rows = 0;           // rows out
  uint64_t sparse_rows = 0;
  uint64_t cells = 0;          // entries (value x day) in packed rows
  uint64_t bytes = 0;          // of keys and values
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
};

using RowSink = std::function<Status(std::string_view key, std::string_view value)>;

// Emits every row of the panes' cells to `sink`, keys strictly rising.
Status group_by(std::span<const Pane* const> panes, const CompiledPlan& plan, const GroupByOptions& options,
                GroupByState& state, const RowSink& sink, GroupByResult& result);

}  // namespace quipu
