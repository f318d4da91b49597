// One record of delimited text -> slots (decision 1). Internal to this room; one thread.
// A field that begins with the quote ends at the next single one, `""` within is a quote; what
// stands between the closing quote and the delimiter belongs to the field. Line breaks within
// quotes are the field's. All fields are strings.
//
// A line of a web server's log has blanks between fields, of which one in [brackets] or in "quotes"
// is one, \" and \\ within quotes stand for " and \, and - alone is nothing.
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

  // The line that names the columns of what follows; blanks around names are none of theirs. Empty:
  // no column has a name. An error if it lacks a column that the plan needs.
  Status set_header(std::string_view line);
  enum class Outcome : uint8_t {
    good,
    field_count,  // fewer or more than the columns named
    open_quote,   // a quote that is not closed
  };
  // Values live until the next read().
  Outcome read(std::string_view record);
  // Of the last record: how many fields it had; how many it should have had.
  size_t fields() const { return fields_.size(); }
  size_t expected() const;

 private:
  bool split(std::string_view record);
  bool split_log(std::string_view line);
  void split_request(std::string_view request);
  bool quoted(std::string_view record, size_t& at);
  bool log_field(std::string_view line, size_t& at);
  void place_columns();
  bool has_column(const Path& path) const;
  Status header_error(const std::string& what, const std::string& advice) const;

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
  std::vector<char> unquoted_;  // fields with quotes; never more bytes than the record
  char* unquoted_end_ = nullptr;
};

}  // namespace quipu
