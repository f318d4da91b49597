#include "cells/group_table.h"

#include <algorithm>
#include <bit>

#include "cells/bit_matrix.h"
#include "cells/cell_codec.h"

namespace quipu {
namespace {

constexpr size_t kAhead = 6;                     // rows whose lines are asked for ahead
constexpr size_t kLineWords = 8;

void prefetch(PaneEntry entry, size_t lines) {
  for (size_t l = 0; l < lines; ++l) __builtin_prefetch(entry.words() + l * kLineWords);
}

}  // namespace

void GroupTable::start(const SelectorShape& shape, bool lifetime) {
  shape_ = &shape;
  lifetime_ = lifetime;
  rows_.clear();
}

void GroupTable::add(std::span<const PaneEntry> entries, const SectionSource& source) {
  CHECK(source.shape == shape_);
  const size_t lines = entries.empty() ? 0 : (entries[0].size() + kLineWords - 1) / kLineWords;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i + kAhead < entries.size()) prefetch(entries[i + kAhead], lines);
    const uint64_t* here = entries[i].here() + source.first_block;
    uint64_t any = 0;
    for (uint32_t b = 0; b < shape_->blocks; ++b) any |= lifetime_ ? here[b] & shape_->lifetime[b] : here[b];
    if (any != 0) rows_.push_back({entries[i], &source});
  }
}

void GroupTable::build() {
  order_by_slot();
  code_columns();
  for (int v = 0; v < kMaxValues; ++v) {
    amounts_[size_t(v)].rows.clear();
    amounts_[size_t(v)].amounts.clear();
  }
  if (shape_->sums == 0) return;
  for (size_t i = 0; i < rows_.size(); ++i) {
    int nth = 0;
    for (unsigned left = rows_[i].entry.value_mask(); left != 0; left &= left - 1, ++nth) {
      Amounts& of = amounts_[size_t(std::countr_zero(left))];
      of.rows.push_back(uint32_t(i));
      of.amounts.push_back(rows_[i].entry.value(nth));
    }
  }
}

void GroupTable::order_by_slot() {
  slots_.clear();
  if (lifetime_) {
    slots_.push_back(0);
    return;
  }
  std::array<uint32_t, kSlotsOfDay + 1> begin{};
  for (const Row& row : rows_) ++begin[row.entry.slot() + size_t(1)];
  std::array<uint8_t, kSlotsOfDay> code_of{};
  for (uint8_t s = 0; s < kSlotsOfDay; ++s) {
    if (begin[s + size_t(1)] == 0) continue;
    code_of[s] = uint8_t(slots_.size());
    slots_.push_back(s);
  }
  if (slots_.size() == 1) return;
  for (size_t s = 0; s < kSlotsOfDay; ++s) begin[s + 1] += begin[s];
  unordered_.swap(rows_);
  rows_.assign(unordered_.begin(), unordered_.end());
  slot_codes_.resize(rows_.size());
  for (const Row& row : unordered_) {
    const uint8_t slot = row.entry.slot();
    const uint32_t at = begin[slot]++;
    rows_[at] = row;
    slot_codes_[at] = code_of[slot];
  }
}

void GroupTable::code_columns() {
  const size_t n = rows_.size(), columns = shape_->columns.size();
  if (columns_.size() < columns) columns_.resize(columns);
  for (size_t c = 0; c < columns; ++c) columns_[c].clear();
  codes_.resize(columns * n);
  std::array<std::array<uint64_t, kTile>, kMaxColumns> tile;
  for (size_t base = 0; base < n; base += kTile) {
    const size_t rows = std::min(kTile, n - base);
    for (size_t r = 0; r < rows; ++r) {
      if (base + r + kAhead < n) prefetch(rows_[base + r + kAhead].entry, rows_[base + r].entry.size() / kLineWords + 1);
      const uint64_t* elements = rows_[base + r].entry.elements();
      const uint8_t* positions = rows_[base + r].source->positions.data();
      for (size_t c = 0; c < columns; ++c) tile[c][r] = elements[positions[c]];
    }
    for (size_t c = 0; c < columns; ++c) columns_[c].encode(tile[c].data(), rows, codes_.data() + c * n + base);
  }
}

void GroupTable::load(std::span<const SelectorShape::Dimension> dimensions, int frames) {
  CHECK(dimensions.size() <= kDimensionsLoaded);
  // An odd number of cache lines, so that the bitmaps of one word do not fall into one set of the cache.
  stride_ = ((words() + kLineWords - 1) / kLineWords | 1) * kLineWords;
  const size_t size = size_t(frames + 1) * kDimensionsLoaded * stride_;
  if (bitmaps_.size() < size) bitmaps_.resize(size);
  for (int plane = 0; plane <= frames; ++plane) load_plane(dimensions, plane);
}

void GroupTable::load_plane(std::span<const SelectorShape::Dimension> dimensions, int plane) {
  // Where each block's bits go: dimensions come in order of id, which is mostly the order of their bits.
  struct Move {
    uint8_t bit, to;
  };
  std::array<std::vector<Move>, kMaxBlocks> moves;
  for (size_t d = 0; d < dimensions.size(); ++d) {
    moves[dimensions[d].bit / 64].push_back({uint8_t(dimensions[d].bit % 64), uint8_t(d)});
  }
  uint64_t* out = bitmaps_.data() + size_t(plane) * kDimensionsLoaded * stride_;
  std::array<uint64_t, kTile> tile;
  for (size_t b = 0; b < moves.size(); ++b) {
    if (moves[b].empty()) continue;
    for (size_t w = 0; w < words(); ++w) {
      const size_t base = w * kTile, rows = std::min(kTile, rows_.size() - base);
      uint64_t any = 0;
      for (size_t r = 0; r < rows; ++r) {
        const Row& row = rows_[base + r];
        const int p = plane > 0 && lifetime_ ? row.entry.frames() + 1 : plane;
        const uint64_t* bits = row.entry.plane(p);
        tile[r] = bits == nullptr ? 0 : bits[row.source->first_block + b];
        any |= tile[r];
      }
      std::fill(tile.begin() + rows, tile.end(), 0);
      if (any != 0) transpose64(tile.data());
      for (const Move& m : moves[b]) out[m.to * stride_ + w] = tile[m.bit];
    }
  }
}

}  // namespace quipu
