// Sparse rows: the few events that a pane has of a (day, tenant, selector), stored as they are with
// their bitmaps. Layout: sparse_rows.cpp. Reading them is read_sparse_row (cell_rows.h). One thread
// a builder.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cells/cell_rows.h"

namespace quipu {

struct SparseEvent {
  uint8_t slot = 0;
  uint8_t values = 0;                     // bit i: the i-th of the row's value ids is there
  std::array<Fixed6, kMaxValues> sums{};  // by the row's value ids
  std::span<const uint64_t> elements;     // of the layout's columns
  const uint64_t* here = nullptr;         // bitmaps over the layout's dimensions
  std::array<const uint64_t*, kMaxFrames> first{};  // nullptr: all zero
};

// Builds one segment of a sparse row.
class SparseRowBuilder {
 public:
  // unique: bitmap of the dimensions that count uniques; value_ids rising.
  SparseRowBuilder(LayoutId layout, uint32_t dimensions, std::span<const uint64_t> unique,
                   std::span<const ValueId> value_ids, int frames);
  void add(const SparseEvent& event);
  std::string finish();

 private:
  using Bitmap = std::array<uint64_t, kMaxBitmapWords>;
  void put_bitmap(const Bitmap& bits);

  uint32_t dimensions_;
  int frames_;
  size_t words_, values_;
  Bitmap all_{}, unique_{};
  std::string head_, body_;
};

// Segments of a sparse row, each of one group-by; 0: none, or corrupt (as far as its frame tells).
size_t sparse_segments(std::string_view row);

// Several sparse rows of one key as one. nullopt: one of them is corrupt (as far as its frame
// tells).
std::optional<std::string> string_together(std::span<const std::string_view> rows);

}  // namespace quipu
