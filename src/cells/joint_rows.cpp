// Layout of a joint row (golden bytes: joint_rows_test.cpp):
//
//   version u8 = 1
//   then for each dimension, rising:
//     the last four bits of its id u8 | bytes that follow varint | its packed row (cell_rows.cpp)
//
// The rest of the ids stands in the row's key.
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
    const int place = in.u8();
    const std::string_view packed = in.sized();
    if (!in.ok() || place <= before || size_t(place) >= parts.size() || packed.empty())
      return std::nullopt;
    parts[size_t(place)] = packed;
    before = place;
  } while (!in.done());
  return parts;
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
    if ((*parts)[place].empty() || (only != DimensionId::none && dimension != only)) continue;
    QUIPU_TRY(read_cell_row((*parts)[place],
                            [&](const CellEntry& entry) { visit(dimension, entry); }, hashes));
  }
  return {};
}

void JointRowBuilder::add(DimensionId dimension, std::string_view packed) {
  CHECK(!packed.empty());
  ByteWriter w(row_);
  if (row_.empty()) {
    w.u8(kJointRowVersion);
    last_dimension_ = last_of_joint(dimension);
  }
  CHECK(last_of_joint(dimension) == last_dimension_);
  w.u8(uint8_t(raw(dimension) % kJointDimensions));
  w.varint(packed.size());
  row_ += packed;
}

std::string JointRowBuilder::finish() {
  std::string row;
  row.swap(row_);
  return row;
}

}  // namespace quipu
