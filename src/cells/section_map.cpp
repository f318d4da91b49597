#include "cells/section_map.h"

#include <algorithm>

#include "base/check.h"

namespace quipu {
namespace {

std::span<const CompiledDimension> dimensions_of(const CompiledMetric& metric,
                                                 const CompiledSection& section) {
  CHECK(section.first_dimension % 64 == 0);
  CHECK(size_t(section.first_dimension) + section.dimensions <= metric.dimensions.size());
  return std::span(metric.dimensions).subspan(section.first_dimension, section.dimensions);
}

bool alike(const CompiledDimension& a, const CompiledDimension& b) {
  return a.id == b.id && a.arity == b.arity && a.columns == b.columns && a.sums == b.sums &&
         a.unique == b.unique && a.lifetime == b.lifetime;
}

uint8_t index_in(const std::vector<uint8_t>& sorted, uint8_t column) {
  auto it = std::lower_bound(sorted.begin(), sorted.end(), column);
  CHECK(it != sorted.end() && *it == column);
  return uint8_t(it - sorted.begin());
}

}  // namespace

ValuesById values_by_id(uint8_t mask, std::span<const ValueId> value_of) {
  ValuesById values;
  for (int v = 0; v < kMaxValues; ++v) {
    if (!(mask >> v & 1)) continue;
    CHECK(size_t(v) < value_of.size());
    size_t at = values.count++;
    for (; at > 0 && values.ids[at - 1] > value_of[size_t(v)]; --at) {
      values.ids[at] = values.ids[at - 1];
      values.planned[at] = values.planned[at - 1];
    }
    values.ids[at] = value_of[size_t(v)];
    values.planned[at] = v;
  }
  return values;
}

const MetricSections& SectionMap::of(const CompiledMetric& metric) {
  const MetricSections*& known = by_metric_[&metric];
  if (known != nullptr) return *known;
  MetricSections& made = metrics_.emplace_back();
  made.metric = &metric;
  for (const CompiledSection& section : metric.sections) {
    SectionSource source;
    source.shape = &shape_of(metric, section);
    source.first_block = section.first_dimension / 64;
    for (uint8_t column : source.shape->columns)
      source.positions.push_back(index_in(metric.columns, column));
    made.sections.push_back(std::move(source));
  }
  known = &made;
  return made;
}

const SelectorShape& SectionMap::shape_of(const CompiledMetric& metric,
                                          const CompiledSection& section) {
  const auto dimensions = dimensions_of(metric, section);
  const Shape*& known = by_selector_[raw(section.selector)];
  if (known != nullptr) {
    // A selector counts the same whatever metric feeds it.
    CHECK(known->shape.layout == section.layout);
    CHECK(std::equal(dimensions.begin(), dimensions.end(), known->dimensions.begin(),
                     known->dimensions.end(), alike));
    return known->shape;
  }
  Shape& made = shapes_.emplace_back();
  made.dimensions.assign(dimensions.begin(), dimensions.end());
  SelectorShape& shape = made.shape;
  shape.selector = section.selector;
  shape.layout = section.layout;
  shape.bits = section.dimensions;
  shape.bitmap_words = (section.dimensions + 63) / 64;
  shape.unique.resize(shape.bitmap_words);
  shape.lifetime.resize(shape.bitmap_words);
  for (const CompiledDimension& d : dimensions)
    shape.columns.insert(shape.columns.end(), d.columns.begin(), d.columns.begin() + d.arity);
  std::sort(shape.columns.begin(), shape.columns.end());
  shape.columns.erase(std::unique(shape.columns.begin(), shape.columns.end()), shape.columns.end());

  for (uint32_t bit = 0; bit < section.dimensions; ++bit) {
    const CompiledDimension& from = dimensions[bit];
    SelectorShape::Dimension d;
    d.id = from.id;
    d.bit = bit;
    d.arity = from.arity;
    for (size_t k = 0; k < from.arity; ++k) d.columns[k] = index_in(shape.columns, from.columns[k]);
    d.sums = from.sums;
    d.unique = from.unique;
    shape.sums |= from.sums;
    shape.unique[bit / 64] |= uint64_t(from.unique) << bit % 64;
    shape.lifetime[bit / 64] |= uint64_t(from.lifetime) << bit % 64;
    shape.by_id.push_back(d);
    if (from.lifetime) shape.lifetime_by_id.push_back(d);
  }
  const auto by_id = [](const auto& a, const auto& b) { return raw(a.id) < raw(b.id); };
  std::sort(shape.by_id.begin(), shape.by_id.end(), by_id);
  std::sort(shape.lifetime_by_id.begin(), shape.lifetime_by_id.end(), by_id);
  for (size_t i = 0; i < shape.by_id.size(); ++i) {
    CHECK(shape.by_id[i].id != (i == 0 ? DimensionId::none : shape.by_id[i - 1].id));
  }
  known = &made;
  return shape;
}

}  // namespace quipu
