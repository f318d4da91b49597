// What group-by needs to know of metrics' sections, worked out once a call: sections of several
// metrics that feed one selector have one shape; only where its bits and elements lie in an entry
// differs by metric. One thread; references stay valid for the map's life.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "plan/compiled.h"

namespace quipu {

struct SelectorShape {
  struct Dimension {
    DimensionId id{};
    uint32_t bit = 0;  // within the section
    uint8_t arity = 0;
    std::array<uint8_t, kMaxArity> columns{};  // of its values: indices into SelectorShape::columns
    uint8_t sums = 0;                          // bit i: value i of the plan
    bool unique = true;
  };
  SelectorId selector{};
  LayoutId layout{};
  uint32_t bits = 0;               // dimensions
  uint32_t bitmap_words = 0;       // words of its bitmaps
  uint8_t sums = 0;                // of any dimension
  std::vector<uint8_t> columns;    // plan columns of its values, rising: the layout's columns
  std::vector<uint64_t> unique;    // bitmap of dimensions that count uniques
  std::vector<uint64_t> lifetime;  // bitmap of dimensions with lifetime
  std::vector<Dimension> by_id;    // in key order
  std::vector<Dimension> lifetime_by_id;
};

// Some values of the plan, in the order of their ids (that of sums in rows).
struct ValuesById {
  size_t count = 0;
  std::array<int, kMaxValues> planned{};  // of the plan
  std::array<ValueId, kMaxValues> ids{};  // rising
};
// mask: bit i is value i of the plan; value_of[i] its id.
ValuesById values_by_id(uint8_t mask, std::span<const ValueId> value_of);

struct SectionSource {
  const SelectorShape* shape = nullptr;
  uint32_t first_block = 0;        // of an entry's bitmaps
  std::vector<uint8_t> positions;  // of the shape's columns among an entry's elements
};

struct MetricSections {
  const CompiledMetric* metric = nullptr;
  std::vector<SectionSource> sections;
};

class SectionMap {
 public:
  const MetricSections& of(const CompiledMetric& metric);

 private:
  const SelectorShape& shape_of(const CompiledMetric& metric, const CompiledSection& section);

  struct Shape {
    SelectorShape shape;
    std::vector<CompiledDimension> dimensions;  // in bit order, of the metric it was met with
  };
  std::deque<Shape> shapes_;
  std::unordered_map<uint32_t, const Shape*> by_selector_;
  std::deque<MetricSections> metrics_;
  std::unordered_map<const CompiledMetric*, const MetricSections*> by_metric_;
};

}  // namespace quipu
