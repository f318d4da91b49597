#include "cells/portion_cells.h"

#include <utility>

#include "base/check.h"
#include "cells/cell_lookup.h"
#include "cells/entry_cursor.h"

namespace quipu {
namespace {

// Only what this process has just encoded is read here.
void step(EntryCursor& cursor) { CHECK(cursor.next()); }
void pass_over_slots(EntryCursor& cursor) { CHECK(cursor.skip_slots()); }

std::string add_up_rows(std::span<const std::string> rows) {
  std::string key;
  CellKey{0, TenantId{}, SelectorId{}, DimensionId{1}, 0, 0}.append_to(key);
  auto sum = merge_rows(key, std::vector<std::string_view>(rows.begin(), rows.end()));
  CHECK(sum.has_value());
  return std::move(*sum);
}

}  // namespace

void PortionCells::start(size_t dimensions) {
  held_.clear();
  held_.resize(dimensions);
  bytes_ = 0;
}

void PortionCells::hold(size_t d, std::string_view packed) {
  held_[d].emplace_back(packed);
  bytes_ += packed.size();
}

void PortionCells::drop_from(size_t dimensions) {
  for (size_t d = dimensions; d < held_.size(); ++d) {
    for (const std::string& row : held_[d]) bytes_ -= row.size();
  }
  held_.resize(dimensions);
}

void PortionCells::add_up(size_t d) {
  std::vector<std::string> rows = std::move(held_[d]);
  held_[d].clear();
  values_ = 0;
  smallest_count_ = 0;
  if (rows.empty()) return;
  for (const std::string& row : rows) bytes_ -= row.size();
  row_ = rows.size() == 1 ? std::move(rows[0]) : add_up_rows(rows);

  EntryCursor cursor;
  CHECK(cursor.open(row_));
  values_ = cursor.header().entries;
  for (step(cursor); !cursor.at_end() && smallest_count_ < smallest_.size(); step(cursor)) {
    if (smallest_count_ == 0 || smallest_[smallest_count_ - 1] != cursor.hash())
      smallest_[smallest_count_++] = cursor.hash();
    pass_over_slots(cursor);
  }
}

Status PortionCells::emit(CellKey key, int chunk_bits, RowOutput& out) {
  key.chunk_bits = uint8_t(chunk_bits);
  EntryCursor cursor;
  CHECK(cursor.open(row_));
  step(cursor);
  while (!cursor.at_end()) {
    key.chunk = chunk_of(cursor.hash(), chunk_bits);
    CellRowHeader header = cursor.header();
    header.entries = 0;
    const char* const begin = cursor.elements();
    const char* end = begin;
    while (!cursor.at_end() && chunk_of(cursor.hash(), chunk_bits) == key.chunk) {
      pass_over_slots(cursor);
      end = cursor.slots().position();
      ++header.entries;
      step(cursor);
    }
    chunk_.resize(kMaxRowHeaderBytes);
    chunk_.resize(size_t(header.put(chunk_.data()) - chunk_.data()));
    chunk_.append(begin, size_t(end - begin));
    QUIPU_TRY(out.emit(key, chunk_));
  }
  out.result().cells += values_;
  return {};
}

}  // namespace quipu
