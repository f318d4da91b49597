// Strong types for the numbers that the catalogue gives out once and for ever. 0 means none.
#pragma once

#include <cstdint>

namespace quipu {

enum class TenantId : uint32_t { none = 0 };
enum class SelectorId : uint32_t {
  none = 0
};  // a metric, or a group of metrics planned `together`
enum class PropertyId : uint32_t {
  none = 0
};  // a property definition: path, transform, missing, array rule
enum class DimensionId : uint32_t {
  none = 0
};  // `when` and a set of property definitions; the metric apart
enum class LayoutId : uint32_t {
  none = 0
};                              // a section's columns and dimensions in order (sparse rows)
using ValueId = uint8_t;        // a named value that is summed; ids are dense from 0
using PlanVersion = uint16_t;   // dense from 1
using RulesVersion = uint16_t;  // dense from 1: a set of zone rules

template <typename Id>
constexpr auto raw(Id id) {
  return static_cast<uint32_t>(id);
}

inline constexpr int kMaxColumns = 64;       // of a plan: property definitions and distinct `when`s
inline constexpr int kMaxArity = 8;          // properties of a dimension
inline constexpr int kMaxValues = 4;         // of a plan
inline constexpr int kMaxDimensions = 1024;  // of a metric, its groups included
inline constexpr int kMaxBitmapWords = kMaxDimensions / 64;
inline constexpr int kMaxRowsOfEvent = 1000;  // array products

}  // namespace quipu
