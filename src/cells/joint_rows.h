// Joint rows: what a checkpoint has of several dimensions with few values a day, side by side, for
// a row costs far more than its bytes. A joint row holds one packed row for each of up to
// kJointDimensions dimensions whose ids differ in their last bits only, and for those that have
// rows of their own a sketch of their values: so it tells, in one look, how many values each of
// them has. Layout: joint_rows.cpp. Any function from any thread; one thread a builder.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cells/cell_rows.h"
#include "cells/value_sketch.h"

namespace quipu {

// By the last bits of the dimensions' ids; empty: none.
struct JointParts {
  std::array<std::string_view, kJointDimensions> rows;      // packed
  std::array<std::string_view, kJointDimensions> sketches;  // ValueSketch
};

// Cuts a joint row into its parts, which are not looked into. nullopt: corrupt.
std::optional<JointParts> joint_parts(std::string_view row);

// How many values a joint row (or none: empty) says that a dimension has: its sketch, and the
// values of its packed row. nullopt: corrupt.
std::optional<ValueSketch> sketch_of_joint(std::string_view row, DimensionId dimension);

class JointRowBuilder {
 public:
  bool empty() const { return rows_.empty() && sketches_.empty(); }
  DimensionId last_dimension() const {
    return last_dimension_;
  }  // of the group of those added: that of the row's key

  // Dimensions of one group, rising. packed: not empty.
  void add(DimensionId dimension, std::string_view packed);
  void add_sketch(DimensionId dimension, const ValueSketch& sketch);
  std::string finish();  // and is ready for the next row

 private:
  void begin_part(DimensionId dimension);

  std::string rows_, sketches_;
  DimensionId last_dimension_{};
};

}  // namespace quipu
