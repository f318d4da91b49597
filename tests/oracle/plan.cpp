#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>

#include "parts.h"

namespace oracle {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error("cannot read " + path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string text_of(const YAML::Node& node) { return node.IsNull() ? "" : node.Scalar(); }

bool yes(const YAML::Node& node) {
  std::string v = node ? text_of(node) : "";
  return v == "yes" || v == "true" || v == "Yes" || v == "True" || v == "on";
}

bool no(const YAML::Node& node) { return node && !yes(node); }

std::vector<Path> paths_of(const YAML::Node& list) {
  std::vector<Path> out;
  for (const YAML::Node& path : list) out.push_back(Path::parse(text_of(path)));
  return out;
}

FieldSpec field_of(const YAML::Node& node) {
  FieldSpec f;
  if (!node) return f;
  if (node.IsScalar()) {
    f.paths.push_back(Path::parse(node.Scalar()));
    return f;
  }
  if (node["const"]) f.constant = text_of(node["const"]);
  if (node["at"]) f.paths.push_back(Path::parse(text_of(node["at"])));
  if (node["first"]) {
    f.paths = paths_of(node["first"]);
    f.alternatives = f.paths.size() > 1;  // one alone is the same as a plain path
  }
  f.trim = yes(node["trim"]);
  f.lowercase = yes(node["lowercase"]);
  f.required = yes(node["required"]);
  return f;
}

IdSpec id_of(const YAML::Node& node) {
  IdSpec id;
  if (!node) return id;
  id.planned = true;
  if (node.IsMap() && node["all"]) {
    id.all = true;
    id.field.paths = paths_of(node["all"]);
  } else {
    id.field = field_of(node);
    id.else_time_to_second = node.IsMap() && node["else"];
  }
  return id;
}

TimeSpec time_of(const YAML::Node& node) {
  TimeSpec t;
  if (node.IsScalar()) {
    t.at = Path::parse(node.Scalar());
    return t;
  }
  if (node["at"]) t.at = Path::parse(text_of(node["at"]));
  if (node["first"]) t.first = paths_of(node["first"]);
  if (node["join"]) t.join = paths_of(node["join"]);
  if (node["unit"]) t.unit = text_of(node["unit"]);
  if (node["format"]) t.format = text_of(node["format"]);
  if (node["no_offset"]) t.no_offset = text_of(node["no_offset"]);
  return t;
}

PropertySpec property_of(const std::string& name, const YAML::Node& node) {
  PropertySpec p;
  p.name = name;
  if (node.IsScalar()) {
    p.path = Path::parse(node.Scalar());
  } else if (node["present"]) {
    p.present = true;
    p.path = Path::parse(text_of(node["present"]));
  } else {
    p.path = Path::parse(text_of(node["at"]));
    p.skip = node["missing"] && text_of(node["missing"]) == "skip";
  }
  for (size_t i = 0; i < p.path.tokens.size(); ++i)
    if (p.path.tokens[i] == "*") p.star = static_cast<int>(i);
  p.definition = (p.present ? "present " : p.skip ? "skip " : "value ") + p.path.text;
  if (p.star >= 0) {
    std::string prefix;
    for (int i = 0; i <= p.star; ++i) prefix += "/" + p.path.tokens[i];
    p.walk = "star " + prefix;
  } else {
    p.walk = (p.present ? "present " : "whole ") + p.path.text;
  }
  return p;
}

int week_start_of(const std::string& name) {
  static const std::vector<std::string> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                 "friday", "saturday", "sunday"};
  if (name.empty()) return 0;
  auto it = std::find(kDays.begin(), kDays.end(), name);
  if (it == kDays.end()) throw Error("no day " + name);
  return static_cast<int>(it - kDays.begin());
}

std::vector<CalendarSpec> calendars_of(const YAML::Node& list) {
  std::vector<CalendarSpec> out;
  for (const YAML::Node& node : list) {
    CalendarSpec c;
    c.zone = text_of(node["zone"]);
    c.name = node["name"] ? text_of(node["name"]) : c.zone;
    c.week_start = week_start_of(node["week_start"] ? text_of(node["week_start"]) : "");
    out.push_back(c);
  }
  return out;
}

void read_tenants_csv(const std::string& csv, PlanData* plan) {
  InputSpec comma;
  std::stringstream in(csv);
  std::string line;
  std::vector<std::string> header;
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (blank(line)) continue;
    std::vector<std::string> fields = split_delimited(comma, line);
    if (header.empty()) {
      header = fields;
      continue;
    }
    std::map<std::string, std::string> row;
    for (size_t i = 0; i < header.size() && i < fields.size(); ++i) row[header[i]] = fields[i];
    CalendarSpec c;
    c.zone = row["zone"];
    c.name = row["name"].empty() ? c.zone : row["name"];
    c.week_start = week_start_of(row["week_start"]);
    plan->tenant_calendars[canonical(row["tenant"])].push_back(c);
  }
}

void read_calendars(const YAML::Node& node,
                    const std::function<std::string(const std::string&)>& csv_named,
                    PlanData* plan) {
  if (node && node["default"]) plan->default_calendars = calendars_of(node["default"]);
  if (plan->default_calendars.empty()) plan->default_calendars.push_back({"UTC", "UTC", 0});
  if (!node || !node["tenants"]) return;
  for (const auto& pair : node["tenants"]) {
    std::string key = text_of(pair.first);
    if (key == "file" && pair.second.IsScalar())
      read_tenants_csv(csv_named(text_of(pair.second)), plan);
    else if (key == "unknown" && pair.second.IsScalar())
      plan->unknown_set_aside = text_of(pair.second) == "set_aside";
    else
      plan->tenant_calendars[canonical(key)] = calendars_of(pair.second);
  }
}

template <typename Items>
int index_of(const Items& items, const std::string& name, const char* what) {
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i] == name) return static_cast<int>(i);
  throw Error(std::string("no ") + what + " " + name);
}

Rule rule_of(const YAML::Node& node, const std::vector<std::string>& properties,
             const std::vector<std::string>& values) {
  Rule rule;
  if (node["metrics"].IsScalar())
    rule.every_metric = true;
  else
    for (const YAML::Node& m : node["metrics"]) rule.metrics.insert(canonical(text_of(m)));
  if (node["together"]) rule.together = text_of(node["together"]);

  Entry entry;
  entry.unique = !no(node["unique"]);
  entry.lifetime = yes(node["lifetime"]);
  if (node["sum"])
    for (const YAML::Node& v : node["sum"])
      entry.sums.insert(index_of(values, text_of(v), "value"));
  if (node["when"])
    for (const auto& pair : node["when"]) {
      std::set<std::string> wanted;
      for (const YAML::Node& v : pair.second) wanted.insert(canonical(text_of(v)));
      entry.when.emplace_back(index_of(properties, text_of(pair.first), "property"), wanted);
    }

  std::vector<std::vector<int>> lists;
  if (node["by"])
    for (const YAML::Node& by : node["by"]) {
      std::vector<int> list;
      if (by.IsScalar())
        list.push_back(index_of(properties, by.Scalar(), "property"));
      else
        for (const YAML::Node& p : by) list.push_back(index_of(properties, text_of(p), "property"));
      lists.push_back(list);
    }
  if (node["combinations"]) {
    std::vector<int> of;
    for (const YAML::Node& p : node["combinations"]["of"])
      of.push_back(index_of(properties, text_of(p), "property"));
    size_t up_to = std::stoul(text_of(node["combinations"]["up_to"]));
    for (uint64_t subset = 1; subset < uint64_t{1} << of.size(); ++subset) {
      std::vector<int> list;
      for (size_t i = 0; i < of.size(); ++i)
        if (subset >> i & 1) list.push_back(of[i]);
      if (list.size() <= up_to) lists.push_back(list);
    }
  }
  for (const std::vector<int>& list : lists) {
    rule.entries.push_back(entry);
    rule.entries.back().by = list;
  }
  return rule;
}

void read_input(const YAML::Node& node, InputSpec* input) {
  if (!node) return;
  input->delimited = node["format"] && text_of(node["format"]) != "json";
  input->log = node["format"] && text_of(node["format"]) == "combined_log";
  if (input->log) input->columns = log_columns();
  if (node["delimiter"]) input->delimiter = text_of(node["delimiter"]);
  if (input->delimiter == "\\t") input->delimiter = std::string(1, '\t');
  if (node["columns"])
    for (const YAML::Node& c : node["columns"]) input->columns.push_back(text_of(c));
  input->header = node["header"] ? yes(node["header"]) : input->columns.empty();
  if (node["quote"])
    input->quote = text_of(node["quote"]) == "none" ? '\0' : text_of(node["quote"])[0];
}

std::shared_ptr<const PlanData> read_plan(
    const std::string& yaml, const std::function<std::string(const std::string&)>& csv_named) {
  auto plan = std::make_shared<PlanData>();
  YAML::Node root = YAML::Load(yaml);
  read_input(root["input"], &plan->input);
  YAML::Node event = root["event"];
  plan->tenant = field_of(event["tenant"]);
  plan->metric = field_of(event["metric"]);
  plan->profile = field_of(event["profile"]);
  plan->id = id_of(event["id"]);
  plan->time = time_of(event["time"]);
  if (plan->input.log && event["time"].IsScalar() && event["time"].Scalar() == "/time")
    plan->time.format = "%d/%b/%Y:%H:%M:%S %z";
  std::vector<std::string> values, properties;
  if (event["values"])
    for (const auto& pair : event["values"]) {
      values.push_back(text_of(pair.first));
      plan->values.emplace_back(values.back(), field_of(pair.second));
    }
  if (root["properties"])
    for (const auto& pair : root["properties"]) {
      properties.push_back(text_of(pair.first));
      plan->properties.push_back(property_of(properties.back(), pair.second));
    }
  read_calendars(root["calendars"], csv_named, plan.get());
  for (const YAML::Node& rule : root["count"])
    plan->rules.push_back(rule_of(rule, properties, values));
  return plan;
}

}  // namespace

Path Path::parse(const std::string& text) {
  Path path;
  path.text = text;
  if (text.empty() || text[0] != '/') throw Error("a path begins with /: " + text);
  std::string token;
  for (size_t i = 1; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == '/') {
      path.tokens.push_back(token);
      token.clear();
    } else if (text[i] == '~' && i + 1 < text.size()) {
      token += text[++i] == '1' ? '/' : '~';
    } else {
      token += text[i];
    }
  }
  return path;
}

Plan Plan::load(const std::string& path) {
  Plan plan;
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  plan.data_ = read_plan(file_text(path), [&](const std::string& name) {
    return file_text(name[0] == '/' ? name : folder + name);
  });
  return plan;
}

Plan Plan::parse(const std::string& yaml, const std::string& tenants_csv) {
  Plan plan;
  plan.data_ = read_plan(yaml, [&](const std::string&) { return tenants_csv; });
  return plan;
}

std::vector<std::string> split_delimited(const InputSpec& input, std::string_view line,
                                         bool* open) {
  std::vector<std::string> out;
  bool runs = input.delimiter == "whitespace";
  auto delimiter = [&](char c) { return runs ? c == ' ' || c == '\t' : c == input.delimiter[0]; };
  auto pass_run = [&](size_t* i) {
    while (*i < line.size() && delimiter(line[*i])) ++*i;
  };
  size_t i = 0;
  if (runs) pass_run(&i);
  while (!runs || i < line.size()) {
    std::string field;
    if (i < line.size() && input.quote && line[i] == input.quote) {
      for (++i; i < line.size(); ++i) {
        if (line[i] == input.quote) {
          if (i + 1 < line.size() && line[i + 1] == input.quote)
            ++i;
          else
            break;
        }
        field += line[i];
      }
      if (i >= line.size() && open) *open = true;
      if (i < line.size()) ++i;
    }
    while (i < line.size() && !delimiter(line[i])) field += line[i++];
    out.push_back(field);
    if (runs)
      pass_run(&i);
    else if (i++ >= line.size())
      break;
  }
  return out;
}

}  // namespace oracle
