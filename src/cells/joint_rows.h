// Joint rows: what a checkpoint has of several dimensions with few values a day, side by side, for
// a row costs far more than its bytes. A joint row holds one packed row for each of up to
// kJointDimensions dimensions whose ids differ in their last bits only. Layout: joint_rows.cpp. Any
// function from any thread; one thread a builder.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cells/cell_rows.h"

namespace quipu {

// Packed rows by the last bits of their dimensions' ids; empty: none.
using JointParts = std::array<std::string_view, kJointDimensions>;

// Cuts a joint row into its packed rows, which are not looked into. nullopt: corrupt.
std::optional<JointParts> joint_parts(std::string_view row);

class JointRowBuilder {
 public:
  bool empty() const { return row_.empty(); }
  DimensionId last_dimension() const {
    return last_dimension_;
  }  // of the group of those added: that of the row's key

  // Dimensions of one group, rising. packed: not empty.
  void add(DimensionId dimension, std::string_view packed);
  std::string finish();  // and is ready for the next row

 private:
  std::string row_;
  DimensionId last_dimension_{};
};

}  // namespace quipu
