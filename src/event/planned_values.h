// Where a line's planned values land while it is read, whatever the format. Internal to this room.
// Values are views into the reader's buffers: they live until its next line. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quipu {

enum class ValueKind : uint8_t { missing, null, boolean, number, string, object, array };
enum class ValueFault : uint8_t { none, invalid_utf8, duplicate_key };

struct Value {
  const char* data =
      nullptr;        // of a scalar: a string unescaped, a number as spelled, "true" or "false"
  uint32_t size = 0;  // bytes of a scalar; elements of an array
  ValueKind kind = ValueKind::missing;
  // duplicate_key: some key on the way to this value stands twice in its object.
  ValueFault fault = ValueFault::none;

  bool is_scalar() const {
    return kind == ValueKind::boolean || kind == ValueKind::number || kind == ValueKind::string;
  }
  std::string_view text() const {
    return is_scalar() ? std::string_view(data, size) : std::string_view();
  }
};

// Elements kept of a walked array; of those beyond only faults are (in the last one kept): an event
// with more than kMaxRowsOfEvent rows is set aside anyway.
inline constexpr uint32_t kKeptElements = 1001;

struct PlannedValues {
  struct Walk {
    uint32_t width = 0;         // values an element
    std::vector<Value> values;  // by element, then position
  };
  std::vector<Value> values;  // of paths, and of arrays that are walked
  std::vector<Walk> walks;    // of the arrays that are walked

  void clear() {
    std::fill(values.begin(), values.end(), Value());
    for (Walk& walk : walks) walk.values.clear();
  }
};

}  // namespace quipu
