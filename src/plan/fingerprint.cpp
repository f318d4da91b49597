// Fingerprints are JSON texts in which everything that has no order of its own is sorted, defaults
// are written out, and different ways to write the same are one. They are compared, not stored.
#include <algorithm>
#include <map>
#include <set>

#include "base/json_text.h"
#include "plan/plan.h"

namespace quipu {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

std::string json_list(const std::vector<std::string>& ready_made) {
  std::string out = "[";
  for (const std::string& item : ready_made) out += (out.size() > 1 ? "," : "") + item;
  return out + "]";
}

std::string yes(bool flag) { return flag ? "true" : "false"; }

std::string field_text(const Field& field) {
  static const char* const kKinds[] = {"absent", "const", "first", "all"};
  std::vector<std::string> paths;
  for (const Path& path : field.paths) {
    std::string text = json(path.text);
    // A path that was tried before adds nothing to alternatives; to a tuple it does.
    if (field.kind == Field::Kind::first &&
        std::find(paths.begin(), paths.end(), text) != paths.end())
      continue;
    paths.push_back(std::move(text));
  }
  return std::string("{\"kind\":\"") + kKinds[int(field.kind)] +
         "\",\"const\":" + json(field.constant) + ",\"paths\":" + json_list(paths) +
         ",\"trim\":" + yes(field.trim) + ",\"lowercase\":" + yes(field.lowercase) +
         ",\"required\":" + yes(field.required) +
         ",\"else_time\":" + yes(field.else_time_to_second) + "}";
}

std::string calendars_text(const std::vector<Calendar>& calendars) {
  std::vector<std::string> items;
  for (const Calendar& c : calendars) {
    items.push_back("[" + json(c.name) + "," + json(c.zone) + "," +
                    std::to_string(int(c.week_start)) + "]");
  }
  return json_list(items);
}

std::string tenants_text(const TenantCalendars& calendars) {
  const std::string fallback =
      calendars.unknown_set_aside ? "null" : calendars_text(calendars.fallback);
  std::string out = "{\"others\":" + fallback + ",\"tenants\":{";
  bool first = true;
  for (const auto& [tenant, own] : calendars.tenants) {
    const std::string text = calendars_text(own);
    if (text == fallback) continue;
    out += (first ? "" : ",") + json(tenant) + ":" + text;
    first = false;
  }
  return out + "}}";
}

std::string section_text(const Plan& plan, const PlannedSection& section) {
  std::vector<std::string> items;
  for (const PlannedDimension& d : section.dimensions) {
    std::vector<std::string> names, sums;
    for (uint16_t p : d.properties) names.push_back(json(plan.properties[p].name));
    for (size_t v = 0; v < plan.values.size(); ++v) {
      if (d.sums >> v & 1) sums.push_back(json(plan.values[v].name));
    }
    std::sort(sums.begin(), sums.end());
    items.push_back("[" + d.identity + "," + json_list(names) + "," + json_list(sums) + "," +
                    yes(d.unique) + "," + yes(d.lifetime) + "]");
  }
  std::sort(items.begin(), items.end());
  return json_list(items);
}

}  // namespace

std::string Plan::mapping_fingerprint() const {
  std::string out = "{\"input\":";
  if (input.delimited) {
    std::vector<std::string> names;
    for (const std::string& name : input.columns) names.push_back(json(name));
    out += "{\"delimiter\":" +
           json(input.whitespace ? "whitespace" : std::string(1, input.delimiter)) +
           ",\"header\":" + yes(input.header) +
           ",\"quote\":" + json(input.quote ? std::string(1, input.quote) : "none") +
           ",\"columns\":" + json_list(names) + (input.combined_log ? ",\"log\":true}" : "}");
  } else {
    out += "\"json\"";
  }
  out += ",\"tenant\":" + field_text(tenant) + ",\"metric\":" + field_text(metric) +
         ",\"profile\":" + field_text(profile) + ",\"id\":" + field_text(id);
  std::string time_paths = json(time.path.text);
  for (const Path& path : time.then) time_paths += "," + json(path.text);
  if (!time.others.empty()) {  // a list of its own: joined paths stand without
    for (const Path& path : time.others) time_paths += "," + json(path.text);
    time_paths = "[" + time_paths + "]";
  }
  out += ",\"time\":[" + time_paths + "," + std::to_string(int(time.unit)) + "," +
         json(time.format) + "," + json(time.no_offset) + "]";
  std::vector<std::string> fields;
  for (const ValueField& value : values)
    fields.push_back(json(value.name) + ":" + field_text(value.field));
  std::sort(fields.begin(), fields.end());
  std::string list = json_list(fields);
  list.front() = '{';
  list.back() = '}';
  return out + ",\"values\":" + list + "}";
}

std::string Plan::fingerprint() const {
  std::map<std::string, std::string> named;
  for (const Property& p : properties) named[p.name] = columns[p.column].identity;
  // What a lacking column means may change: it says nothing of the files counted before.
  std::string out = "{\"mapping\":" + mapping_fingerprint() +
                    (input.missing_columns_empty ? ",\"missing_columns\":\"empty\"" : "") +
                    ",\"properties\":{";
  for (const auto& [name, identity] : named)
    out += (out.back() == '{' ? "" : ",") + json(name) + ":" + identity;
  out += "},\"calendars\":" + tenants_text(calendars);

  // Metrics that the same rules count each by itself are alike.
  std::map<std::vector<size_t>, std::vector<std::string>> alike;
  for (const auto& [metric, named] : rules_naming_) {
    std::vector<size_t> own;
    for (size_t r : named) {
      if (rules_[r].together.empty()) own.push_back(r);
    }
    if (!own.empty()) alike[own].push_back(metric);
  }

  std::map<std::string, std::set<std::string>> metrics_by_text, groups_by_text;
  std::string others = "[]";
  for (const PlannedSection& section : sections_of("*")) {
    if (!section.selector.group) others = section_text(*this, section);
  }
  for (const auto& [rules, metrics] : alike) {
    const std::string text = section_text(*this, sections_of(metrics.front()).front());
    if (text != others) metrics_by_text[text].insert(metrics.begin(), metrics.end());
  }
  for (const Selector& selector : named_selectors()) {
    if (!selector.group) continue;
    const std::string any = selector.all_metrics ? "*" : selector.members.front();
    for (const PlannedSection& section : sections_of(any)) {
      if (section.selector.group && section.selector.name == selector.name)
        groups_by_text[section_text(*this, section)].insert(selector.identity());
    }
  }
  out += ",\"all\":" + others + ",\"metrics\":[";
  for (const auto& [text, metrics] : metrics_by_text) {
    std::vector<std::string> names;
    for (const std::string& metric : metrics) names.push_back(json(metric));
    out += (out.back() == '[' ? "" : ",") + std::string("[") + json_list(names) + "," + text + "]";
  }
  out += "],\"together\":[";
  for (const auto& [text, groups] : groups_by_text) {
    out += (out.back() == '[' ? "" : ",") + std::string("[") +
           json_list({groups.begin(), groups.end()}) + "," + text + "]";
  }
  return out + "]}";
}

}  // namespace quipu
