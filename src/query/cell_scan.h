// Reading a counter's cells of one tenant from a snapshot: packed rows, whatever their chunk
// lengths, and sparse rows expanded. One thread.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "query/hash_piece.h"
#include "query/view.h"

namespace quipu {

// Visits every entry of (tenant, selector, dimension) in UTC days [first, last]; entries of one
// value and day may come in several pieces. For the lifetime row: first = last = kLifetimeDay.
// Rows that hold nothing of `piece` are not read; entries outside it may come all the same.
Status scan_counter(StoreView& view, TenantId tenant, SelectorId selector, DimensionId dimension,
                    DayIndex first, DayIndex last,
                    const std::function<void(DayIndex, const CellEntry&)>& visit,
                    const HashPiece& piece = {});

// The same for some values only, by key: elements of one value follow each other.
Status get_values(StoreView& view, TenantId tenant, SelectorId selector, DimensionId dimension,
                  DayIndex first, DayIndex last, std::span<const std::vector<uint64_t>> values,
                  const std::function<void(DayIndex, const CellEntry&)>& visit);

// Whether a tenant has any event of a selector: looks once a day at most.
Result<bool> has_cells(StoreView& view, TenantId tenant, SelectorId selector);

// Visits all entries of the store: (key's day, tenant, selector, dimension, entry).
struct AnyCell {
  DayIndex day;
  TenantId tenant;
  SelectorId selector;
  DimensionId dimension;
};
Status scan_all_cells(StoreView& view,
                      const std::function<void(const AnyCell&, const CellEntry&)>& visit);

}  // namespace quipu
