// A profile's month in memory, in one block of an arena: its distinct events as rows of a matrix,
// by columns. Eight rows are a tile; in a tile each column is one line of eight 64-bit elements. A
// record of up to six rows is one tile with lines of 1, 2, 3, 4 or 6. Line 0 holds metric, slot and
// plan version of the rows; then follow the plan columns in which some row is not empty. The words
// beyond the matrix are a set of their own (word_set.h).
#pragma once

#include <bit>
#include <cstdint>

#include "base/ids.h"
#include "tally/arena.h"
#include "time/month_table.h"

namespace quipu {

inline constexpr uint32_t kMaxMatrixRows = 1024;
inline constexpr uint32_t kTileRows = 8;

// One row's line 0: metric << 32 | slot << 16 | plan version.
constexpr uint64_t row_meta(SelectorId metric, Slot slot, PlanVersion version) {
  return uint64_t(raw(metric)) << 32 | uint64_t(slot) << 16 | version;
}
constexpr SelectorId meta_metric(uint64_t meta) { return SelectorId(uint32_t(meta >> 32)); }
constexpr Slot meta_slot(uint64_t meta) { return Slot(meta >> 16); }
constexpr PlanVersion meta_version(uint64_t meta) { return PlanVersion(meta); }

// Where a matrix's lines are: what the compare needs. Valid until a row is appended.
struct MatrixView {
  const uint64_t* data;
  uint64_t columns;  // bit c: plan column c has a line
  uint32_t rows;
  uint32_t lanes;  // rows a line: 1, 2, 3, 4, 6 or 8
  uint32_t lines;  // a tile

  const uint64_t* tile(uint32_t t) const { return data + size_t(t) * lines * lanes; }
  uint32_t line_of(uint32_t column) const {
    return 1 + uint32_t(std::popcount(columns & ((uint64_t(1) << column) - 1)));
  }
};

struct MonthRecord {
  uint64_t columns;     // bit c: plan column c has a line
  Handle words;         // of month words, or kNoHandle
  uint32_t generation;  // of the record, words included (hot_tier.h)
  uint16_t rows;
  uint16_t capacity;
  uint8_t lines;  // a tile

  MatrixView view() const {
    const uint32_t lanes = capacity < kTileRows ? capacity : kTileRows;
    const size_t begin = capacity < kTileRows ? sizeof(MonthRecord) : 64;
    return {reinterpret_cast<const uint64_t*>(reinterpret_cast<const uint8_t*>(this) + begin),
            columns, rows, lanes, lines};
  }
};
static_assert(sizeof(MonthRecord) == 24);

// A record without rows.
Handle new_month_record(Arena& arena);

// filled: the plan columns that are not empty in the row. Returns the record's handle: it may move.
Handle append_row(Arena& arena, Handle record, uint64_t meta, uint64_t filled,
                  const uint64_t* elements);

}  // namespace quipu
