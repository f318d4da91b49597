#include "base/decimal.h"
#include "plan/normalise.h"
#include "plan/plan_parser.h"

namespace quipu {
namespace {

constexpr char kFieldAdvice[] = "write a path (/a/b), {first: [paths]} or {const: text}";

bool node_text_is(const PlanNode& node, std::string_view right) {
  std::string text;
  return node.text(text).ok() && text == right;
}

}  // namespace

Status PlanParser::read_event(const PlanNode& node) {
  QUIPU_TRY(node.only_keys({"tenant", "metric", "time", "profile", "id", "values"}));
  for (const char* key : {"tenant", "metric", "time"}) {
    if (node.has(key)) continue;
    const bool time = std::string_view(key) == "time";
    return node.error(
        std::string(key) + " is missing; write where it is in a line (" + key + ": /path)" +
        (time ? "" : std::string(", or one text for all (") + key + ": {const: text})"));
  }
  QUIPU_TRY(read_field(node.at("tenant"), FieldUse::plain, plan_.tenant));
  QUIPU_TRY(read_field(node.at("metric"), FieldUse::plain, plan_.metric));
  if (node.has("profile"))
    QUIPU_TRY(read_field(node.at("profile"), FieldUse::profile, plan_.profile));
  if (node.has("id")) QUIPU_TRY(read_field(node.at("id"), FieldUse::id, plan_.id));
  QUIPU_TRY(read_time(node.at("time")));
  if (node.has("values")) QUIPU_TRY(read_values(node.at("values")));
  return {};
}

Status PlanParser::read_field(const PlanNode& node, FieldUse use, Field& out) const {
  if (node.is_text()) {
    out.kind = Field::Kind::first;
    return read_path(node, false, out.paths.emplace_back());
  }
  if (!node.is_map()) return node.wrong_kind(kFieldAdvice);
  switch (use) {
    case FieldUse::profile:
      QUIPU_TRY(node.only_keys({"first", "const", "trim", "lowercase", "required"}));
      break;
    case FieldUse::id:
      QUIPU_TRY(node.only_keys({"first", "all", "const", "trim", "lowercase", "else"}));
      break;
    default:
      QUIPU_TRY(node.only_keys({"first", "const", "trim", "lowercase"}));
  }
  if (int(node.has("first")) + int(node.has("all")) + int(node.has("const")) != 1) {
    return node.error(use == FieldUse::id
                          ? "needs one of first, all and const; write {first: [paths]}, {all: "
                            "[paths]} or {const: text}"
                          : "needs either first or const; write {first: [paths]} or {const: text}");
  }
  if (node.has("required")) QUIPU_TRY(node.at("required").yes_no(out.required));
  if (node.has("first")) return read_alternatives(node, out);
  for (const char* key : {"trim", "lowercase", "else"}) {
    if (node.has(key))
      return node.at(key).error("goes with `first` only; drop it, or write {first: [paths]}");
  }
  if (node.has("const")) return read_constant(node.at("const"), use, out);
  out.kind = Field::Kind::all;
  return read_paths(node.at("all"), out.paths);
}

Status PlanParser::read_alternatives(const PlanNode& node, Field& out) const {
  out.kind = Field::Kind::first;
  QUIPU_TRY(read_paths(node.at("first"), out.paths));
  if (node.has("trim")) QUIPU_TRY(node.at("trim").yes_no(out.trim));
  if (node.has("lowercase")) QUIPU_TRY(node.at("lowercase").yes_no(out.lowercase));
  if (node.has("else")) {
    int only = 0;
    QUIPU_TRY(node.at("else").one_of({"time_to_second"}, only));
    out.else_time_to_second = true;
  }
  return {};
}

Status PlanParser::read_constant(const PlanNode& node, FieldUse use, Field& out) const {
  out.kind = Field::Kind::constant;
  std::string text, scratch;
  QUIPU_TRY(node.text(text));
  const std::string_view trimmed = trim_ascii(text);
  if (use != FieldUse::value) {
    if (trimmed.empty()) return node.error("is blank; write the text that all events have");
    out.constant = std::string(canonical_text(text, scratch));
    return {};
  }
  const DecimalError error = parse_fixed6(trimmed).error;
  if (error == DecimalError::not_a_number)
    return node.wrong_kind("write a number, such as 1 or 0.25");
  if (error == DecimalError::too_large) return node.wrong_kind("write a number of at most 10^20");
  if (!canonical_number(trimmed, out.constant)) out.constant = std::string(trimmed);
  return {};
}

Status PlanParser::read_paths(const PlanNode& node, std::vector<Path>& out) const {
  std::vector<PlanNode> paths;
  QUIPU_TRY(node.list("write a list of paths, as [/a, /b/c]", paths));
  for (const PlanNode& path : paths) QUIPU_TRY(read_path(path, false, out.emplace_back()));
  return {};
}

Status PlanParser::read_time(const PlanNode& node) {
  TimeField& time = plan_.time;
  if (node.is_text()) {
    if (plan_.input.combined_log && node_text_is(node, "/time")) time.format = kLogTimeFormat;
    return read_path(node, false, time.path);
  }
  if (!node.is_map()) return node.wrong_kind("write a path (/a/b) or {at: path, unit: unix_ms}");
  QUIPU_TRY(node.only_keys({"at", "first", "join", "unit", "format", "no_offset"}));
  if (int(node.has("at")) + int(node.has("first")) + int(node.has("join")) != 1)
    return node.error(
        "needs one of at, first and join; write {at: path, ...}, {first: [/one, /other], ...} or "
        "{join: [/date, /time]}");
  if (node.has("at")) {
    QUIPU_TRY(read_path(node.at("at"), false, time.path));
  } else if (node.has("first")) {
    QUIPU_TRY(read_paths(node.at("first"), time.others));
    time.path = time.others.front();
    time.others.erase(time.others.begin());
  } else {
    if (node.has("unit"))
      return node.at("unit").error(
          "goes not with `join`, whose parts make a text; drop it, or write {at: path, unit: ..}");
    QUIPU_TRY(read_paths(node.at("join"), time.then));
    time.path = time.then.front();
    time.then.erase(time.then.begin());
  }
  if (node.has("unit")) {
    int unit = 0;
    QUIPU_TRY(node.at("unit").one_of({"unix_s", "unix_ms", "unix_us", "unix_ns"}, unit));
    time.unit = TimeUnit(int(TimeUnit::s) + unit);
  }
  if (node.has("format")) {
    const PlanNode format = node.at("format");
    if (node.has("unit"))
      return format.error(
          "goes not with `unit`: a time is a number in a unit or a text in a format; drop one");
    QUIPU_TRY(format.name_text(time.format));
    if (Status checked = check_time_format(time.format); !checked.ok())
      return format.error(checked.error().message);
  }
  if (node.has("no_offset")) {
    QUIPU_TRY(node.at("no_offset").name_text(time.no_offset));
    const std::string problem = zone_problem(time.no_offset);
    if (!problem.empty()) return node.at("no_offset").error(problem);
  }
  return {};
}

Status PlanParser::read_values(const PlanNode& node) {
  if (!node.is_map() || node.children().empty())
    return node.wrong_kind("write a map of names and paths, as {revenue: /value}, or drop the key");
  for (const PlanNode& entry : node.children()) {
    if (entry.name().empty())
      return entry.error("a value without name; write a name before the colon");
    if (plan_.values.size() == size_t(kMaxValues))
      return entry.error("more than " + std::to_string(kMaxValues) +
                         " values; a plan sums at most that many");
    ValueField& value = plan_.values.emplace_back();
    value.name = entry.name();
    QUIPU_TRY(read_field(entry, FieldUse::value, value.field));
  }
  return {};
}

}  // namespace quipu
