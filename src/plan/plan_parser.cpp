#include "plan/plan_parser.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/near_names.h"
#include "plan/normalise.h"

namespace quipu {
namespace {

std::string stem(const std::string& file) {
  std::string name = file.substr(file.rfind('/') + 1);  // npos + 1 is 0
  const size_t dot = name.rfind('.');
  if (dot != std::string::npos && dot > 0) name.resize(dot);
  return name;
}

bool all_digits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

Status canonical_name(const std::string& name, const Field& field, const char* field_name,
                      std::string& out) {
  std::string scratch;
  if (trim_ascii(name).empty()) return Error{"is blank; write a name"};
  out = std::string(canonical_text(name, scratch));
  const std::string as_read(canonical_field(name, field.trim, field.lowercase, scratch));
  if (as_read != out) {
    return Error{shown(name) + " is never met, since event." + field_name +
                 " is trimmed or put in lower case; write " + shown(as_read)};
  }
  return {};
}

std::string property_identity(const Property& property) {
  std::string out = "{\"path\":";
  append_json_string(property.path.text, out);
  if (property.present) out += ",\"present\":true";
  if (property.skip_missing) out += ",\"missing\":\"skip\"";
  return out + "}";
}

Result<Plan> PlanParser::parse(std::string_view text) {
  QUIPU_ASSIGN(auto tree, read_yaml(text, file_));
  plan_.file_ = file_;
  plan_.name = stem(file_);
  plan_.text = std::string(text);
  QUIPU_TRY(read_root(PlanNode(tree, file_, "")));
  return std::move(plan_);
}

Status PlanParser::read_root(const PlanNode& root) {
  if (!root.is_map())
    return root.wrong_kind("a plan is a map with the keys quipu, event and count");
  // First, since another version may have other keys.
  if (!root.has("quipu")) return root.error("quipu is missing; begin the plan with `quipu: 1`");
  int version = 0;
  if (!root.at("quipu").number(1, 1, version).ok()) {
    return root.at("quipu").wrong_kind("this program reads plans of version 1: write `quipu: 1`");
  }
  QUIPU_TRY(root.only_keys({"quipu", "input", "event", "properties", "calendars", "count"}));
  if (!root.has("event"))
    return root.error("event is missing; it says where tenant, metric and time are in a line");
  if (root.has("input")) QUIPU_TRY(read_input(root.at("input")));
  QUIPU_TRY(read_event(root.at("event")));
  if (root.has("properties")) QUIPU_TRY(read_properties(root.at("properties")));
  plan_.calendars.fallback = {Calendar{"UTC", "UTC", WeekStart::monday}};
  if (root.has("calendars")) QUIPU_TRY(read_calendars(root.at("calendars")));
  if (!root.has("count"))
    return root.error(
        "count is missing; it says what to count, such as `count: [{metrics: \"*\", by: [[]]}]`");
  return read_count(root.at("count"));
}

namespace {

// Formats as other programs call them.
Status refuse_other_format_names(const PlanNode& node) {
  std::string name;
  if (!node.text(name).ok()) return {};
  const auto delimited = [&](const char* delimiter) {
    return node.error("is a text (" + shown(name) +
                      "); write `format: delimited, delimiter: " + delimiter + ", header: yes`");
  };
  if (name == "csv" || name == "CSV") return delimited("\",\"");
  if (name == "tsv" || name == "TSV") return delimited("\"\\t\"");
  if (name == "jsonl" || name == "ndjson" || name == "jsonlines")
    return node.error("is a text (" + shown(name) + "); write `format: json`: an object a line");
  if (name == "nginx" || name == "apache" || name == "combined" || name == "clf")
    return node.error("is a text (" + shown(name) + "); write `format: combined_log`");
  return {};
}

Status read_format(const PlanNode& node, int& format) {
  QUIPU_TRY(refuse_other_format_names(node));
  return node.one_of({"json", "delimited", "combined_log"}, format);
}

}  // namespace

Status PlanParser::read_input(const PlanNode& node) {
  InputFormat& input = plan_.input;
  const auto keys = {"delimiter", "header", "quote", "columns", "missing_columns"};
  QUIPU_TRY(
      node.only_keys({"format", "delimiter", "header", "quote", "columns", "missing_columns"}));
  int format = 0;
  if (node.has("format")) QUIPU_TRY(read_format(node.at("format"), format));
  input.delimited = format != 0;
  input.combined_log = format == 2;
  if (format != 1) {
    for (const char* key : keys) {
      if (node.has(key))
        return node.at(key).error("goes with `format: delimited` only; add that, or drop this key");
    }
    if (input.combined_log) {
      input.columns.assign(kLogColumns.begin(), kLogColumns.end());
      input.header = false;
    }
    return {};
  }
  if (node.has("quote")) {
    int quote = 0;
    QUIPU_TRY(node.at("quote").one_of({"\"", "none"}, quote));
    if (quote == 1) input.quote = '\0';
  }
  if (node.has("delimiter")) {
    const PlanNode at = node.at("delimiter");
    std::string delimiter;
    QUIPU_TRY(at.text(delimiter));
    if (delimiter == "\\t") delimiter = "\t";
    input.whitespace = delimiter == "whitespace";
    if (input.whitespace) delimiter = " ";
    const bool good = delimiter.size() == 1 && uint8_t(delimiter[0]) < 0x80 &&
                      delimiter[0] != '\n' && delimiter[0] != '\r' && delimiter[0] != '\0';
    if (!good)
      return at.wrong_kind(
          "write one ASCII character in quotes (such as \",\" or \"\\t\"), or whitespace");
    if (delimiter[0] == input.quote)
      return at.error("is the quote as well; write another one, or `quote: none`");
    input.delimiter = delimiter[0];
  }
  if (node.has("columns")) {
    std::vector<PlanNode> names;
    QUIPU_TRY(node.at("columns").list("write the columns' names in order, as [time, user, status]",
                                      names));
    std::set<std::string> seen;
    for (const PlanNode& name : names) {
      QUIPU_TRY(name.name_text(input.columns.emplace_back()));
      if (!seen.insert(input.columns.back()).second)
        return name.error("column " + shown(input.columns.back()) +
                          " is named twice; names are distinct");
    }
    input.header = false;
  }
  if (node.has("header")) QUIPU_TRY(node.at("header").yes_no(input.header));
  if (input.header && !input.columns.empty()) {
    return node.at("columns").error(
        "columns are named by the header line already; drop `columns`, or write `header: no`");
  }
  if (node.has("missing_columns")) {
    const PlanNode at = node.at("missing_columns");
    int missing = 0;
    QUIPU_TRY(at.one_of({"refuse", "empty"}, missing));
    if (!input.header) return at.error("goes with a header only, which may lack a column; drop it");
    input.missing_columns_empty = missing == 1;
  }
  return {};
}

Status PlanParser::read_path(const PlanNode& node, bool star, Path& out) const {
  QUIPU_TRY(node.text(out.text));
  const std::string& text = out.text;
  if (text.empty() || text[0] != '/')
    return node.error("the path " + shown(text) + " does not begin with /; write " +
                      shown("/" + text));
  if (text.size() > kMaxPathBytes)
    return node.error("the path has more than " + std::to_string(kMaxPathBytes) +
                      " bytes; no line can be meant");
  out.tokens.clear();
  out.star = -1;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') {
      out.tokens.emplace_back();
    } else if (text[i] != '~') {
      out.tokens.back() += text[i];
    } else if (i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
      out.tokens.back() += text[++i] == '0' ? '~' : '/';
    } else {
      return node.error(
          "the path " + shown(text) +
          " has a ~ by itself; in a JSON Pointer ~ is written ~0, and / inside a key ~1");
    }
  }
  if (out.tokens.size() > kMaxPathTokens)
    return node.error("the path has more than " + std::to_string(kMaxPathTokens) +
                      " steps; lines are not nested as deep");
  for (size_t i = 0; i < out.tokens.size(); ++i) {
    if (out.tokens[i] != "*") continue;
    if (!star)
      return node.error(
          "the path " + shown(text) +
          " has a *, which only `properties` may have; name one element (such as /0)");
    if (out.star >= 0)
      return node.error("the path " + shown(text) + " has more than one *; a path walks one array");
    out.star = int(i);
  }
  return plan_.input.delimited ? check_column_path(node, out) : Status();
}

Status PlanParser::check_column_path(const PlanNode& node, const Path& path) const {
  if (path.tokens.size() != 1 || path.star >= 0) {
    return node.error("the path " + shown(path.text) +
                      " goes into a field; delimited fields are texts: write /column or /0");
  }
  const InputFormat& input = plan_.input;
  const std::string& name = path.tokens[0];
  if (input.header ||
      std::find(input.columns.begin(), input.columns.end(), name) != input.columns.end())
    return {};
  const bool number = all_digits(name) && name.size() <= 6 && (name.size() == 1 || name[0] != '0');
  if (number && (input.columns.empty() || std::stoul(name) < input.columns.size())) return {};
  if (input.columns.empty()) {
    return node.error(
        "no column is called " + shown(name) +
        ", since there is neither `header` nor `columns`; write its place (/0 is the first)");
  }
  return node.error("no column " + shown(name) + " in input.columns" +
                    did_you_mean(near_names(name, input.columns, 1)) +
                    " (or write its place: /0 is the first)");
}

std::string PlanParser::zone_problem(const std::string& zone) {
  auto [known, fresh] = zone_problems_.try_emplace(zone);
  if (fresh && !stored_) {
    auto rules = load_zone(zone, zoneinfo_dir_);
    if (!rules.ok()) known->second = rules.error().message;
  }
  return known->second;
}

Status PlanParser::read_properties(const PlanNode& node) {
  if (!node.is_map() || node.children().empty())
    return node.wrong_kind(
        "write a map of names and paths, as {campaign: /properties/campaign}, or drop the key");
  std::map<std::string, uint16_t> definitions;  // identity -> a property that has it
  for (const PlanNode& entry : node.children()) {
    Property property;
    property.name = entry.name();
    if (property.name.empty())
      return entry.error("a property without name; write a name before the colon");
    const char* advice = "write a path (/a/b), {at: path, missing: skip} or {present: path}";
    if (entry.is_text()) {
      QUIPU_TRY(read_path(entry, true, property.path));
    } else if (!entry.is_map()) {
      return entry.wrong_kind(advice);
    } else if (entry.has("present")) {
      QUIPU_TRY(entry.only_keys({"present"}));
      property.present = true;
      QUIPU_TRY(read_path(entry.at("present"), false, property.path));
    } else {
      QUIPU_TRY(entry.only_keys({"at", "missing", "present"}));
      if (!entry.has("at")) return entry.error(std::string("has no path; ") + advice);
      QUIPU_TRY(read_path(entry.at("at"), true, property.path));
      int missing = 0;
      if (entry.has("missing")) QUIPU_TRY(entry.at("missing").one_of({"empty", "skip"}, missing));
      property.skip_missing = missing == 1;
    }
    if (plan_.properties.size() == kMaxPropertyNames)
      return entry.error("more than " + std::to_string(kMaxPropertyNames) +
                         " properties; drop some");
    const uint16_t index = uint16_t(plan_.properties.size());
    definitions.try_emplace(property_identity(property), index);
    if (definitions.size() > size_t(kMaxColumns)) {
      return entry.error("more than " + std::to_string(kMaxColumns) +
                         " different properties; a plan has at most that many, `when`s included");
    }
    property_by_name_[property.name] = index;
    plan_.properties.push_back(std::move(property));
  }
  std::map<std::string, uint16_t> column_of;
  for (const auto& [identity, index] : definitions) {
    column_of[identity] = uint16_t(plan_.columns.size());
    Column& column = plan_.columns.emplace_back();
    column.identity = identity;
    column.property = index;
  }
  for (Property& property : plan_.properties)
    property.column = column_of.at(property_identity(property));
  return {};
}

}  // namespace quipu
