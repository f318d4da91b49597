// Layout of a joint row (golden bytes: joint_rows_test.cpp):
//
//   version u8 = 1
//   then for each dimension that has values here, rising:
//     the last four bits of its id u8 | bytes that follow varint | its packed row (cell_rows.cpp)
//   then for each dimension that has rows of its own, rising:
//     the last four bits of its id + 16 u8 | bytes that follow varint | its sketch (value_sketch.h)
//
// The rest of the ids stands in the row's key. A dimension may have both; a merged row has at least
// one part.
#include "cells/joint_rows.h"

#include "base/bytes.h"
#include "base/check.h"

namespace quipu {
namespace {

constexpr uint8_t kJointRowVersion = 1;

}  // namespace

std::optional<JointParts> joint_parts(std::string_view row) {
  ByteReader in(row);
  if (in.u8() != kJointRowVersion) return std::nullopt;
  JointParts parts;
  int before = -1;
  do {
    const int tag = in.u8();
    const std::string_view part = in.sized();
    if (!in.ok() || tag <= before || size_t(tag) >= 2 * kJointDimensions || part.empty())
      return std::nullopt;
    (size_t(tag) < kJointDimensions ? parts.rows : parts.sketches)[size_t(tag) % kJointDimensions] =
        part;
    before = tag;
  } while (!in.done());
  return parts;
}

std::optional<ValueSketch> sketch_of_joint(std::string_view row, DimensionId dimension) {
  ValueSketch sketch;
  if (row.empty()) return sketch;
  const auto parts = joint_parts(row);
  if (!parts) return std::nullopt;
  const size_t place = raw(dimension) % kJointDimensions;
  if (const std::string_view stored = parts->sketches[place]; !stored.empty()) {
    const auto parsed = ValueSketch::parse(stored);
    if (!parsed) return std::nullopt;
    sketch = *parsed;
  }
  if (const std::string_view packed = parts->rows[place]; !packed.empty()) {
    std::vector<uint64_t> hashes;
    const Status read = read_cell_row(packed, [&](const CellEntry& entry) {
      if (hashes.size() < ValueSketch::kMost) hashes.push_back(value_hash(entry.elements));
    });
    if (!read.ok()) return std::nullopt;
    sketch.add(hashes);
  }
  return sketch;
}

Status read_joint_row(std::string_view value, const CellKey& key, DimensionId only,
                      const std::function<void(DimensionId, const CellEntry&)>& visit,
                      std::span<const uint64_t> hashes) {
  const auto parts = joint_parts(value);
  if (!parts) {
    return Error{
        "a stored joint row of cells is cut off or of an unknown version: the store's files are "
        "damaged or of a newer "
        "quipu; restore a backup or count again into a new store"};
  }
  const uint32_t first = raw(key.dimension) - (kJointDimensions - 1);
  for (uint32_t place = 0; place < kJointDimensions; ++place) {
    const DimensionId dimension{first + place};
    if (parts->rows[place].empty() || (only != DimensionId::none && dimension != only)) continue;
    QUIPU_TRY(read_cell_row(
        parts->rows[place], [&](const CellEntry& entry) { visit(dimension, entry); }, hashes));
  }
  return {};
}

void JointRowBuilder::begin_part(DimensionId dimension) {
  if (empty()) last_dimension_ = last_of_joint(dimension);
  CHECK(last_of_joint(dimension) == last_dimension_);
}

void JointRowBuilder::add(DimensionId dimension, std::string_view packed) {
  CHECK(!packed.empty());
  begin_part(dimension);
  ByteWriter w(rows_);
  w.u8(uint8_t(raw(dimension) % kJointDimensions));
  w.sized(packed);
}

void JointRowBuilder::add_sketch(DimensionId dimension, const ValueSketch& sketch) {
  begin_part(dimension);
  std::string bytes;
  sketch.append_to(bytes);
  ByteWriter w(sketches_);
  w.u8(uint8_t(kJointDimensions + raw(dimension) % kJointDimensions));
  w.sized(bytes);
}

std::string JointRowBuilder::finish() {
  CHECK(!empty());
  std::string row;
  row.reserve(1 + rows_.size() + sketches_.size());
  ByteWriter(row).u8(kJointRowVersion);
  row += rows_;
  row += sketches_;
  rows_.clear();
  sketches_.clear();
  return row;
}

}  // namespace quipu
