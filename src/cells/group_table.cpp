#include "cells/group_table.h"

#include <algorithm>
#include <bit>

#include "cells/bit_matrix.h"
#include "cells/cell_codec.h"

namespace quipu {
namespace {

constexpr size_t kAhead = 6;  // rows whose lines are asked for ahead
constexpr size_t kLineWords = 8;
// Of a distinct element of a column: itself and its places in the table, both may just have grown.
constexpr size_t kElementBytes = 32;
// Of a row with an amount: its number and the amount, which may just have grown.
constexpr size_t kAmountBytes = 2 * (sizeof(uint32_t) + sizeof(Fixed6));

void prefetch(PaneEntry entry, size_t lines) {
  for (size_t l = 0; l < lines; ++l) __builtin_prefetch(entry.words() + l * kLineWords);
}

// Of an entry that is near, if its elements are not.
void prefetch_elements(PaneEntry entry) {
  if (!entry.kept()) return;
  const uint64_t* elements = entry.elements();
  for (size_t c = 0; c < entry.metric()->columns.size(); c += kLineWords)
    __builtin_prefetch(elements + c);
}

}  // namespace

void GroupTable::start(const SelectorShape& shape, bool lifetime) {
  shape_ = &shape;
  lifetime_ = lifetime;
  rows_.clear();
}

size_t GroupTable::add(std::span<const PaneEntry> entries, const SectionSource& source,
                       size_t most_rows) {
  CHECK(source.shape == shape_);
  const size_t lines = entries.empty() ? 0 : (entries[0].size() + kLineWords - 1) / kLineWords;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (rows_.size() == most_rows) return i;
    if (i + kAhead < entries.size()) prefetch(entries[i + kAhead], lines);
    const uint64_t* here = entries[i].here() + source.first_block;
    uint64_t any = 0;
    for (uint32_t b = 0; b < shape_->bitmap_words; ++b)
      any |= lifetime_ ? here[b] & shape_->lifetime[b] : here[b];
    if (any != 0) rows_.push_back({entries[i], &source});
  }
  return entries.size();
}

size_t GroupTable::row_bytes(std::span<const SelectorShape::Dimension> dimensions) {
  uint64_t columns = 0;
  unsigned sums = 0;
  for (const auto& dimension : dimensions) {
    for (size_t k = 0; k < dimension.arity; ++k) columns |= uint64_t(1) << dimension.columns[k];
    sums |= dimension.sums;
  }
  return 3 * sizeof(Row) + (1 + size_t(std::popcount(columns))) * sizeof(uint32_t) +
         size_t(std::popcount(sums)) * kAmountBytes;
}

bool GroupTable::build(std::span<const SelectorShape::Dimension> dimensions, size_t most_bytes) {
  bytes_ = rows_.size() * row_bytes(dimensions);
  if (bytes_ > most_bytes) return false;
  order_by_slot();
  for (Amounts& of : amounts_) {
    of.rows.clear();
    of.amounts.clear();
  }
  start_columns(dimensions);
  return read_rows(most_bytes);
}

void GroupTable::start_columns(std::span<const SelectorShape::Dimension> dimensions) {
  uint64_t wanted = 0;
  for (const auto& dimension : dimensions) {
    for (size_t k = 0; k < dimension.arity; ++k) wanted |= uint64_t(1) << dimension.columns[k];
  }
  if (columns_.size() < shape_->columns.size()) columns_.resize(shape_->columns.size());
  coded_.clear();
  for (; wanted != 0; wanted &= wanted - 1) {
    const auto c = uint8_t(std::countr_zero(wanted));
    columns_[c].clear();
    place_[c] = coded_.size();
    coded_.push_back(c);
  }
  codes_.resize(coded_.size() * rows_.size());
}

void GroupTable::note_amounts(uint32_t row) {
  const PaneEntry entry = rows_[row].entry;
  int nth = 0;
  for (unsigned left = entry.value_mask(); left != 0; left &= left - 1, ++nth) {
    Amounts& of = amounts_[size_t(std::countr_zero(left))];
    of.rows.push_back(row);
    of.amounts.push_back(entry.value(nth));
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

bool GroupTable::read_rows(size_t most_bytes) {
  const size_t n = rows_.size();
  const size_t of_rows = bytes_;
  std::array<std::array<uint64_t, kTile>, kMaxColumns> tile;
  for (size_t base = 0; base < n; base += kTile) {
    const size_t rows = std::min(kTile, n - base);
    for (size_t r = 0; r < rows; ++r) {
      if (base + r + kAhead < n)
        prefetch(rows_[base + r + kAhead].entry, rows_[base + r].entry.size() / kLineWords + 1);
      if (base + r + kAhead / 2 < n) prefetch_elements(rows_[base + r + kAhead / 2].entry);
      if (shape_->sums != 0) note_amounts(uint32_t(base + r));
      const uint64_t* elements = rows_[base + r].entry.elements();
      const uint8_t* positions = rows_[base + r].source->positions.data();
      for (uint8_t c : coded_) tile[c][r] = elements[positions[c]];
    }
    size_t distinct = 0;
    for (uint8_t c : coded_) {
      columns_[c].encode(tile[c].data(), rows, codes_.data() + place_[c] * n + base);
      distinct += columns_[c].count();
    }
    bytes_ = of_rows + distinct * kElementBytes;
    if (bytes_ > most_bytes) return false;
  }
  return true;
}

size_t GroupTable::dimensions_at_once(int frames, size_t most_bytes) const {
  return std::clamp<size_t>(std::min(most_bytes, kBitmapBytes) / bitmap_bytes(frames), 1,
                            kDimensionsLoaded);
}

void GroupTable::load(std::span<const SelectorShape::Dimension> dimensions, int frames) {
  CHECK(dimensions.size() <= kDimensionsLoaded);
  stride_ = stride();
  loaded_ = dimensions.size();
  const size_t size = size_t(frames + 1) * loaded_ * stride_;
  if (bitmaps_.size() < size) bitmaps_.resize(size);

  // Dimensions come in the order of their ids, which is mostly, but need not be, the order of their
  // bits.
  std::array<Move, kDimensionsLoaded> moves;
  size_t n = 0;
  for (const auto& d : dimensions) moves[n] = {d.bit / 64, d.bit % 64, uint32_t(n)}, ++n;
  const auto end = moves.begin() + n;
  std::stable_sort(moves.begin(), end,
                   [](const Move& a, const Move& b) { return a.block < b.block; });
  for (auto run = moves.begin(); run != end;) {
    const auto next = std::find_if(run, end, [&](const Move& m) { return m.block != run->block; });
    load_block({run, next}, frames);
    run = next;
  }
}

void GroupTable::load_block(std::span<const Move> moves, int frames) {
  std::array<uint64_t, kTile> tile;
  for (size_t w = 0; w < words(); ++w) {
    const size_t base = w * kTile, rows = std::min(kTile, rows_.size() - base);
    for (int plane = 0; plane <= frames; ++plane) {
      uint64_t any = 0;
      for (size_t r = 0; r < rows; ++r) {
        const Row& row = rows_[base + r];
        if (plane == 0 && base + r + kAhead < rows_.size())
          prefetch(rows_[base + r + kAhead].entry, 2);
        const uint64_t* bits =
            row.entry.plane(plane > 0 && lifetime_ ? row.entry.frames() + 1 : plane);
        tile[r] = bits == nullptr ? 0 : bits[row.source->first_block + moves[0].block];
        any |= tile[r];
      }
      std::fill(tile.begin() + rows, tile.end(), 0);
      if (any != 0) transpose64(tile.data());
      uint64_t* out = bitmaps_.data() + size_t(plane) * loaded_ * stride_ + w;
      for (const Move& m : moves) out[m.to * stride_] = tile[m.bit];
    }
  }
}

}  // namespace quipu
