#include "tally/month_record.h"

#include <cstring>

namespace quipu {
namespace {

size_t bytes_of(uint32_t lines, uint32_t capacity) {
  return (capacity < kTileRows ? sizeof(MonthRecord) : 64) +
         size_t(lines) * capacity * sizeof(uint64_t);
}

uint64_t* data_of(MonthRecord& record) { return const_cast<uint64_t*>(record.view().data); }

// The next capacity for so many rows; whole tiles as many as the block holds anyway.
uint32_t capacity_for(uint32_t rows, uint32_t lines) {
  if (rows <= 4) return rows;
  if (rows <= kTileRows) return rows <= 6 ? 6 : kTileRows;
  const uint32_t tiles = (rows + kTileRows - 1) / kTileRows;
  const size_t tile_bytes = size_t(lines) * kTileRows * sizeof(uint64_t);
  return uint32_t((Arena::rounded(64 + tiles * tile_bytes) - 64) / tile_bytes) * kTileRows;
}

uint64_t* row_line(MonthRecord& record, uint32_t row, uint32_t line) {
  const MatrixView v = record.view();
  return const_cast<uint64_t*>(v.tile(row / kTileRows)) + line * v.lanes + row % kTileRows;
}

Handle moved(Arena& arena, Handle old_handle, uint64_t columns, uint32_t capacity) {
  const uint32_t lines = 1 + uint32_t(std::popcount(columns));
  const Handle handle = arena.allocate(bytes_of(lines, capacity));
  auto& record = *arena.at<MonthRecord>(handle);
  auto& old = *arena.at<MonthRecord>(old_handle);
  record = old;
  record.columns = columns;
  record.lines = uint8_t(lines);
  record.capacity = uint16_t(capacity);
  const MatrixView from = old.view();
  const MatrixView to = record.view();
  if (from.columns == to.columns && from.lanes == to.lanes) {
    std::memcpy(data_of(record), from.data, size_t(from.lines) * old.capacity * sizeof(uint64_t));
  } else {
    for (uint32_t row = 0; row < old.rows; ++row)
      *row_line(record, row, 0) = *row_line(old, row, 0);
    for (uint64_t rest = columns; rest != 0; rest &= rest - 1) {
      const uint32_t c = uint32_t(std::countr_zero(rest));
      const bool had = from.columns >> c & 1;
      for (uint32_t row = 0; row < old.rows; ++row)
        *row_line(record, row, to.line_of(c)) = had ? *row_line(old, row, from.line_of(c)) : 0;
    }
  }
  arena.release(old_handle);
  return handle;
}

}  // namespace

Handle new_month_record(Arena& arena) {
  const Handle handle = arena.allocate(sizeof(MonthRecord));
  auto& record = *arena.at<MonthRecord>(handle);
  record = MonthRecord{};
  record.lines = 1;
  return handle;
}

Handle append_row(Arena& arena, Handle handle, uint64_t meta, uint64_t filled,
                  const uint64_t* elements) {
  const auto* before = arena.at<MonthRecord>(handle);
  const uint64_t columns = before->columns | filled;
  CHECK(before->rows < kMaxMatrixRows);
  if (before->rows == before->capacity || columns != before->columns) {
    const uint32_t lines = 1 + uint32_t(std::popcount(columns));
    const uint32_t capacity =
        before->rows == before->capacity ? capacity_for(before->rows + 1, lines) : before->capacity;
    handle = moved(arena, handle, columns, capacity);
  }
  auto& record = *arena.at<MonthRecord>(handle);
  const uint32_t lanes = record.view().lanes;
  uint64_t* line = row_line(record, record.rows++, 0);
  *line = meta;
  for (uint64_t rest = record.columns; rest != 0; rest &= rest - 1) {
    const uint32_t c = uint32_t(std::countr_zero(rest));
    *(line += lanes) = filled >> c & 1 ? elements[c] : 0;
  }
  return handle;
}

}  // namespace quipu
