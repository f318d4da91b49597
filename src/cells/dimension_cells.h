// Counts one dimension of a group: rows of a GroupTable -> cells by value and slot, in the order of
// stored rows, and their packed rows. Used over and over, memory is kept. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "cells/group_table.h"
#include "cells/row_output.h"
#include "cells/value_sketch.h"

namespace quipu {

class DimensionCells {
 public:
  // Counts the d-th dimension loaded. frames: of first-of fields (0 if it counts no uniques).
  // value_of[v]: the id of value v of the plan.
  void count(const GroupTable& table, const SelectorShape::Dimension& dimension, size_t d,
             int frames, std::span<const ValueId> value_of);

  // Bytes that count() and row() take at most.
  static size_t most_bytes(const GroupTable& table, const SelectorShape::Dimension& dimension,
                           int frames);

  uint64_t values() const { return values_; }  // distinct
  bool empty() const { return values_ == 0; }
  // The first hashes of values, rising: at most ValueSketch::kMost.
  std::span<const uint64_t> smallest_hashes() const { return {smallest_.data(), smallest_count_}; }

  // The cells counted as one packed row. Valid until the next call.
  std::string_view row() { return encode_row(items_); }
  // Emits the rows of the cells counted; key: without chunk.
  Status emit(CellKey key, int chunk_bits, RowOutput& out);

 private:
  struct Item {
    uint64_t hash;
    uint32_t cell;
  };
  // Codes of one column, or of the slots.
  struct Digit {
    const uint32_t* codes;
    uint64_t count;
  };
  static constexpr int kLanes = 8;  // counters that are added at once
  static constexpr int kMaxSets = (1 + kMaxFrames + kLanes - 1) / kLanes;
  struct NarrowLanes {
    using Lane = uint16_t;
    typedef Lane Vector __attribute__((vector_size(sizeof(Lane) * kLanes)));
    Vector of = {};
  };
  struct WideLanes {
    using Lane = uint32_t;
    typedef Lane Vector __attribute__((vector_size(sizeof(Lane) * kLanes)));
    Vector of = {};
  };
  template <typename Lanes>
  using Sets = std::array<std::vector<Lanes>, kMaxSets>;  // by cell: the count, then first by frame

  void choose_digits(const GroupTable& table, const SelectorShape::Dimension& dimension);
  void join_digits();
  template <typename Lanes>
  void add_up(const GroupTable& table, size_t d, Sets<Lanes>& sets);
  template <typename Lanes, typename Find>
  void add_up_first_set(const GroupTable& table, size_t d, Sets<Lanes>& sets, Find find);
  template <typename Lanes>
  void add_up_set(const GroupTable& table, size_t d, int set, Sets<Lanes>& sets);
  void add_up_values(const GroupTable& table, uint8_t sums, std::span<const ValueId> value_of);
  void find_elements(const GroupTable& table, const SelectorShape::Dimension& dimension);
  void sort_items();
  void part_collisions();
  bool same_value(const Item& a, const Item& b) const;
  const uint64_t* elements(uint32_t cell) const {
    return elements_.data() + size_t(cell) * size_t(arity_);
  }
  uint32_t* find_hashed(uint64_t key);
  template <typename Lanes>
  uint64_t read_fields(const Sets<Lanes>& sets, uint32_t cell, uint32_t* first) const;
  std::string_view encode_row(std::span<const Item> items);

  size_t rows_ = 0;
  int arity_ = 0, frames_ = 0;
  std::vector<Digit> digits_;
  std::vector<std::vector<uint32_t>> joined_;
  uint64_t product_ = 1;

  // By cell; cell 0 stands for rows that do not count.
  uint32_t cells_ = 0;
  std::vector<uint32_t> cell_of_row_;
  std::vector<uint32_t> row_of_cell_;  // one of its rows
  bool narrow_ = true;
  Sets<NarrowLanes> narrow_sets_;  // of at most 65,535 rows
  Sets<WideLanes> wide_sets_;
  ValuesById summed_;
  std::vector<Fixed6> sums_;        // summed_.count a cell
  std::vector<uint64_t> elements_;  // arity_ a cell
  std::vector<uint8_t> slot_of_cell_;

  std::vector<uint32_t> direct_;       // product of codes -> cell
  std::vector<uint64_t> hashed_keys_;  // or open addressing: key -> cell
  std::vector<uint32_t> hashed_cells_;
  size_t hashed_mask_ = 0;
  unsigned hashed_shift_ = 63;

  std::vector<Item> items_, scattered_;  // cells in the order of stored rows
  std::vector<uint32_t> bucket_begin_;
  uint64_t values_ = 0;
  std::array<uint64_t, ValueSketch::kMost> smallest_{};
  size_t smallest_count_ = 0;
  std::vector<char> row_;
};

}  // namespace quipu
