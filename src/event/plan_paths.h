// What a plan reads of a line, as found: the fields of `event:` and the columns of properties.
// Internal to this room. Built once a decoder; not changed afterwards, but for the hints within its
// trie.
#pragma once

#include <cstdint>
#include <vector>

#include "event/path_trie.h"
#include "event/planned_values.h"
#include "plan/plan.h"

namespace quipu {

// A field of `event:`; `found` go with field->paths.
struct FieldValues {
  const Field* field = nullptr;
  std::vector<uint32_t> indexes;
};

// A column of a property. Of an array each element gives a text; walks are how columns go together.
struct ColumnValues {
  enum class Kind : uint8_t {
    plain,    // the value at `index`, or each element if that is an array
    each,     // each element of the array at `index`; a scalar there is an array of it
    within,   // what `rest` leads to in each element of the array at `index`
    present,  // is something at `index`
  };
  Kind kind = Kind::plain;
  bool in_arrays = true;  // of JSON: `walk` and `position` are there (not for present)
  uint32_t index = 0;
  uint32_t walk = 0;      // in PlannedValues::walks
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
  PlannedValues found;
  FieldValues tenant, metric, profile, id;
  std::vector<FieldValues> values;
  uint32_t time = 0;
  std::vector<uint32_t> time_then;     // of TimeField::then
  std::vector<uint32_t> time_others;   // of TimeField::others
  std::vector<ColumnValues> columns;   // of properties, by plan column
  std::vector<uint32_t> column_order;  // the same in the plan's order: faults are found in it
  uint32_t groups = 0;
  // Delimited input: found by token, in the order of first use.
  struct Token {
    std::string token;
    uint32_t index;
  };
  std::vector<Token> tokens;
  // What a file's header must have, if its lines are to be read: one column of each list.
  std::vector<std::vector<const Path*>> needed;

 private:
  FieldValues field(const Field& field);
  uint32_t index(const Path& path);
  ColumnValues column(const Property& property);
};

}  // namespace quipu
