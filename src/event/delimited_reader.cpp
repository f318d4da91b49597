#include "event/delimited_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

namespace quipu {
namespace {

constexpr size_t kNamesInMessage = 20;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A column's place as a path token says it: canonical digits.
bool is_place(const std::string& token, size_t& place) {
  if (token.empty() || token.size() > 7 || (token[0] == '0' && token.size() > 1)) return false;
  if (token.find_first_not_of("0123456789") != std::string::npos) return false;
  place = std::stoul(token);
  return true;
}

}  // namespace

DelimitedReader::DelimitedReader(PlanPaths& paths)
    : paths_(paths), input_(paths.plan.input), names_(input_.columns) {
  place_columns();
}

Status DelimitedReader::set_header(std::string_view line) {
  if (!input_.header || line.empty()) return {};
  if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);  // a byte order mark
  split(line);
  names_.assign(fields_.begin(), fields_.end());
  place_columns();
  size_t place;
  bool by_name = false, met = false;
  for (const PlanPaths::Token& t : paths_.tokens) {
    met |= std::find(names_.begin(), names_.end(), t.token) != names_.end();
    by_name |= !is_place(t.token, place);
  }
  if (met || !by_name) return {};
  std::string list;
  for (size_t i = 0; i < names_.size() && i < kNamesInMessage; ++i)
    list += (i ? ", \"" : "\"") + names_[i] + "\"";
  if (names_.size() > kNamesInMessage) list += ", ...";
  return Error{"the header names none of the columns that the plan reads (it names " + list +
               "); check input.delimiter and input.header in the plan, or name the columns with "
               "input.columns"};
}

void DelimitedReader::place_columns() {
  places_.clear();
  for (const PlanPaths::Token& t : paths_.tokens) {
    size_t place = 0;
    const auto named = std::find(names_.begin(), names_.end(), t.token);
    if (named != names_.end()) {
      const bool twice = std::find(named + 1, names_.end(), t.token) != names_.end();
      places_.push_back({t.index, size_t(named - names_.begin()), twice});
    } else if (is_place(t.token, place)) {
      places_.push_back({t.index, place, false});
    }
  }
}

bool DelimitedReader::read(std::string_view line) {
  split(line);
  if (!names_.empty() && fields_.size() != names_.size()) return false;
  paths_.found.clear();
  for (const Place& place : places_) {
    if (place.field >= fields_.size()) continue;
    Value& value = paths_.found.values[place.index];
    value.data = fields_[place.field].data();
    value.size = uint32_t(fields_[place.field].size());
    value.kind = ValueKind::string;
    if (place.twice) {
      value.fault = ValueFault::duplicate_key;
    } else if (!simdjson::validate_utf8(value.data, value.size)) {
      value.fault = ValueFault::invalid_utf8;
    }
  }
  return true;
}

void DelimitedReader::split(std::string_view line) {
  fields_.clear();
  if (unquoted_.size() < line.size()) unquoted_.resize(line.size());
  unquoted_end_ = unquoted_.data();
  const bool runs = input_.whitespace;
  const auto ends = [&](char c) { return runs ? is_blank(c) : c == input_.delimiter; };
  size_t at = 0;
  const auto pass_run = [&] {
    while (at < line.size() && is_blank(line[at])) ++at;
  };
  if (runs) pass_run();
  while (!runs || at < line.size()) {
    if (input_.quote != '\0' && at < line.size() && line[at] == input_.quote) {
      fields_.push_back(quoted(line, at));
    } else {
      const size_t begin = at;
      while (at < line.size() && !ends(line[at])) ++at;
      fields_.push_back(line.substr(begin, at - begin));
    }
    if (runs) {
      pass_run();
    } else {
      if (at == line.size()) break;
      ++at;
    }
  }
}

// A field whose first character, at `at`, is the quote; `at` goes to the delimiter behind it or the
// end.
std::string_view DelimitedReader::quoted(std::string_view line, size_t& at) {
  char* const first = unquoted_end_;
  const char quote = input_.quote;
  for (++at; at < line.size(); ++at) {
    if (line[at] == quote) {
      if (at + 1 == line.size() || line[at + 1] != quote) break;
      ++at;
    }
    *unquoted_end_++ = line[at];
  }
  if (at < line.size()) ++at;  // the closing quote
  for (;
       at < line.size() && !(input_.whitespace ? is_blank(line[at]) : line[at] == input_.delimiter);
       ++at)
    *unquoted_end_++ = line[at];
  return std::string_view(first, size_t(unquoted_end_ - first));
}

}  // namespace quipu
