// One line of delimited text -> slots (decision 1). Internal to this room; one thread.
// A field that begins with the quote ends at the next single one, `""` within is a quote; what
// stands between the closing quote and the delimiter belongs to the field. All fields are strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/plan_paths.h"

namespace quipu {

class DelimitedReader {
 public:
  // paths outlives the reader.
  explicit DelimitedReader(PlanPaths& paths);

  // The line that names the columns. An error if it names none of those that the plan reads by
  // name.
  Status set_header(std::string_view line);
  // False: fewer or more fields than the columns named. Values live until the next read().
  bool read(std::string_view line);
  // Of the last line: how many fields it had; how many it should have had.
  size_t fields() const { return fields_.size(); }
  size_t expected() const { return names_.size(); }

 private:
  void split(std::string_view line);
  std::string_view quoted(std::string_view line, size_t& at);
  void place_columns();

  PlanPaths& paths_;
  const InputFormat& input_;
  std::vector<std::string>
      names_;  // of columns; empty: not named, and then any number of fields will do
  struct Place {
    uint32_t index;
    size_t field;
    bool twice;  // another column has the same name
  };
  std::vector<Place> places_;
  std::vector<std::string_view> fields_;
  std::vector<char> unquoted_;  // fields with quotes; never more bytes than the line
  char* unquoted_end_ = nullptr;
};

}  // namespace quipu
