// The entries of one group (day, tenant, selector), turned from rows into columns: dense codes of
// elements, bitmaps by dimension, value sums by value. Used over and over, memory is kept. One
// thread. Rows that count nowhere in the section do not belong to the group. A table may hold a
// portion of a group's rows.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "cells/column_codes.h"
#include "cells/pane_entry.h"
#include "cells/section_map.h"

namespace quipu {

class GroupTable {
 public:
  struct Row {
    PaneEntry entry;
    const SectionSource* source;
  };
  // Sums of one value of the plan: rows that have it, rising, and how much.
  struct Amounts {
    std::vector<uint32_t> rows;
    std::vector<Fixed6> amounts;
  };
  static constexpr size_t kTile = 64;                      // rows a word of a bitmap holds
  static constexpr size_t kDimensionsLoaded = 64;          // at once, at most
  static constexpr size_t kBitmapBytes = size_t(8) << 20;  // of bitmaps, if it is several

  // lifetime: of the lifetime dimensions only, without slots, and with first-ever in the place of
  // first-of-frame.
  void start(const SelectorShape& shape, bool lifetime);
  // Adds entries until the table has so many rows. How many entries it has looked at.
  size_t add(std::span<const PaneEntry> entries, const SectionSource& source,
             size_t most_rows = std::numeric_limits<size_t>::max());
  std::span<const Row> rows() const { return rows_; }

  // Bytes that a row needs at most while its table is built, beside those of columns' elements.
  static size_t row_bytes(std::span<const SelectorShape::Dimension> dimensions);
  // After the last add(): brings the rows into the order of slots (stable) and codes the columns
  // of the dimensions, which are those that can be loaded. False: that would take more bytes than
  // it may; only start() is good then.
  bool build(std::span<const SelectorShape::Dimension> dimensions,
             size_t most_bytes = std::numeric_limits<size_t>::max());
  size_t bytes() const { return bytes_; }  // about; once built, without bitmaps
  size_t words() const { return (rows_.size() + kTile - 1) / kTile; }  // of a bitmap over the rows
  std::span<const uint8_t> slots() const { return slots_; }            // distinct, rising
  const uint32_t* slot_codes() const {
    return slot_codes_.data();
  }  // indices into slots(); only if several
  const ColumnCodes& column(size_t c) const { return columns_[c]; }
  const uint32_t* codes(size_t c) const { return codes_.data() + place_[c] * rows_.size(); }
  const Amounts& amounts(int value) const { return amounts_[size_t(value)]; }

  // Bytes of a dimension's bitmaps.
  size_t bitmap_bytes(int frames) const { return size_t(frames + 1) * stride() * sizeof(uint64_t); }
  // How many dimensions load() takes at once: fewer where rows and frames are many.
  size_t dimensions_at_once(int frames, size_t most_bytes = kBitmapBytes) const;
  // Loads the bitmaps of up to so many dimensions; `frames` first-of bitmaps each (1 for
  // first-ever).
  void load(std::span<const SelectorShape::Dimension> dimensions, int frames);
  // Bitmap over the rows: plane 0 counts here, 1 + f first in frame f. The d-th dimension loaded.
  const uint64_t* bitmap(int plane, size_t d) const {
    return bitmaps_.data() + (size_t(plane) * loaded_ + d) * stride_;
  }

 private:
  // A dimension loaded: where its bit lies in the entries, and which it is of those loaded.
  struct Move {
    uint32_t block, bit, to;
  };
  // An odd number of cache lines, so that the bitmaps of one word do not fall into one set of the
  // cache.
  size_t stride() const { return ((words() + 7) / 8 | 1) * 8; }
  void order_by_slot();
  void start_columns(std::span<const SelectorShape::Dimension> dimensions);
  bool read_rows(size_t most_bytes);
  void note_amounts(uint32_t row);
  void load_block(std::span<const Move> moves, int frames);

  const SelectorShape* shape_ = nullptr;
  bool lifetime_ = false;
  std::vector<Row> rows_, unordered_;
  std::vector<uint8_t> slots_;
  std::vector<uint32_t> slot_codes_;
  std::vector<ColumnCodes> columns_;
  std::vector<uint8_t> coded_;               // columns whose codes are there, rising
  std::array<size_t, kMaxColumns> place_{};  // of a column among these
  std::vector<uint32_t> codes_;              // by place, then row
  size_t bytes_ = 0;
  std::array<Amounts, kMaxValues> amounts_;
  std::vector<uint64_t> bitmaps_;
  size_t loaded_ = 0;
  size_t stride_ = 0;  // words from one dimension's bitmap to the next
};

}  // namespace quipu
