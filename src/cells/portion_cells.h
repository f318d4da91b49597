// Cells of some dimensions of a group whose rows are counted in portions, since their tables would
// take too much memory at once: what each portion came to is held as packed rows, then added up,
// dimension by dimension. What comes out are the rows that the whole group would have come to. Used
// over and over. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cells/row_output.h"
#include "cells/value_sketch.h"

namespace quipu {

class PortionCells {
 public:
  void start(size_t dimensions);
  // What a portion has of the d-th dimension: a packed row of all its cells.
  void hold(size_t d, std::string_view packed);
  size_t bytes() const { return bytes_; }  // held
  void drop_from(size_t dimensions);       // forgets all but the first so many

  // Adds up what is held of the d-th dimension, once, and lets it go. What follows is about it.
  void add_up(size_t d);
  bool empty() const { return values_ == 0; }
  uint64_t values() const { return values_; }  // distinct
  // The first hashes of values, rising: at most ValueSketch::kMost.
  std::span<const uint64_t> smallest_hashes() const { return {smallest_.data(), smallest_count_}; }
  std::string_view row() const { return row_; }
  // Emits the cells as rows; key: without chunk.
  Status emit(CellKey key, int chunk_bits, RowOutput& out);

 private:
  std::vector<std::vector<std::string>> held_;  // by dimension
  size_t bytes_ = 0;
  std::string row_;  // packed, of the dimension in hand
  uint64_t values_ = 0;
  std::array<uint64_t, ValueSketch::kMost> smallest_{};
  size_t smallest_count_ = 0;
  std::string chunk_;
};

}  // namespace quipu
