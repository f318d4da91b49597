// Stored keys and rows of cells of any bytes: an error or entries that hold their promises; and
// what can be read merges as its sum. Input: one byte for the kind, then
//   'k'  a key
//   'p'  length of the first row u16 (little endian), the first packed row, the second packed row
//   'j'  the same of joint rows
//   's'  a sparse row under a fixed layout
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/check.h"
#include "cells/cell_rows.h"

namespace {

using namespace quipu;

struct Fields {
  uint64_t count = 0;
  std::map<ValueId, UInt128> sums;
  std::vector<uint64_t> first;
  bool operator==(const Fields&) const = default;
};
using Cells = std::map<std::tuple<DimensionId, std::vector<uint64_t>, int>,
                       Fields>;  // by dimension, value and slot
constexpr DimensionId kOwn{1};

void add_entry(Cells& cells, const CellEntry& entry, DimensionId dimension = kOwn) {
  CHECK(entry.elements.size() <= size_t(kMaxArity) && entry.value_ids.size() <= size_t(kMaxValues));
  CHECK(entry.frames >= 0 && entry.frames <= kMaxFrames && !entry.slots.empty());
  int before = -1;
  for (const SlotCount& s : entry.slots) {
    CHECK(s.slot > before && s.slot < 96 && s.count > 0);
    before = s.slot;
    Fields& to = cells[{
        dimension, std::vector<uint64_t>(entry.elements.begin(), entry.elements.end()), s.slot}];
    to.count += s.count;
    for (size_t v = 0; v < entry.value_ids.size(); ++v) {
      UInt128& sum = to.sums[entry.value_ids[v]];
      sum += UInt128(s.sums[v]);
      if (sum == 0) to.sums.erase(entry.value_ids[v]);
    }
    if (to.first.size() < size_t(kMaxFrames)) to.first.resize(size_t(kMaxFrames));
    for (int f = 0; f < entry.frames; ++f) to.first[size_t(f)] += s.first[size_t(f)];
  }
}

CellKey packed_key() { return {1, TenantId(1), SelectorId(1), kOwn, 0, 0}; }
CellKey joint_key() { return CellKey::joint_of(1, TenantId(1), SelectorId(1), DimensionId(40)); }

bool read(const CellKey& key, std::string_view row, Cells& cells) {
  if (!key.joint())
    return read_cell_row(row, [&](const CellEntry& entry) { add_entry(cells, entry); }).ok();
  return read_joint_row(row, key, DimensionId::none,
                        [&](DimensionId dimension, const CellEntry& entry) {
                          add_entry(cells, entry, dimension);
                        })
      .ok();
}

std::string rebuilt(std::string_view row) {
  std::optional<CellRowBuilder> builder;
  CHECK(read_cell_row(row, [&](const CellEntry& entry) {
          if (!builder) builder.emplace(int(entry.elements.size()), entry.value_ids, entry.frames);
          builder->add(entry.elements, entry.slots);
        }).ok());
  return builder ? builder->finish() : std::string(row);
}

// What one dimension of a joint row holds is read alone, too.
void expect_each_alone(const CellKey& key, std::string_view row, const Cells& cells) {
  for (uint32_t d = raw(key.dimension) - (kJointDimensions - 1); d <= raw(key.dimension); ++d) {
    Cells only, expected;
    for (const auto& [at, fields] : cells) {
      if (std::get<0>(at) == DimensionId(d)) expected.emplace(at, fields);
    }
    CHECK(read_joint_row(row, key, DimensionId(d),
                         [&](DimensionId dimension, const CellEntry& entry) {
                           add_entry(only, entry, dimension);
                         })
              .ok());
    CHECK(only == expected);
  }
}

std::string bytes_of(const CellKey& key) {
  std::string bytes;
  key.append_to(bytes);
  return bytes;
}

void try_adding(const CellKey& at, std::string_view input) {
  if (input.size() < 2) return;
  const size_t length = size_t(uint8_t(input[0])) | size_t(uint8_t(input[1])) << 8;
  input.remove_prefix(2);
  // Buffers of their own, so that the sanitizer sees a read behind the end.
  const std::string a(input.substr(0, length)), b(input.substr(std::min(length, input.size())));
  const std::string key = bytes_of(at);
  Cells cells_a, cells_b;
  const bool reads_a = read(at, a, cells_a), reads_b = read(at, b, cells_b);
  const std::string_view ab[] = {a, b}, ba[] = {b, a};
  const auto merged = merge_rows(key, ab), turned = merge_rows(key, ba);
  CHECK(merged.has_value() == turned.has_value());
  if (reads_a && !at.joint()) {
    Cells again;
    CHECK(read(at, rebuilt(a), again) && again == cells_a);
  }
  if (reads_a && at.joint()) expect_each_alone(at, a, cells_a);
  if (!reads_a || !reads_b || !merged) return;
  Cells sum, other_way, expected = cells_a;
  for (const auto& [cell, fields] : cells_b) {
    Fields& to = expected[cell];
    to.count += fields.count;
    for (const auto& [id, v] : fields.sums) {
      if ((to.sums[id] += v) == 0) to.sums.erase(id);
    }
    to.first.resize(size_t(kMaxFrames));
    for (size_t f = 0; f < fields.first.size(); ++f) to.first[f] += fields.first[f];
  }
  CHECK(read(at, *merged, sum) && sum == expected);
  CHECK(read(at, *turned, other_way) && other_way == expected);
  // (a + b) + a and a + (b + a)
  const std::string_view left[] = {*merged, a}, right[] = {a, *turned};
  const auto left_sum = merge_rows(key, left), right_sum = merge_rows(key, right);
  CHECK(left_sum.has_value() == right_sum.has_value());
  if (!left_sum) return;
  Cells x, y;
  CHECK(read(at, *left_sum, x) && read(at, *right_sum, y) && x == y);
}

SectionLayout fixed_layout() {
  SectionLayout layout;
  layout.columns = {PropertyId(1), PropertyId(2)};
  layout.dimensions.resize(70);
  for (uint32_t d = 0; d < 70; ++d) {
    SectionLayout::Dimension& dimension = layout.dimensions[d];
    dimension.id = DimensionId(d + 1);
    if (d % 3 > 0) dimension.positions.push_back(uint8_t(d % 2));
    if (d % 3 > 1) dimension.positions.push_back(uint8_t(1 - d % 2));
    if (d % 5 == 0) dimension.sums = {1, 3};
    dimension.unique = d % 7 != 0;
  }
  return layout;
}

void try_sparse(std::string_view input) {
  static const SectionLayout layout = fixed_layout();
  const LayoutOf layout_of = [](LayoutId id) { return raw(id) == 4 ? &layout : nullptr; };
  const std::string row(input);
  std::map<DimensionId, Cells> cells, twice;
  const auto into = [](std::map<DimensionId, Cells>& to) {
    return [&to](const SparseCell& cell) {
      CHECK(cell.entry.slots.size() == 1);
      add_entry(to[cell.dimension], cell.entry);
    };
  };
  const bool reads = read_sparse_row(row, layout_of, DimensionId::none, into(cells)).ok();
  const std::string_view rows[] = {row, row};
  const auto merged =
      merge_rows(bytes_of({1, TenantId(1), SelectorId(1), DimensionId::none, 0, 0}), rows);
  if (!reads) return;
  CHECK(merged.has_value());
  CHECK(read_sparse_row(*merged, layout_of, DimensionId::none, into(twice)).ok());
  CHECK(twice.size() == cells.size());
  for (const auto& [dimension, of] : cells) {
    for (const auto& [at, fields] : of) CHECK(twice[dimension][at].count == 2 * fields.count);
    std::map<DimensionId, Cells> only;
    CHECK(read_sparse_row(row, layout_of, dimension, into(only)).ok());
    CHECK(only.size() == 1 && only[dimension] == of);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'k':
      if (const auto key = CellKey::parse(input)) {
        std::string again;
        key->append_to(again);
        CHECK(again == input);
      }
      break;
    case 'p':
      try_adding(packed_key(), input);
      break;
    case 'j':
      try_adding(joint_key(), input);
      break;
    case 's':
      try_sparse(input);
      break;
    default:
      break;
  }
  return 0;
}
