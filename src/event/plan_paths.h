// What a plan reads of a line, as slots: the fields of `event:` and the columns of properties.
// Internal to this room. Built once a decoder; not changed afterwards, but for the hints within its
// trie.
#pragma once

#include <cstdint>
#include <vector>

#include "event/path_trie.h"
#include "event/slots.h"
#include "plan/plan.h"

namespace quipu {

// A field of `event:`; `slots` go with field->paths.
struct FieldSlots {
  const Field* field = nullptr;
  std::vector<uint32_t> slots;
};

// A column of a property. Of an array each element gives a text; walks are how columns go together.
struct ColumnSlots {
  enum class Kind : uint8_t {
    plain,    // the value at `slot`, or each element if that is an array
    each,     // each element of the array at `slot`; a scalar there is an array of it
    within,   // what `rest` leads to in each element of the array at `slot`
    present,  // is something at `slot`
  };
  Kind kind = Kind::plain;
  bool in_arrays = true;  // of JSON: `walk` and `position` are there (not for present)
  uint32_t slot = 0;
  uint32_t walk = 0;      // in Slots::walks
  uint32_t position = 0;  // of the value within an element
  uint32_t group = 0;     // columns of one group walk together; groups make the product
  const Property* property = nullptr;
};

struct PlanPaths {
  explicit PlanPaths(const Plan& plan);
  PlanPaths(const PlanPaths&) = delete;
  PlanPaths& operator=(const PlanPaths&) = delete;

  const Plan& plan;
  PathTrie trie;
  Slots slots;
  FieldSlots tenant, metric, profile, id;
  std::vector<FieldSlots> values;
  uint32_t time = 0;
  std::vector<ColumnSlots> columns;    // of properties, by plan column
  std::vector<uint32_t> column_order;  // the same in the plan's order: faults are found in it
  uint32_t groups = 0;
  // Delimited input: slots by token, in the order of first use.
  struct Token {
    std::string token;
    uint32_t slot;
  };
  std::vector<Token> tokens;

 private:
  FieldSlots field(const Field& field);
  uint32_t slot(const Path& path);
  ColumnSlots column(const Property& property);
};

}  // namespace quipu
