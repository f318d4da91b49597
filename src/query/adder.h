// Adds up the entries of a counter's cells that a question is about, by group and bucket. Where a
// group is a value and only the first ones are wanted, many groups are looked at in pieces of the
// values, so that what is held at a time is bounded. One thread, one snapshot.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "cells/cell_codec.h"
#include "query/choose.h"
#include "query/group_table.h"
#include "query/prefix_filter.h"
#include "query/span.h"
#include "query/view.h"

namespace quipu {

class Adder {
 public:
  // `choice` and `span` outlive it. `values`: ids of what is summed. limit 0: all groups.
  Adder(StoreView& view, TenantId tenant, int calendar, const Choice& choice, const Span& span,
        std::vector<ValueId> values, size_t limit, size_t max_bytes);

  // Before run(): the groups' names are wanted, not only those of the first by a figure.
  void name_all() { names_all_ = true; }
  // The groups of the piece at hand, after run().
  GroupTable& groups() { return groups_; }
  Status run();
  // Goes to the next piece; false behind the last.
  bool next();
  // Of an answer's group, as it is given out.
  size_t group_bytes() const;
  Error refused() const;

 private:
  // Where the instants of a day belong.
  struct DayPlace {
    DayIndex day = 0;
    std::shared_ptr<const MonthTable> table;  // none: of the lifetime
    int frame = 0;
    int64_t first_slot = 0;                    // of the day, in its month
    std::array<int32_t, kSlotsOfDay> entries;  // by slot, as far as they were asked for
  };
  static constexpr int32_t kUnknown = -1, kOutside = -2;
  Result<bool> passes(std::span<const uint64_t> elements);
  Status add(DayIndex day, const CellEntry& entry);
  Status find_place(DayIndex day);
  // The entry of a slot of the day, or kOutside: it is not in the span.
  int32_t entry_of(uint16_t slot);
  // The group of a cell; kNone: its value is outside the piece now.
  Result<uint32_t> group_of(const CellEntry& entry);
  Status make_room();
  size_t most_groups() const;

  StoreView& view_;
  const TenantId tenant_;
  const int calendar_;
  const Choice& choice_;
  const Span& span_;
  const std::vector<ValueId> values_;
  const size_t limit_, max_bytes_;
  const bool in_pieces_;
  bool names_all_ = false;
  std::vector<std::unique_ptr<PrefixFilter>> prefixes_;  // of choice_.filters; of others nullptr
  HashPiece piece_;
  GroupTable groups_;
  DayPlace place_;
  bool placed_ = false;
  std::vector<uint64_t> elements_;
};

}  // namespace quipu
