#include "cells/dimension_cells.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "cells/cell_codec.h"
#include "cells/cell_lookup.h"

namespace quipu {
namespace {

constexpr size_t kTile = GroupTable::kTile;
constexpr size_t kMaxNarrowRows = 65535;
// A direct table is taken if it has at most so many places a row.
constexpr uint64_t kDirectPerRow = 4;
constexpr uint64_t kDirectAtLeast = 256;
constexpr size_t kSortedByInsertion = 24;
// Of a cell, in the tables that find it; of a slot in a row, mostly.
constexpr size_t kTableBytes = 4 * (sizeof(uint64_t) + sizeof(uint32_t));
constexpr size_t kSlotBytes = 8;
// Of a row, while codes of pairs are made.
constexpr size_t kJoinedBytes = 64;

// kSpread.of[b]: byte i is bit i of b.
struct Spread {
  std::array<uint64_t, 256> of{};
  constexpr Spread() {
    for (uint64_t b = 0; b < 256; ++b) {
      for (unsigned i = 0; i < 8; ++i) of[b] |= (b >> i & 1) << (8 * i);
    }
  }
};
constexpr Spread kSpread;

// kLaneBits<Lane>.of[b]: lane i is bit i of b.
template <typename Lane>
struct LaneBits {
  alignas(64) std::array<std::array<Lane, 8>, 256> of{};
  constexpr LaneBits() {
    for (unsigned b = 0; b < 256; ++b) {
      for (unsigned i = 0; i < 8; ++i) of[b][i] = Lane(b >> i & 1);
    }
  }
};
template <typename Lane>
constexpr LaneBits<Lane> kLaneBits{};

template <typename Lanes>
void add_flags(Lanes& lanes, uint8_t flags) {
  typename Lanes::Vector add;
  std::memcpy(&add, kLaneBits<typename Lanes::Lane>.of[flags].data(), sizeof add);
  lanes.of += add;
}

// Eight bitmaps (or fewer) of 64 rows -> a byte of flags a row.
void spread_flags(std::span<const uint64_t> words, uint8_t* flags) {
  std::array<uint64_t, kTile / 8> bytes{};
  for (size_t p = 0; p < words.size(); ++p) {
    uint64_t word = words[p];
    if (word == 0) continue;
    for (uint64_t& eight : bytes) {
      eight |= kSpread.of[word & 0xff] << p;
      word >>= 8;
    }
  }
  std::memcpy(flags, bytes.data(), kTile);
}

}  // namespace

void DimensionCells::count(const GroupTable& table, const SelectorShape::Dimension& dimension,
                           size_t d, int frames, std::span<const ValueId> value_of) {
  rows_ = table.rows().size();
  arity_ = dimension.arity;
  frames_ = frames;
  choose_digits(table, dimension);
  narrow_ = rows_ <= kMaxNarrowRows;
  if (narrow_) {
    add_up(table, d, narrow_sets_);
  } else {
    add_up(table, d, wide_sets_);
  }
  add_up_values(table, dimension.sums, value_of);
  find_elements(table, dimension);
  sort_items();
  part_collisions();
}

size_t DimensionCells::most_bytes(const GroupTable& table,
                                  const SelectorShape::Dimension& dimension, int frames) {
  const size_t rows = table.rows().size(), arity = dimension.arity;
  uint64_t product = std::max<size_t>(1, table.slots().size());
  for (size_t k = 0; k < arity; ++k) {
    if (__builtin_mul_overflow(product, table.column(dimension.columns[k]).count(), &product))
      product = std::numeric_limits<uint64_t>::max();
  }
  const uint64_t cells = std::min<uint64_t>(rows, product) + 1;
  const size_t sets = size_t(1 + frames + kLanes - 1) / kLanes;
  const size_t of_row =
      sizeof(uint32_t) + (product == std::numeric_limits<uint64_t>::max() ? kJoinedBytes : 0);
  const size_t of_cell = sizeof(uint32_t) + sets * sizeof(WideLanes) + 8 * arity + 1 +
                         2 * sizeof(Item) + 2 * sizeof(uint32_t) + kTableBytes +
                         size_t(std::popcount(dimension.sums)) * sizeof(Fixed6) +
                         2 * (8 * arity + kSlotBytes);
  return rows * of_row + cells * of_cell;
}

// A cell is a combination of codes: those of its columns and, last, of its slot.
void DimensionCells::choose_digits(const GroupTable& table,
                                   const SelectorShape::Dimension& dimension) {
  digits_.clear();
  joined_.clear();
  for (size_t k = 0; k < dimension.arity; ++k) {
    const size_t c = dimension.columns[k];
    digits_.push_back({table.codes(c), table.column(c).count()});
  }
  if (table.slots().size() > 1) digits_.push_back({table.slot_codes(), table.slots().size()});
  for (bool fits = false; !fits;) {
    fits = true;
    product_ = 1;
    for (const Digit& digit : digits_) {
      if (__builtin_mul_overflow(product_, digit.count, &product_)) fits = false;
    }
    if (!fits) join_digits();
  }
}

// Puts dense codes of their pairs in the place of the first two digits.
void DimensionCells::join_digits() {
  std::vector<uint64_t> pairs(rows_);
  std::vector<uint32_t> codes(rows_);
  for (size_t i = 0; i < rows_; ++i)
    pairs[i] = digits_[0].codes[i] * digits_[1].count + digits_[1].codes[i];
  ColumnCodes coder;
  coder.clear();
  coder.encode(pairs.data(), rows_, codes.data());
  joined_.push_back(std::move(codes));
  digits_.erase(digits_.begin());
  digits_[0] = {joined_.back().data(), coder.count()};
}

template <typename Lanes>
void DimensionCells::add_up(const GroupTable& table, size_t d, Sets<Lanes>& sets) {
  cells_ = 0;
  const size_t most = size_t(std::min<uint64_t>(rows_, product_)) + 1;
  if (cell_of_row_.size() < rows_) cell_of_row_.resize(rows_);
  if (row_of_cell_.size() < most) row_of_cell_.resize(most);
  if (sets[0].size() < most) sets[0].resize(most);

  if (product_ <= std::max(kDirectAtLeast, kDirectPerRow * rows_)) {
    if (direct_.size() < product_) direct_.resize(product_);
    std::fill_n(direct_.begin(), product_, 0);
    add_up_first_set(table, d, sets, [this](uint64_t key) { return &direct_[key]; });
  } else {
    const size_t capacity = std::bit_ceil(2 * most);
    if (hashed_cells_.size() < capacity) {
      hashed_cells_.resize(capacity);
      hashed_keys_.resize(capacity);
    }
    std::fill_n(hashed_cells_.begin(), capacity, 0);
    hashed_mask_ = capacity - 1;
    hashed_shift_ = unsigned(64 - std::countr_zero(capacity));
    add_up_first_set(table, d, sets, [this](uint64_t key) { return find_hashed(key); });
  }
  for (int set = 1; set * kLanes < 1 + frames_; ++set) add_up_set(table, d, set, sets);
}

uint32_t* DimensionCells::find_hashed(uint64_t key) {
  size_t at = size_t(key * 0x9e3779b97f4a7c15ull >> hashed_shift_);
  while (hashed_cells_[at] != 0 && hashed_keys_[at] != key) at = (at + 1) & hashed_mask_;
  hashed_keys_[at] = key;
  return &hashed_cells_[at];
}

// Finds each row's cell and adds its count and first frames (the first set of lanes).
template <typename Lanes, typename Find>
void DimensionCells::add_up_first_set(const GroupTable& table, size_t d, Sets<Lanes>& sets,
                                      Find find) {
  Lanes* of_cell = sets[0].data();
  const int planes = std::min(kLanes, 1 + frames_);
  std::array<uint64_t, kTile> keys;
  std::array<uint8_t, kTile> flags;
  std::array<uint64_t, kLanes> words;
  uint32_t cells = 0;
  for (size_t w = 0; w < table.words(); ++w) {
    const size_t base = w * kTile, n = std::min(kTile, rows_ - base);
    for (int p = 0; p < planes; ++p) words[size_t(p)] = table.bitmap(p, d)[w];
    spread_flags({words.data(), size_t(planes)}, flags.data());
    keys.fill(0);
    for (const Digit& digit : digits_) {
      const uint32_t* codes = digit.codes + base;
      for (size_t r = 0; r < n; ++r) keys[r] = keys[r] * digit.count + codes[r];
    }
    for (size_t r = 0; r < n; ++r) {
      if (!(flags[r] & 1)) {
        cell_of_row_[base + r] = 0;
        continue;
      }
      uint32_t* place = find(keys[r]);
      uint32_t cell = *place;
      if (cell == 0) {
        cell = *place = ++cells;
        row_of_cell_[cell] = uint32_t(base + r);
        of_cell[cell] = Lanes{};
      }
      cell_of_row_[base + r] = cell;
      add_flags(of_cell[cell], flags[r]);
    }
  }
  cells_ = cells;
}

template <typename Lanes>
void DimensionCells::add_up_set(const GroupTable& table, size_t d, int set, Sets<Lanes>& sets) {
  std::vector<Lanes>& of_cell = sets[size_t(set)];
  if (of_cell.size() < size_t(cells_) + 1) of_cell.resize(size_t(cells_) + 1);
  std::fill_n(of_cell.begin(), size_t(cells_) + 1, Lanes{});
  const int first_plane = set * kLanes, planes = std::min(kLanes, 1 + frames_ - first_plane);
  std::array<uint8_t, kTile> flags;
  std::array<uint64_t, kLanes> words;
  for (size_t w = 0; w < table.words(); ++w) {
    const size_t base = w * kTile, n = std::min(kTile, rows_ - base);
    for (int p = 0; p < planes; ++p) words[size_t(p)] = table.bitmap(first_plane + p, d)[w];
    spread_flags({words.data(), size_t(planes)}, flags.data());
    for (size_t r = 0; r < n; ++r) {
      add_flags(of_cell[cell_of_row_[base + r]], flags[r]);
    }
  }
}

void DimensionCells::add_up_values(const GroupTable& table, uint8_t sums,
                                   std::span<const ValueId> value_of) {
  uint8_t there = 0;
  for (int v = 0; v < kMaxValues; ++v) there |= uint8_t(!table.amounts(v).rows.empty() << v);
  summed_ = values_by_id(sums & there, value_of);
  sums_.assign((size_t(cells_) + 1) * summed_.count, 0);
  for (size_t k = 0; k < summed_.count; ++k) {
    const GroupTable::Amounts& amounts = table.amounts(summed_.planned[k]);
    for (size_t a = 0; a < amounts.rows.size(); ++a) {
      sums_[size_t(cell_of_row_[amounts.rows[a]]) * summed_.count + k] += amounts.amounts[a];
    }
  }
}

void DimensionCells::find_elements(const GroupTable& table,
                                   const SelectorShape::Dimension& dimension) {
  const size_t arity = size_t(arity_);
  if (elements_.size() < (size_t(cells_) + 1) * arity)
    elements_.resize((size_t(cells_) + 1) * arity);
  if (slot_of_cell_.size() < size_t(cells_) + 1) slot_of_cell_.resize(size_t(cells_) + 1);
  items_.resize(cells_);
  for (uint32_t cell = 1; cell <= cells_; ++cell) items_[cell - 1] = {kValueHashStart, cell};
  for (size_t k = 0; k < arity; ++k) {
    const ColumnCodes& column = table.column(dimension.columns[k]);
    const uint32_t* codes = table.codes(dimension.columns[k]);
    for (uint32_t cell = 1; cell <= cells_; ++cell) {
      const uint64_t element = column.element(codes[row_of_cell_[cell]]);
      elements_[cell * arity + k] = element;
      items_[cell - 1].hash = value_hash_step(items_[cell - 1].hash, element);
    }
  }
  const bool several = table.slots().size() > 1;
  for (uint32_t cell = 1; cell <= cells_; ++cell) {
    slot_of_cell_[cell] = table.slots()[several ? table.slot_codes()[row_of_cell_[cell]] : 0];
  }
}

// By hash; cells of one hash keep their order, which is by slot, since the table's rows are in the
// order of slots. Hashes are even, so one pass over their top bits leaves little to do.
void DimensionCells::sort_items() {
  const size_t n = items_.size();
  if (n > kSortedByInsertion) {
    const unsigned bits = unsigned(std::bit_width(n - 1));
    const unsigned shift = 64 - bits;
    bucket_begin_.assign((size_t(1) << bits) + 1, 0);
    for (const Item& item : items_) ++bucket_begin_[(item.hash >> shift) + 1];
    for (size_t b = 0; b < size_t(1) << bits; ++b) bucket_begin_[b + 1] += bucket_begin_[b];
    scattered_.resize(n);
    for (const Item& item : items_) scattered_[bucket_begin_[item.hash >> shift]++] = item;
    items_.swap(scattered_);
  }
  for (size_t i = 1; i < n; ++i) {
    const Item item = items_[i];
    size_t at = i;
    for (; at > 0 && items_[at - 1].hash > item.hash; --at) items_[at] = items_[at - 1];
    items_[at] = item;
  }
}

bool DimensionCells::same_value(const Item& a, const Item& b) const {
  return a.hash == b.hash &&
         std::equal(elements(a.cell), elements(a.cell) + arity_, elements(b.cell));
}

// Different values under one hash go by their elements. Counts the distinct values on the way.
void DimensionCells::part_collisions() {
  values_ = 0;
  smallest_count_ = 0;
  for (size_t i = 0; i < items_.size();) {
    size_t end = i + 1;
    bool alike = true;
    for (; end < items_.size() && items_[end].hash == items_[i].hash; ++end)
      alike = alike && same_value(items_[i], items_[end]);
    ++values_;
    if (!alike) {
      std::stable_sort(items_.begin() + ptrdiff_t(i), items_.begin() + ptrdiff_t(end),
                       [this](const Item& a, const Item& b) {
                         return std::lexicographical_compare(
                             elements(a.cell), elements(a.cell) + arity_, elements(b.cell),
                             elements(b.cell) + arity_);
                       });
      for (size_t j = i + 1; j < end; ++j) values_ += !same_value(items_[j - 1], items_[j]);
    }
    if (smallest_count_ < smallest_.size()) smallest_[smallest_count_++] = items_[i].hash;
    i = end;
  }
}

Status DimensionCells::emit(CellKey key, int chunk_bits, RowOutput& out) {
  key.chunk_bits = uint8_t(chunk_bits);
  for (size_t i = 0; i < items_.size();) {
    key.chunk = chunk_of(items_[i].hash, chunk_bits);
    size_t end = i + 1;
    while (end < items_.size() && chunk_of(items_[end].hash, chunk_bits) == key.chunk) ++end;
    QUIPU_TRY(out.emit(key, encode_row({items_.data() + i, end - i})));
    i = end;
  }
  out.result().cells += values_;
  return {};
}

template <typename Lanes>
uint64_t DimensionCells::read_fields(const Sets<Lanes>& sets, uint32_t cell,
                                     uint32_t* first) const {
  for (int f = 0; f < frames_; ++f)
    first[f] = sets[size_t(1 + f) / kLanes][cell].of[(1 + f) % kLanes];
  return sets[0][cell].of[0];
}

std::string_view DimensionCells::encode_row(std::span<const Item> items) {
  CellRowHeader header;
  header.arity = arity_;
  header.frames = frames_;
  header.values = summed_.count;
  header.value_ids = summed_.ids;
  for (size_t i = 0; i < items.size(); ++i)
    header.entries += i == 0 || !same_value(items[i - 1], items[i]);

  const size_t most = size_t(arity_) * 8 + max_slot_bytes(frames_, summed_.count);
  if (row_.size() < kMaxRowHeaderBytes + most) row_.resize(2 * (kMaxRowHeaderBytes + most));
  char* p = header.put(row_.data());
  std::array<uint32_t, kMaxFrames> first;
  bool goes_on = false;  // the item has the value of the one before
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t used = size_t(p - row_.data());
    if (row_.size() - used < most) {
      row_.resize(row_.size() * 2);
      p = row_.data() + used;
    }
    const uint32_t cell = items[i].cell;
    if (!goes_on) p = put_elements(p, {elements(cell), size_t(arity_)});
    goes_on = i + 1 < items.size() && same_value(items[i], items[i + 1]);
    const uint64_t count = narrow_ ? read_fields(narrow_sets_, cell, first.data())
                                   : read_fields(wide_sets_, cell, first.data());
    p = put_slot(p, slot_of_cell_[cell], !goes_on, count, {first.data(), size_t(frames_)},
                 {sums_.data() + cell * summed_.count, summed_.count});
  }
  return {row_.data(), size_t(p - row_.data())};
}

}  // namespace quipu
