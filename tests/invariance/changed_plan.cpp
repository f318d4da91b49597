#include "invariance/changed_plan.h"

#include <algorithm>
#include <numeric>

namespace quipu::test {
namespace {

using oracle::Entry;
using oracle::Rule;

std::string quoted(const std::string& text) { return oracle::json_quoted(text); }

template <typename Items, typename Text>
std::string list_of(const Items& items, Text text) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + text(item);
  return "[" + out + "]";
}

std::string definition_of(const oracle::PropertySpec& p) {
  if (p.present) return "{present: " + quoted(p.path.text) + "}";
  return p.skip ? "{at: " + quoted(p.path.text) + ", missing: skip}" : quoted(p.path.text);
}

std::map<int, std::set<std::string>> when_of(const Entry& entry) {
  return {entry.when.begin(), entry.when.end()};
}

GroupKey group_of(const Rule& rule) { return {rule.together, rule.every_metric, rule.metrics}; }

class Change {
 public:
  Change(const BasePlan& base, std::mt19937_64& random) : base_(base), random_(random) {}

  ChangedPlan draw() {
    draw_groups();
    ChangedPlan plan;
    for (const Rule& rule : base_.data.rules) {
      if (chance(25)) continue;
      Rule changed = draw_rule(rule);
      if (!changed.entries.empty()) plan.rules.push_back(std::move(changed));
    }
    if (plan.rules.empty()) plan.rules.push_back(base_.data.rules.front());
    shuffle(plan.rules);
    draw_names(plan);
    draw_listed(plan);
    return plan;
  }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    std::shuffle(items.begin(), items.end(), random_);
  }

  std::set<std::string> draw_metrics() {
    std::set<std::string> drawn;
    for (const std::string& metric : base_.metrics)
      if (chance(60)) drawn.insert(metric);
    if (drawn.empty()) drawn.insert(*base_.metrics.begin());
    return drawn;
  }

  // A name has the same members in all rules of a plan.
  void draw_groups() {
    for (const Rule& rule : base_.data.rules) {
      if (rule.together.empty() || members_.count(rule.together) || !chance(35)) continue;
      members_[rule.together] = draw_metrics();
    }
  }

  Rule draw_rule(Rule rule) {
    if (auto members = members_.find(rule.together); members != members_.end()) {
      rule.every_metric = false;
      rule.metrics = members->second;
    }
    if (rule.together.empty() && !rule.every_metric && chance(25)) rule.metrics = draw_metrics();
    std::erase_if(rule.entries, [&](const Entry&) { return chance(25); });
    if (rule.entries.empty()) return rule;
    Entry flags = rule.entries.front();
    if (chance(30)) flags.unique = !flags.unique;
    if (chance(25)) flags.lifetime = !flags.lifetime;
    if (chance(40))
      for (int v = 0; v < int(base_.data.values.size()); ++v)
        if (chance(50) && !flags.sums.erase(v)) flags.sums.insert(v);
    if (chance(15) && !flags.when.empty()) {
      auto& values = flags.when.front().second;
      if (values.size() > 1)
        values.erase(values.begin());
      else
        flags.when.erase(flags.when.begin());
    }
    for (Entry& entry : rule.entries) {
      std::vector<int> by = entry.by;
      shuffle(by);
      entry = flags;
      entry.by = std::move(by);
    }
    shuffle(rule.entries);
    return rule;
  }

  void draw_names(ChangedPlan& plan) {
    for (const oracle::PropertySpec& p : base_.data.properties) plan.names.push_back(p.name);
    for (std::string& name : plan.names)
      if (chance(25)) name += " by another name " + std::to_string(random_() % 3);
    if (chance(40))
      std::swap(plan.names[random_() % plan.names.size()],
                plan.names[random_() % plan.names.size()]);
  }

  void draw_listed(ChangedPlan& plan) {
    std::set<int> used;
    for (const Rule& rule : plan.rules)
      for (const Entry& entry : rule.entries) {
        used.insert(entry.by.begin(), entry.by.end());
        for (const auto& [property, values] : entry.when) used.insert(property);
      }
    for (int p = 0; p < int(base_.data.properties.size()); ++p)
      if (used.count(p) || chance(50)) plan.listed.push_back(p);
    shuffle(plan.listed);
  }

  const BasePlan& base_;
  std::mt19937_64& random_;
  std::map<std::string, std::set<std::string>> members_;  // drawn anew, by name of a group
};

}  // namespace

BasePlan::BasePlan(const oracle::Stream& stream)
    : tenants_csv(stream.tenants_csv),
      data(oracle::Plan::parse(stream.plan, stream.tenants_csv).data()) {
  const size_t properties = stream.plan.find("\nproperties:") + 1;
  const size_t count = stream.plan.find("\ncount:\n") + 1;
  const size_t calendar = std::min(stream.plan.find("\ncalendars:\n"), count - 1) + 1;
  head = stream.plan.substr(0, properties);
  calendars = stream.plan.substr(calendar, count - calendar);
  metrics = {"Opened Email", "Clicked"};
  for (const Rule& rule : data.rules) metrics.insert(rule.metrics.begin(), rule.metrics.end());
}

std::string ChangedPlan::yaml(const BasePlan& base) const {
  const auto name = [&](int property) { return quoted(names[size_t(property)]); };
  std::string out = base.head + base.calendars;
  if (!listed.empty()) out += "properties:\n";
  for (int p : listed)
    out += "  " + name(p) + ": " + definition_of(base.data.properties[size_t(p)]) + "\n";
  out += "count:\n";
  for (const Rule& rule : rules) {
    const Entry& flags = rule.entries.front();
    out += "  - {metrics: " + (rule.every_metric ? "\"*\"" : list_of(rule.metrics, quoted));
    if (!rule.together.empty()) out += ", together: " + quoted(rule.together);
    std::string when;
    for (const auto& [property, values] : flags.when)
      when += (when.empty() ? "" : ", ") + name(property) + ": " + list_of(values, quoted);
    if (!when.empty()) out += ", when: {" + when + "}";
    out += ", by: " +
           list_of(rule.entries, [&](const Entry& entry) { return list_of(entry.by, name); });
    if (!flags.unique) out += ", unique: no";
    if (flags.lifetime) out += ", lifetime: yes";
    if (!flags.sums.empty())
      out += ", sum: " +
             list_of(flags.sums, [&](int v) { return quoted(base.data.values[size_t(v)].first); });
    out += "}\n";
  }
  return out;
}

ChangedPlan unchanged(const BasePlan& base) {
  ChangedPlan plan;
  for (const oracle::PropertySpec& p : base.data.properties) plan.names.push_back(p.name);
  plan.listed.resize(plan.names.size());
  std::iota(plan.listed.begin(), plan.listed.end(), 0);
  plan.rules = base.data.rules;
  return plan;
}

ChangedPlan draw_change(const BasePlan& base, std::mt19937_64& random) {
  return Change(base, random).draw();
}

std::optional<PlannedCounter> planned(const ChangedPlan& plan, const CounterKey& counter) {
  std::optional<PlannedCounter> found;
  for (const Rule& rule : plan.rules) {
    const bool selected = counter.group ? !rule.together.empty() && group_of(rule) == *counter.group
                                        : rule.together.empty() && rule.selects(counter.metric);
    if (!selected) continue;
    for (const Entry& entry : rule.entries) {
      if (std::set<int>(entry.by.begin(), entry.by.end()) != counter.by ||
          when_of(entry) != counter.when)
        continue;
      if (!found) found = PlannedCounter{entry.by, false, false, {}};
      found->unique |= entry.unique;
      found->lifetime |= entry.lifetime;
      found->sums.insert(entry.sums.begin(), entry.sums.end());
    }
  }
  return found;
}

UnitedPlan unite(const BasePlan& base, const std::vector<ChangedPlan>& plans) {
  UnitedPlan united;
  for (size_t p = 0; p < base.data.properties.size(); ++p) {
    united.plan.names.push_back("d" + std::to_string(p));
    united.plan.listed.push_back(int(p));
  }
  for (const ChangedPlan& plan : plans) {
    for (Rule rule : plan.rules) {
      if (!rule.together.empty()) {
        const auto place = std::find(united.groups.begin(), united.groups.end(), group_of(rule));
        const std::string name = "G" + std::to_string(place - united.groups.begin());
        if (place == united.groups.end()) united.groups.push_back(group_of(rule));
        rule.together = name;
      }
      for (Entry& entry : rule.entries) {
        entry.unique = entry.lifetime = true;
        for (int v = 0; v < int(base.data.values.size()); ++v) entry.sums.insert(v);
      }
      united.plan.rules.push_back(std::move(rule));
    }
  }
  return united;
}

}  // namespace quipu::test
