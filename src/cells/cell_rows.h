// Stored rows of cells: their keys, their values, merging and reading. The byte layout stands at
// the top of cell_rows.cpp and in docs/formats.md. Pure functions; any thread.
//
// Key (big endian): day u32 | tenant u32 | selector u32 | dimension u32 | chunk bits u8 | chunk
// prefix u32
//   day: days since 1970-01-01 UTC; kLifetimeDay for rows without day.
//   dimension 0: the sparse row of (day, tenant, selector) (no chunk bytes follow).
//   chunk bits 255: a joint row (joint_rows.h) of dimensions whose ids differ in their last four
//   bits; dimension: the
//     largest such id; chunk prefix: 0.
//   chunk prefix: the first `chunk bits` bits of value_hash(elements), left-aligned in 32 bits.
// Rows of one key from several checkpoints are merged by adding (merge_rows: the store's merge
// operator).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/ids.h"
#include "base/result.h"
#include "plan/compiled.h"
#include "time/month_table.h"

namespace quipu {

inline constexpr DayIndex kLifetimeDay = 0xFFFFFFFF;
inline constexpr int kMaxChunkBits = 24;
inline constexpr uint8_t kJointChunk = 255;       // instead of chunk bits: a joint row
inline constexpr uint32_t kJointDimensions = 16;  // of a joint row, at most
constexpr DimensionId last_of_joint(DimensionId d) {
  return DimensionId(raw(d) | (kJointDimensions - 1));
}

struct CellKey {
  DayIndex day = 0;
  TenantId tenant{};
  SelectorId selector{};
  DimensionId dimension{};  // none: the sparse row
  uint8_t chunk_bits = 0;
  uint32_t chunk = 0;  // left-aligned prefix
  bool joint() const { return chunk_bits == kJointChunk; }
  static CellKey joint_of(DayIndex day, TenantId tenant, SelectorId selector,
                          DimensionId one_of_them) {
    return {day, tenant, selector, last_of_joint(one_of_them), kJointChunk, 0};
  }
  void append_to(std::string& out) const;
  static std::optional<CellKey> parse(std::string_view bytes);
};
// Prefixes for scans.
void append_cell_prefix(DayIndex day, TenantId tenant, SelectorId selector, std::string& out);

// Order and chunk of a value: a hash of all its elements.
uint64_t value_hash(std::span<const uint64_t> elements);

// What one slot of a cell holds. `first` counts first-of by frame of the month's table (for a row
// of the lifetime day: slot 0, first[0] = first ever).
struct SlotCount {
  uint8_t slot = 0;  // quarter-hour of the UTC day: 0 .. 95
  uint64_t count = 0;
  std::array<Fixed6, kMaxValues> sums{};  // in the order of the row's value ids
  std::array<uint32_t, kMaxFrames> first{};
};

// One (value, slots) entry in a row, as read. Valid during the callback.
struct CellEntry {
  std::span<const uint64_t> elements;
  std::span<const ValueId> value_ids;  // of `sums`
  int frames = 0;                      // entries of `first` that hold; 0 if uniques are not counted
  std::span<const SlotCount> slots;    // rising, distinct
};
using CellVisitor = std::function<void(const CellEntry&)>;

// Builds a packed row: entries must come in the order of (value_hash, elements).
class CellRowBuilder {
 public:
  // arity elements a value; value_ids of the sums (sorted); frames of first-of fields.
  CellRowBuilder(int arity, std::span<const ValueId> value_ids, int frames);
  void add(std::span<const uint64_t> elements, std::span<const SlotCount> slots);
  size_t entries() const;
  size_t bytes() const;
  std::string finish();  // and is ready for the next row of the same shape

 private:
  int arity_, frames_;
  std::vector<ValueId> value_ids_;
  std::string body_;
  size_t entries_ = 0;
};

// Reads a packed row. Corrupt bytes give an error, never a wrong entry silently where it can be
// told. hashes: value hashes, rising; if there are any, other entries are passed over, and what is
// behind the last is not read.
Status read_cell_row(std::string_view value, const CellVisitor& visit,
                     std::span<const uint64_t> hashes = {});

// One event row in a sparse row, expanded to what it adds to one dimension's cell.
struct SparseCell {
  DimensionId dimension{};
  CellEntry entry;  // with one slot
};
using LayoutOf = std::function<const SectionLayout*(LayoutId)>;
// Expands a sparse row; `only` limits it to one dimension (none: all).
Status read_sparse_row(std::string_view value, const LayoutOf& layout_of, DimensionId only,
                       const std::function<void(const SparseCell&)>& visit);

// Reads a joint row; `only` limits it to one dimension (none: all). hashes: see read_cell_row.
Status read_joint_row(std::string_view value, const CellKey& key, DimensionId only,
                      const std::function<void(DimensionId, const CellEntry&)>& visit,
                      std::span<const uint64_t> hashes = {});

// The merge operator of the cells family: packed and joint rows of one key add up, sparse rows are
// strung together. Associative; gives nullopt on corrupt bytes.
std::optional<std::string> merge_rows(std::string_view key, std::span<const std::string_view> rows);

}  // namespace quipu
