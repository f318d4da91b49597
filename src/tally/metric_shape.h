// What the tally makes of a CompiledMetric once, so that a look at a record is table look-ups:
// which columns are compared, each dimension's columns as byte indices for permutes, and the first
// part of its words' hash. Built on first sight; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "plan/compiled.h"

namespace quipu {

class MetricShape {
 public:
  explicit MetricShape(const CompiledMetric& compiled);
  MetricShape(const MetricShape&) = delete;
  MetricShape& operator=(const MetricShape&) = delete;

  // Sections (bit s) for which a stored row of `row_metric` counts. The metric's own rows count for
  // all.
  uint32_t sections_of(SelectorId row_metric) const;
  // Of those, the ones for which rows of every other metric count.
  uint32_t sections_of_all() const { return all_metrics_; }
  bool any_named_group() const { return named_groups_ != 0; }

  const CompiledMetric& metric;
  uint32_t bitmap_words;
  uint32_t columns;                                // that some dimension uses; at most 64
  std::array<uint8_t, kMaxColumns> plan_column{};  // by position
  uint64_t plan_columns = 0;                       // the same as a set

  // For dimension i of block b, byte i of layer k names the position of its k-th compared column
  // (its last one again where it has fewer).
  const uint8_t* layer(uint32_t block, uint32_t k) const {
    return layers_[size_t(block) * (kMaxArity + 1) + k].data();
  }
  std::array<uint8_t, kMaxBitmapWords> depth{};  // layers of the block
  std::array<uint64_t, kMaxBitmapWords>
      no_columns{};  // dimensions without columns, and unused bits
  std::array<uint8_t, kMaxBitmapWords> section{};
  uint32_t sections;

  // What is hashed of a membership apart from its bucket.
  uint64_t value_hash(uint32_t dimension, const uint64_t* row_elements) const;

 private:
  struct alignas(64) Layer : std::array<uint8_t, 64> {};
  std::vector<Layer> layers_;
  std::vector<uint64_t> seeds_;  // by dimension
  uint32_t all_metrics_ = 0;
  uint32_t named_groups_ = 0;
  static constexpr uint32_t kUnknown = ~uint32_t(0);
  mutable std::vector<uint32_t> known_sections_;  // by raw SelectorId
};

}  // namespace quipu
