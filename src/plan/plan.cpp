// A stored plan (version 1): u8 version = 1 | file | text | u8: 1 if a tenants file follows, else 0
// | its text. Texts are their length as a varint and their bytes.
#include "plan/plan.h"

#include <algorithm>
#include <unordered_map>

#include "base/bytes.h"
#include "base/json_text.h"
#include "plan/plan_parser.h"

namespace quipu {
namespace {

constexpr uint8_t kStoredPlanVersion = 1;

}  // namespace

Result<Plan> Plan::parse(std::string_view text, const std::string& file,
                         const std::string& directory, const std::string& zoneinfo_dir) {
  return PlanParser(file, directory, zoneinfo_dir).parse(text);
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

bool Plan::Rule::selects(std::string_view metric) const {
  return all_metrics || std::binary_search(metrics.begin(), metrics.end(), metric, std::less<>());
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
  std::vector<Place> places;
  std::unordered_map<std::string_view, size_t> place_of;  // by `together`; "" is the metric's own
  for (bool group : {false, true}) {
    for (const Rule& rule : rules_) {
      if (group == rule.together.empty() || !rule.selects(metric)) continue;
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
  std::vector<Selector> groups;
  std::vector<std::string> metrics;
  std::set<std::string_view> seen;
  for (const Rule& rule : rules_) {
    metrics.insert(metrics.end(), rule.metrics.begin(), rule.metrics.end());
    if (!rule.together.empty() && seen.insert(rule.together).second)
      groups.push_back(rule.selector(""));
  }
  std::sort(groups.begin(), groups.end(),
            [](const Selector& a, const Selector& b) { return a.name < b.name; });
  std::sort(metrics.begin(), metrics.end());
  metrics.erase(std::unique(metrics.begin(), metrics.end()), metrics.end());
  for (std::string& metric : metrics) groups.push_back({false, std::move(metric), false, {}});
  return groups;
}

}  // namespace quipu
