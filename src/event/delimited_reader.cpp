#include "event/delimited_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "plan/normalise.h"

namespace quipu {
namespace {

constexpr size_t kNamesInMessage = 20;
constexpr size_t kLeastLogFields = 7;  // up to `bytes`: the common format
constexpr size_t kLogFields = 9;       // with referer and agent; further ones are not read
constexpr size_t kRequestField = 4;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A column's place as a path token says it: canonical digits.
bool is_place(const std::string& token, size_t& place) {
  if (token.empty() || token.size() > 7 || (token[0] == '0' && token.size() > 1)) return false;
  if (token.find_first_not_of("0123456789") != std::string::npos) return false;
  place = std::stoul(token);
  return true;
}

// As a header's names are held, so that a path may be written with the blanks of the file.
std::string column_name(std::string_view text) { return std::string(trim_ascii(text)); }

}  // namespace

DelimitedReader::DelimitedReader(PlanPaths& paths)
    : paths_(paths), input_(paths.plan.input), names_(input_.columns) {
  place_columns();
}

size_t DelimitedReader::expected() const {
  return input_.combined_log ? kLeastLogFields : names_.size();
}

Status DelimitedReader::set_header(std::string_view line) {
  if (!input_.has_header()) return {};
  const bool closed = line.empty() || split(line);
  names_.clear();
  if (!line.empty()) {
    for (std::string_view name : fields_) names_.push_back(column_name(name));
  }
  place_columns();
  if (line.empty()) return {};
  if (!closed) return header_error("a quote in the header is not closed", "close it");
  bool any = false;
  std::string missing;
  for (const std::vector<const Path*>& one_of : paths_.needed) {
    std::string list;
    bool met = false;
    for (const Path* path : one_of) {
      met = met || has_column(*path);
      list += (list.empty() ? "" : " or ") + path->text;
    }
    any = any || met;
    const bool told = (", " + missing + ",").find(", " + list + ",") != std::string::npos;
    if (!met && !told) missing += (missing.empty() ? "" : ", ") + list;
  }
  if (missing.empty() || (any && input_.missing_columns_empty)) return {};
  if (!any) {
    return header_error("the header names none of the columns that the plan reads",
                        "check input.delimiter and input.header in the plan, or name the columns "
                        "with input.columns");
  }
  return header_error(
      "the header lacks what the plan reads: " + missing,
      "mend the file or the path. Where files may lack it: `missing: skip` of a property, {first: "
      "[/one, /other]} of a field, or `missing_columns: empty` in the plan's input");
}

Status DelimitedReader::header_error(const std::string& what, const std::string& advice) const {
  std::string list;
  for (size_t i = 0; i < names_.size() && i < kNamesInMessage; ++i)
    list += (i ? ", \"" : "\"") + names_[i] + "\"";
  if (names_.size() > kNamesInMessage) list += ", ...";
  return Error{what + " (it names " + list + "); " + advice};
}

bool DelimitedReader::has_column(const Path& path) const {
  size_t place = 0;
  const std::string& token = path.tokens.front();
  return std::find(names_.begin(), names_.end(), column_name(token)) != names_.end() ||
         (is_place(token, place) && place < names_.size());
}

void DelimitedReader::place_columns() {
  places_.clear();
  for (const PlanPaths::Token& t : paths_.tokens) {
    size_t place = 0;
    const std::string name = input_.has_header() ? column_name(t.token) : t.token;
    const auto named = std::find(names_.begin(), names_.end(), name);
    if (named != names_.end()) {
      const bool twice = std::find(named + 1, names_.end(), name) != names_.end();
      places_.push_back({t.index, size_t(named - names_.begin()), twice});
    } else if (is_place(t.token, place)) {
      places_.push_back({t.index, place, false});
    }
  }
}

DelimitedReader::Outcome DelimitedReader::read(std::string_view record) {
  if (!(input_.combined_log ? split_log(record) : split(record))) return Outcome::open_quote;
  if (!names_.empty() && fields_.size() != names_.size()) return Outcome::field_count;
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
  return Outcome::good;
}

// False: a quote is not closed.
bool DelimitedReader::split(std::string_view record) {
  fields_.clear();
  if (unquoted_.size() < record.size()) unquoted_.resize(record.size());
  unquoted_end_ = unquoted_.data();
  const bool runs = input_.whitespace;
  const auto ends = [&](char c) { return runs ? is_blank(c) : c == input_.delimiter; };
  size_t at = 0;
  const auto pass_run = [&] {
    while (at < record.size() && is_blank(record[at])) ++at;
  };
  if (runs) pass_run();
  while (!runs || at < record.size()) {
    if (input_.quote != '\0' && at < record.size() && record[at] == input_.quote) {
      if (!quoted(record, at)) return false;
    } else {
      const size_t begin = at;
      while (at < record.size() && !ends(record[at])) ++at;
      fields_.push_back(record.substr(begin, at - begin));
    }
    if (runs) {
      pass_run();
    } else {
      if (at == record.size()) break;
      ++at;
    }
  }
  return true;
}

// A field whose first character, at `at`, is the quote; `at` goes to the delimiter behind it or the
// end. False: it is not closed.
bool DelimitedReader::quoted(std::string_view record, size_t& at) {
  char* const first = unquoted_end_;
  const char quote = input_.quote;
  for (++at; at < record.size(); ++at) {
    if (record[at] == quote) {
      if (at + 1 == record.size() || record[at + 1] != quote) break;
      ++at;
    }
    *unquoted_end_++ = record[at];
  }
  if (at == record.size()) return false;
  for (++at; at < record.size() &&
             !(input_.whitespace ? is_blank(record[at]) : record[at] == input_.delimiter);
       ++at)
    *unquoted_end_++ = record[at];
  fields_.emplace_back(first, size_t(unquoted_end_ - first));
  return true;
}

// False: a quote or bracket is not closed.
bool DelimitedReader::split_log(std::string_view line) {
  fields_.clear();
  if (unquoted_.size() < line.size()) unquoted_.resize(line.size());
  unquoted_end_ = unquoted_.data();
  for (size_t at = 0;;) {
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at == line.size() || fields_.size() == kLogFields) break;
    if (!log_field(line, at)) return false;
  }
  if (fields_.size() < kLeastLogFields) return true;
  fields_.resize(kLogFields);
  for (std::string_view& field : fields_) {
    if (field == "-") field = {};
  }
  split_request(fields_[kRequestField]);
  return true;
}

bool DelimitedReader::log_field(std::string_view line, size_t& at) {
  char* const first = unquoted_end_;
  if (line[at] == '"') {
    for (++at; at < line.size() && line[at] != '"'; ++at) {
      const bool escape =
          line[at] == '\\' && at + 1 < line.size() && (line[at + 1] == '"' || line[at + 1] == '\\');
      if (escape) ++at;
      *unquoted_end_++ = line[at];
    }
    fields_.emplace_back(first, size_t(unquoted_end_ - first));
    return at++ < line.size();
  }
  const bool bracket = line[at] == '[';
  const size_t begin = bracket ? at + 1 : at;
  for (at = begin; at < line.size() && (bracket ? line[at] != ']' : !is_blank(line[at])); ++at) {
  }
  fields_.push_back(line.substr(begin, at - begin));
  return !bracket || at++ < line.size();
}

// "GET /a/b?c=d HTTP/1.1" -> method, target, path, protocol. What is no such text has none of them.
void DelimitedReader::split_request(std::string_view request) {
  std::string_view method, target, protocol;
  const size_t blank = request.find(' ');
  if (blank != std::string_view::npos) {
    method = request.substr(0, blank);
    target = request.substr(blank + 1);
    const size_t last = target.rfind(" HTTP/");
    if (last != std::string_view::npos) {
      protocol = target.substr(last + 1);
      target = target.substr(0, last);
    }
  }
  const std::string_view path = target.substr(0, target.find('?'));
  for (std::string_view part : {method, target, path, protocol}) fields_.push_back(part);
}

}  // namespace quipu
