// Plans that change: from a random stream's plan, other plans that read its lines in the same way
// and count other things. What a plan counts is held as the oracle's parser gives it. For property
// tests; one thread.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "oracle/parts.h"
#include "oracle/stream.h"

namespace quipu::test {

// A stream's plan in parts. Properties and values are known by their index in `data`.
struct BasePlan {
  explicit BasePlan(const oracle::Stream& stream);

  std::string head, calendars;  // YAML: up to `properties:`; `calendars:` if there is one
  std::string tenants_csv;
  oracle::PlanData data;
  std::set<std::string> metrics;  // that rules may name
};

// What one version of the plan counts, and how it names it.
struct ChangedPlan {
  std::vector<std::string> names;   // by property
  std::vector<int> listed;          // properties it defines, in the order of the file
  std::vector<oracle::Rule> rules;  // all entries of a rule have the same flags, as in a file

  std::string yaml(const BasePlan& base) const;
};

ChangedPlan unchanged(const BasePlan& base);
// Leaves out rules, lists and properties that nothing uses; turns unique and lifetime on and off;
// draws sums, members of groups, metrics and values of `when` anew; renames properties, so that
// names change places too; shuffles what has an order.
ChangedPlan draw_change(const BasePlan& base, std::mt19937_64& random);

// A group by what it is: another set of members is another group, whatever its name.
struct GroupKey {
  std::string name;
  bool every_metric = false;
  std::set<std::string> members;
  auto operator<=>(const GroupKey&) const = default;
};

// A counter by what it is, whatever a plan calls it.
struct CounterKey {
  std::optional<GroupKey> group;
  std::string metric;                         // where there is no group
  std::map<int, std::set<std::string>> when;  // by property
  std::set<int> by;
  auto operator<=>(const CounterKey&) const = default;
};

struct PlannedCounter {
  std::vector<int> by;  // in the plan's order
  bool unique = false, lifetime = false;
  std::set<int> sums;
};
std::optional<PlannedCounter> planned(const ChangedPlan& plan, const CounterKey& counter);

// One plan that has every counter of all of `plans`, each with unique, lifetime and all sums;
// properties are named "d0", "d1" ..., groups "G0", "G1" ... by their place in `groups`.
struct UnitedPlan {
  ChangedPlan plan;
  std::vector<GroupKey> groups;
};
UnitedPlan unite(const BasePlan& base, const std::vector<ChangedPlan>& plans);

}  // namespace quipu::test
