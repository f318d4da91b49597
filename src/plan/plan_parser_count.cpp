#include <algorithm>

#include "base/json_text.h"
#include "base/near_names.h"
#include "plan/normalise.h"
#include "plan/plan_parser.h"

namespace quipu {
namespace {

// How many subsets of 1..up_to out of n there are, or kMaxDimensions + 1 if more than that.
int combinations(int n, int up_to) {
  int64_t all = 0, of_size = 1;
  for (int k = 1; k <= up_to && k <= n; ++k) {
    of_size = of_size * (n - k + 1) / k;
    all += of_size;
    if (all > kMaxDimensions) return kMaxDimensions + 1;
  }
  return int(all);
}

// Appends the subsets of `size` in lexicographic order.
void append_subsets(const std::vector<uint16_t>& of, size_t size,
                    std::vector<std::vector<uint16_t>>& out) {
  std::vector<size_t> pick(size);
  for (size_t i = 0; i < size; ++i) pick[i] = i;
  for (;;) {
    std::vector<uint16_t>& subset = out.emplace_back();
    for (size_t i : pick) subset.push_back(of[i]);
    size_t at = size;
    while (at > 0 && pick[at - 1] == of.size() - size + at - 1) --at;
    if (at == 0) return;
    ++pick[at - 1];
    for (size_t i = at; i < size; ++i) pick[i] = pick[i - 1] + 1;
  }
}

constexpr char kMetricsAdvice[] =
    "write a list of metrics, as [Opened Email, Clicked Email], or \"*\" for all";
constexpr char kByAdvice[] =
    "write a list of properties and lists of them, as [[], campaign, [campaign, client]] ([] is "
    "the metric alone)";

}  // namespace

std::string dimension_identity(const std::vector<Column>& columns,
                               const std::vector<uint16_t>& sorted, const Column* when) {
  std::string out = "{";
  if (when)
    out.append(when->identity, 1, when->identity.size() - 2).append(",");  // without its braces
  out += "\"of\":[";
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i) out += ',';
    out += columns[sorted[i]].identity;
  }
  return out + "]}";
}

void unite_dimension(const PlannedDimension& dimension, std::vector<PlannedDimension>& list,
                     std::unordered_map<std::string, size_t>& at) {
  auto [place, fresh] = at.try_emplace(dimension.identity, list.size());
  if (fresh) {
    list.push_back(dimension);
    return;
  }
  PlannedDimension& there = list[place->second];
  there.sums |= dimension.sums;
  there.unique = there.unique || dimension.unique;
  there.lifetime = there.lifetime || dimension.lifetime;
}

Status PlanParser::read_count(const PlanNode& node) {
  std::vector<PlanNode> rules;
  QUIPU_TRY(node.list("write a list of rules, as [{metrics: \"*\", by: [[]]}]", rules));
  for (const PlanNode& rule : rules) QUIPU_TRY(read_rule(rule));
  QUIPU_TRY(check_groups());
  number_when_columns();
  plan_.index_rules();
  return check_dimensions_of_metrics();
}

Status PlanParser::read_rule(const PlanNode& node) {
  QUIPU_TRY(node.only_keys(
      {"metrics", "together", "when", "by", "combinations", "unique", "sum", "lifetime"}));
  rule_places_.push_back(node.place());
  Plan::Rule& rule = plan_.rules_.emplace_back();
  if (!node.has("metrics")) return node.error(std::string("metrics is missing; ") + kMetricsAdvice);
  QUIPU_TRY(read_metrics(node.at("metrics"), rule));
  if (node.has("together")) QUIPU_TRY(node.at("together").name_text(rule.together));
  PlannedDimension flags;
  if (node.has("unique")) QUIPU_TRY(node.at("unique").yes_no(flags.unique));
  if (node.has("lifetime")) QUIPU_TRY(node.at("lifetime").yes_no(flags.lifetime));
  if (node.has("sum")) QUIPU_TRY(read_sums(node.at("sum"), flags.sums));
  if (node.has("when")) QUIPU_TRY(read_when(node.at("when"), flags.when));
  std::vector<std::vector<uint16_t>> lists;
  QUIPU_TRY(read_lists(node, lists));
  return add_dimensions(node, lists, flags, rule);
}

Status PlanParser::read_metrics(const PlanNode& node, Plan::Rule& rule) const {
  std::string text;
  if (node.is_text()) {
    QUIPU_TRY(node.text(text));
    if (text != "*") return node.wrong_kind(kMetricsAdvice);
    rule.all_metrics = true;
    return {};
  }
  std::vector<PlanNode> names;
  QUIPU_TRY(node.list(kMetricsAdvice, names));
  for (const PlanNode& name : names) {
    QUIPU_TRY(name.text(text));
    if (text == "*")
      return name.error("a * in a list of metrics; for all metrics write metrics: \"*\"");
    if (Status named = canonical_name(text, plan_.metric, "metric", rule.metrics.emplace_back());
        !named.ok()) {
      return name.error(named.error().message);
    }
  }
  std::sort(rule.metrics.begin(), rule.metrics.end());
  rule.metrics.erase(std::unique(rule.metrics.begin(), rule.metrics.end()), rule.metrics.end());
  return {};
}

Status PlanParser::find_property(const PlanNode& node, const std::string& name,
                                 uint16_t& out) const {
  const auto found = property_by_name_.find(name);
  if (found == property_by_name_.end()) {
    std::vector<std::string> known;
    for (const Property& p : plan_.properties) known.push_back(p.name);
    return node.error("no property " + shown(name) +
                      (known.empty() ? "; name it under `properties:`"
                                     : did_you_mean(near_names(name, known, 1)) +
                                           " (or name it under `properties:`)"));
  }
  out = found->second;
  return {};
}

Status PlanParser::read_property_list(const PlanNode& node, std::vector<uint16_t>& out) const {
  std::string name;
  for (const PlanNode& item : node.children()) {
    if (!item.is_text()) return item.wrong_kind("write the name of a property");
    QUIPU_TRY(item.text(name));
    uint16_t property = 0;
    QUIPU_TRY(find_property(item, name, property));
    for (uint16_t before : out) {
      if (before == property)
        return item.error("property " + shown(name) + " is named twice here; once is enough");
      if (plan_.properties[before].column == plan_.properties[property].column) {
        return item.error("property " + shown(name) + " is the same as " +
                          shown(plan_.properties[before].name) +
                          " (one path, one rule); keep one of them");
      }
    }
    out.push_back(property);
  }
  return {};
}

Status PlanParser::read_lists(const PlanNode& rule,
                              std::vector<std::vector<uint16_t>>& lists) const {
  const bool by = rule.has("by");
  if (by == rule.has("combinations")) {
    return rule.error(
        by ? "has both `by` and `combinations`; make it two rules"
           : "counts by nothing; add by: [[]] (the metric alone), by: [property] or combinations");
  }
  if (!by) return read_combinations(rule.at("combinations"), lists);
  std::vector<PlanNode> entries;
  QUIPU_TRY(rule.at("by").list(kByAdvice, entries));
  for (const PlanNode& entry : entries) {
    std::vector<uint16_t>& list = lists.emplace_back();
    if (entry.is_text()) {
      std::string name;
      QUIPU_TRY(entry.text(name));
      QUIPU_TRY(find_property(entry, name, list.emplace_back()));
      continue;
    }
    if (!entry.is_list()) return entry.wrong_kind(kByAdvice);
    QUIPU_TRY(read_property_list(entry, list));
    if (list.size() > size_t(kMaxArity))
      return entry.error(std::to_string(list.size()) + " properties in one list; at most " +
                         std::to_string(kMaxArity) + " are counted together");
  }
  return {};
}

Status PlanParser::read_combinations(const PlanNode& node,
                                     std::vector<std::vector<uint16_t>>& lists) const {
  const char* advice = "write {of: [properties], up_to: 2}";
  if (!node.is_map()) return node.wrong_kind(advice);
  QUIPU_TRY(node.only_keys({"of", "up_to"}));
  if (!node.has("of") || !node.has("up_to"))
    return node.error(std::string("needs both of and up_to; ") + advice);
  std::vector<PlanNode> names;
  QUIPU_TRY(node.at("of").list("write a list of properties", names));
  std::vector<uint16_t> of;
  QUIPU_TRY(read_property_list(node.at("of"), of));
  int up_to = 0;
  QUIPU_TRY(node.at("up_to").number(1, kMaxArity, up_to));
  if (combinations(int(of.size()), up_to) > kMaxDimensions) {
    return node.error("gives more than " + std::to_string(kMaxDimensions) +
                      " combinations; name fewer properties, or a smaller up_to");
  }
  for (size_t size = 1; size <= std::min(of.size(), size_t(up_to)); ++size)
    append_subsets(of, size, lists);
  return {};
}

Status PlanParser::read_sums(const PlanNode& node, uint8_t& sums) const {
  std::vector<PlanNode> names;
  QUIPU_TRY(node.list("write a list of values, as [revenue]", names));
  std::vector<std::string> known;
  for (const ValueField& v : plan_.values) known.push_back(v.name);
  for (const PlanNode& item : names) {
    std::string name;
    QUIPU_TRY(item.text(name));
    const size_t value = size_t(std::find(known.begin(), known.end(), name) - known.begin());
    if (value == known.size())
      return item.error("no value " + shown(name) + did_you_mean(near_names(name, known, 1)) +
                        " (values are named under event.values)");
    sums |= uint8_t(1 << value);
  }
  return {};
}

Status PlanParser::read_when(const PlanNode& node, std::optional<uint16_t>& out) {
  const char* advice = "write properties with lists of values, as {status: [paid, sent]}";
  if (!node.is_map() || node.children().empty()) return node.wrong_kind(advice);
  Column column;
  column.is_when = true;
  for (const PlanNode& entry : node.children()) {
    uint16_t index = 0;
    QUIPU_TRY(find_property(entry, entry.name(), index));
    const Property& property = plan_.properties[index];
    for (const auto& [there, values] : column.when) {
      if (there == property.column)
        return entry.error("property " + shown(property.name) +
                           " is the same as another one of this `when` (one path, one rule); put "
                           "the values in one list");
    }
    std::vector<PlanNode> items;
    QUIPU_TRY(entry.list(advice, items));
    if (items.size() > kMaxWhenValues)
      return entry.error("more than " + std::to_string(kMaxWhenValues) +
                         " values; name fewer, or count by the property");
    std::vector<std::string> values;
    for (const PlanNode& item : items) {
      std::string text, scratch;
      QUIPU_TRY(item.text(text));
      if (property.present && text != "true" && text != "false")
        return item.error(
            shown(text) +
            " is never met, since a {present: path} is true or false; write one of them");
      values.emplace_back(canonical_text(text, scratch));
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    column.when.emplace_back(property.column, std::move(values));
  }
  std::sort(column.when.begin(), column.when.end());
  column.identity = "{\"when\":[";
  for (const auto& [property, values] : column.when) {
    if (column.identity.back() == '}') column.identity += ',';
    column.identity += "{\"of\":" + plan_.columns[property].identity + ",\"in\":[";
    for (const std::string& value : values) {
      if (column.identity.back() != '[') column.identity += ',';
      append_json_string(value, column.identity);
    }
    column.identity += "]}";
  }
  column.identity += "]}";
  auto same = std::find_if(whens_.begin(), whens_.end(),
                           [&](const Column& c) { return c.identity == column.identity; });
  out = uint16_t(same - whens_.begin());
  if (same != whens_.end()) return {};
  whens_.push_back(std::move(column));
  if (plan_.columns.size() + whens_.size() > size_t(kMaxColumns)) {
    return node.error("the plan's " + std::to_string(plan_.columns.size()) + " properties and " +
                      std::to_string(whens_.size()) + " different `when`s are more than " +
                      std::to_string(kMaxColumns) + "; drop some");
  }
  return {};
}

Status PlanParser::add_dimensions(const PlanNode& node,
                                  const std::vector<std::vector<uint16_t>>& lists,
                                  const PlannedDimension& flags, Plan::Rule& rule) {
  const Column* when = flags.when ? &whens_[*flags.when] : nullptr;
  std::unordered_map<std::string, size_t> at;
  for (const std::vector<uint16_t>& list : lists) {
    PlannedDimension dimension = flags;
    dimension.properties = list;
    for (uint16_t property : list) dimension.columns.push_back(plan_.properties[property].column);
    std::sort(dimension.columns.begin(), dimension.columns.end());
    dimension.identity = dimension_identity(plan_.columns, dimension.columns, when);
    unite_dimension(dimension, rule.dimensions, at);
    if (rule.dimensions.size() > size_t(kMaxDimensions))
      return node.error("counts by more than " + std::to_string(kMaxDimensions) +
                        " lists; a metric has at most that many");
  }
  for (const PlannedDimension& d : rule.dimensions) identity_bytes_ += d.identity.size();
  if (identity_bytes_ > kMaxIdentityBytes)
    return node.error(
        "the plan's counters are too many to hold; shorten `when`, `by` or the paths");
  return {};
}

// One name, one thing: in answers a group is known by its name alone.
Status PlanParser::check_groups() const {
  std::map<std::string_view, size_t> groups;
  for (size_t i = 0; i < plan_.rules_.size(); ++i) {
    const Plan::Rule& rule = plan_.rules_[i];
    if (rule.together.empty()) continue;
    auto [there, fresh] = groups.try_emplace(rule.together, i);
    const Plan::Rule& first = plan_.rules_[there->second];
    if (!fresh && (first.all_metrics != rule.all_metrics || first.metrics != rule.metrics)) {
      return plan_error(file_, rule_places_[i], "count.together",
                        shown(rule.together) + " has other metrics than in line " +
                            std::to_string(rule_places_[there->second].line) +
                            "; give it the same ones, or another name");
    }
  }
  for (size_t i = 0; i < plan_.rules_.size(); ++i) {
    for (const std::string& metric : plan_.rules_[i].metrics) {
      const auto group = groups.find(metric);
      if (group != groups.end()) {
        return plan_error(file_, rule_places_[i], "count.metrics",
                          "the metric " + shown(metric) + " has the name of the group in line " +
                              std::to_string(rule_places_[group->second].line) +
                              "; give that `together` another name");
      }
    }
  }
  return {};
}

void PlanParser::number_when_columns() {
  std::vector<uint16_t> order;
  for (size_t i = 0; i < whens_.size(); ++i) order.push_back(uint16_t(i));
  std::sort(order.begin(), order.end(),
            [&](uint16_t a, uint16_t b) { return whens_[a].identity < whens_[b].identity; });
  std::vector<uint16_t> column_of(whens_.size());
  for (uint16_t when : order) {
    column_of[when] = uint16_t(plan_.columns.size());
    plan_.columns.push_back(whens_[when]);
  }
  for (Plan::Rule& rule : plan_.rules_) {
    for (PlannedDimension& d : rule.dimensions) {
      if (d.when) d.when = column_of[*d.when];
    }
  }
}

// Holds every metric to kMaxBitmapWords blocks of 64 dimensions, where each section begins a block.
Status PlanParser::check_dimensions_of_metrics() const {
  auto check = [&](const std::string& metric, const std::vector<size_t>& rules) -> Status {
    size_t blocks = 0;
    for (const PlannedSection& s : plan_.sections_of(metric))
      blocks += (s.dimensions.size() + 63) / 64;
    if (blocks <= size_t(kMaxBitmapWords)) return {};
    return plan_error(file_, rule_places_[rules.back()], "count",
                      (metric == "*" ? "all metrics" : "the metric " + shown(metric)) +
                          " would count in more than " + std::to_string(kMaxDimensions) +
                          " lists (of its own and of each `together`, each rounded up to a "
                          "multiple of 64); drop some");
  };
  QUIPU_TRY(check("*", plan_.rules_of_all_));
  std::set<std::vector<size_t>> checked;  // metrics of the same rules are alike
  for (const auto& [metric, rules] : plan_.rules_naming_) {
    if (checked.insert(rules).second) QUIPU_TRY(check(metric, rules));
  }
  return {};
}

}  // namespace quipu
