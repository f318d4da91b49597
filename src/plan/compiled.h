// A plan with the catalogue's ids, in the form that decode, tally and group-by work on.
// Built by the engine (one CompiledPlan a run, CompiledMetrics as metrics are met); immutable once
// published; lives as long as the engine. Any thread may read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "plan/plan.h"

namespace quipu {

struct CompiledDimension {
  DimensionId id{};
  uint8_t arity = 0;     // elements of its values
  uint8_t compared = 0;  // arity, plus one if it has a `when`
  std::array<uint8_t, kMaxArity + 1>
      columns{};     // plan columns: the value's in order, then the `when`'s
  uint8_t sums = 0;  // bit i: value i of the plan
  bool unique = true;
  bool lifetime = false;
};

struct CompiledSection {
  SelectorId selector{};
  LayoutId layout{};
  bool group = false;
  bool all_metrics = false;         // rows of every metric are alike for this group
  std::vector<SelectorId> members;  // group: ids of its metrics, sorted
  uint32_t first_dimension = 0;     // into CompiledMetric::dimensions; a multiple of 64
  uint32_t dimensions = 0;
};

// Bit d of a bitmap is dimension d. Each section begins at a multiple of 64; bits between are never
// set.
struct CompiledMetric {
  SelectorId metric{};
  uint32_t index = 0;  // dense number of this metric within the engine's run
  std::string name;
  uint32_t bitmap_words = 0;                  // 64-bit words of a bitmap
  std::vector<CompiledDimension> dimensions;  // bitmap_words * 64 entries; unused ones have id none
  std::vector<CompiledSection> sections;
  std::vector<uint8_t> columns;    // plan columns some dimension uses (values and whens), rising
  std::vector<uint64_t> planned;   // bitmap of used bits
  std::vector<uint64_t> unique;    // of dimensions that count uniques
  std::vector<uint64_t> lifetime;  // of dimensions with lifetime
  bool has_lifetime = false;
  // For each gating column: dimensions in which a row does not count if the column's element is
  // empty
  // (`missing: skip`) or zero (`when` not matched). Both are element 0.
  struct Gate {
    uint8_t column;
    std::vector<uint64_t> dimensions;
  };
  std::vector<Gate> gates;
  // unique_alive[v]: bitmap of dimensions that counted uniques under plan version v (index 0
  // unused).
  std::vector<std::vector<uint64_t>> unique_alive;
};

// Element of a `when` column: matched or not.
inline constexpr uint64_t kWhenMatched = 1;

struct CompiledPlan {
  Plan parsed;
  PlanVersion version = 1;
  std::vector<PropertyId> columns;  // by plan column; `when`s have ids too
  std::vector<ValueId> values;      // by plan value
  // version_columns[v][i]: the plan column (of this plan) that column i of version v's rows is, or
  // -1.
  std::vector<std::vector<int>> version_columns;
};

// What a sparse row's events are laid out as: enough to expand them without the plan.
// Encoded in the catalogue; equal layouts (whatever the selector) are one.
struct SectionLayout {
  struct Dimension {
    DimensionId id{};
    std::vector<uint8_t> positions;  // into `columns`
    std::vector<ValueId> sums;
    bool unique = true;
    bool lifetime = false;
  };
  std::vector<PropertyId> columns;    // the section's value columns
  std::vector<Dimension> dimensions;  // in bit order
};
std::string encode_layout(const SectionLayout& layout);
Result<SectionLayout> decode_layout(std::string_view bytes);

}  // namespace quipu
