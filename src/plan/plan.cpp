// A stored plan (version 1): u8 version = 1 | file | text | u8: 1 if a tenants file follows, else 0
// | its text. Texts are their length as a varint and their bytes.
#include "plan/plan.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "base/bytes.h"
#include "base/json_text.h"
#include "plan/plan_parser.h"

namespace quipu {
namespace {

constexpr uint8_t kStoredPlanVersion = 1;

}  // namespace

Result<Plan> Plan::parse(std::string_view text, const std::string& file, const std::string& folder,
                         const std::string& zoneinfo_dir) {
  return PlanParser(file, folder, zoneinfo_dir).parse(text);
}

std::string Plan::serialise() const {
  std::string out;
  ByteWriter w(out);
  w.u8(kStoredPlanVersion);
  w.sized(file_);
  w.sized(text);
  w.u8(tenants_file_text_ ? 1 : 0);
  if (tenants_file_text_) w.sized(*tenants_file_text_);
  return out;
}

Result<Plan> Plan::deserialise(std::string_view bytes) {
  ByteReader r(bytes);
  const uint8_t version = r.u8();
  if (version != kStoredPlanVersion) {
    return Error{"a stored plan has version " + std::to_string(version) +
                 ", which this program does not know; use the program that wrote it, or restore "
                 "the store from a backup"};
  }
  std::string file(r.sized());
  std::string text(r.sized());
  std::optional<std::string> tenants;
  const uint8_t has_tenants = r.u8();
  if (has_tenants == 1) tenants = std::string(r.sized());
  if (!r.ok() || !r.done() || has_tenants > 1)
    return Error{"a stored plan is damaged; restore the store from a backup"};
  return PlanParser(std::move(file), std::move(tenants)).parse(text);
}

std::string Selector::identity() const {
  std::string out = group ? "{\"together\":" : "{\"metric\":";
  append_json_string(name, out);
  if (!group) return out + "}";
  out += ",\"metrics\":";
  if (all_metrics) return out + "\"*\"}";
  for (size_t i = 0; i < members.size(); ++i) {
    out += i ? ',' : '[';
    append_json_string(members[i], out);
  }
  return out + "]}";
}

void Plan::index_rules() {
  for (size_t r = 0; r < rules_.size(); ++r) {
    if (rules_[r].all_metrics) rules_of_all_.push_back(r);
    for (const std::string& metric : rules_[r].metrics) rules_naming_[metric].push_back(r);
  }
}

std::vector<size_t> Plan::rules_of(std::string_view metric) const {
  const auto named = rules_naming_.find(metric);
  if (named == rules_naming_.end()) return rules_of_all_;
  std::vector<size_t> rules;
  std::merge(rules_of_all_.begin(), rules_of_all_.end(), named->second.begin(), named->second.end(),
             std::back_inserter(rules));
  return rules;
}

Selector Plan::Rule::selector(std::string_view metric) const {
  Selector s;
  s.group = !together.empty();
  s.name = s.group ? together : std::string(metric);
  s.all_metrics = s.group && all_metrics;
  if (s.group) s.members = metrics;
  return s;
}

std::vector<PlannedSection> Plan::sections_of(std::string_view metric) const {
  struct Place {
    PlannedSection section;
    std::unordered_map<std::string, size_t> at;  // identity -> index of the dimension
  };
  const std::vector<size_t> rules = rules_of(metric);
  std::vector<Place> places;
  std::unordered_map<std::string_view, size_t> place_of;  // by `together`; "" is the metric's own
  for (bool group : {false, true}) {
    for (size_t r : rules) {
      const Rule& rule = rules_[r];
      if (group == rule.together.empty()) continue;
      auto [found, fresh] = place_of.try_emplace(rule.together, places.size());
      if (fresh) places.push_back({{rule.selector(metric), {}}, {}});
      Place& place = places[found->second];
      for (const PlannedDimension& d : rule.dimensions)
        unite_dimension(d, place.section.dimensions, place.at);
    }
  }
  std::vector<PlannedSection> sections;
  for (Place& place : places) sections.push_back(std::move(place.section));
  return sections;
}

std::vector<Selector> Plan::named_selectors() const {
  std::map<std::string_view, Selector> groups;
  for (const Rule& rule : rules_) {
    if (!rule.together.empty()) groups.try_emplace(rule.together, rule.selector(""));
  }
  std::vector<Selector> all;
  for (auto& [name, group] : groups) all.push_back(std::move(group));
  for (const auto& [metric, rules] : rules_naming_) all.push_back({false, metric, false, {}});
  return all;
}

}  // namespace quipu
