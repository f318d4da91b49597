#include "tally/metric_shape.h"

#include <algorithm>

#include "base/check.h"
#include "tally/record_words.h"

namespace quipu {

MetricShape::MetricShape(const CompiledMetric& compiled)
    : metric(compiled),
      bitmap_words(compiled.bitmap_words),
      columns(uint32_t(compiled.columns.size())),
      sections(uint32_t(compiled.sections.size())) {
  CHECK(bitmap_words >= 1 && bitmap_words <= uint32_t(kMaxBitmapWords));
  CHECK(columns <= uint32_t(kMaxColumns));
  CHECK(compiled.dimensions.size() == size_t(bitmap_words) * 64);
  std::array<uint8_t, kMaxColumns> position{};
  for (uint32_t i = 0; i < columns; ++i) {
    CHECK(compiled.columns[i] < kMaxColumns);
    CHECK(i == 0 || compiled.columns[i] > compiled.columns[i - 1]);
    plan_column[i] = compiled.columns[i];
    plan_columns |= uint64_t(1) << plan_column[i];
    position[plan_column[i]] = uint8_t(i);
  }
  layers_.resize(size_t(bitmap_words) * (kMaxArity + 1));
  seeds_.resize(compiled.dimensions.size());
  no_columns.fill(~uint64_t(0));
  for (uint32_t s = 0; s < sections; ++s) {
    const CompiledSection& part = compiled.sections[s];
    CHECK(part.first_dimension % 64 == 0);
    CHECK(part.first_dimension + part.dimensions <= compiled.dimensions.size());
    if (part.group) (part.all_metrics ? all_metrics_ : named_groups_) |= 1u << s;
    for (uint32_t d = part.first_dimension; d < part.first_dimension + part.dimensions; ++d) {
      const CompiledDimension& dimension = compiled.dimensions[d];
      const uint32_t block = d / 64;
      section[block] = uint8_t(s);
      seeds_[d] = value_hash_seed(part.selector, dimension.id);
      if (dimension.compared == 0) continue;
      depth[block] = std::max(depth[block], dimension.compared);
      no_columns[block] &= ~(uint64_t(1) << d % 64);
      for (uint32_t k = 0; k <= uint32_t(kMaxArity); ++k) {
        const uint32_t last = std::min<uint32_t>(k, dimension.compared - 1u);
        layers_[size_t(block) * (kMaxArity + 1) + k][d % 64] = position[dimension.columns[last]];
      }
    }
  }
}

uint32_t MetricShape::sections_of(SelectorId row_metric) const {
  if (row_metric == metric.metric) return (1u << sections) - 1;
  if (named_groups_ == 0) return all_metrics_;
  const uint32_t id = raw(row_metric);
  constexpr uint32_t kRemembered = 1 << 16;
  if (id < known_sections_.size() && known_sections_[id] != kUnknown) return known_sections_[id];
  uint32_t result = all_metrics_;
  for (uint32_t s = 0; s < sections; ++s) {
    const auto& members = metric.sections[s].members;
    if ((named_groups_ >> s & 1) && std::binary_search(members.begin(), members.end(), row_metric))
      result |= 1u << s;
  }
  if (id < kRemembered) {
    if (id >= known_sections_.size()) known_sections_.resize(id + 1, kUnknown);
    known_sections_[id] = result;
  }
  return result;
}

uint64_t MetricShape::value_hash(uint32_t dimension, const uint64_t* row_elements) const {
  const CompiledDimension& d = metric.dimensions[dimension];
  uint64_t hash = seeds_[dimension];
  for (uint32_t k = 0; k < d.arity; ++k) hash = combine64(hash, row_elements[d.columns[k]]);
  return hash;
}

}  // namespace quipu
