// What can be asked of a store (query/answer.h).
#include <algorithm>

#include "query/answer.h"
#include "query/label.h"
#include "query/metric_totals.h"
#include "query/whole.h"

namespace quipu {
namespace {

// "campaign, client"
std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + label_of(name, ",;");
  return text.empty() ? "(all)" : text == "(all)" ? quoted_label(text) : text;
}

// Whether the counter's values add up to the events.
bool adds_up(const StoreView& view, TenantId tenant, const Counter& c) {
  return !c.planned.when && c.dimension != DimensionId::none &&
         std::none_of(c.planned.properties.begin(), c.planned.properties.end(),
                      [&](uint16_t p) { return c.plan->properties[p].skip_missing; }) &&
         !view.catalogue().counted_in_several(tenant, c.selector, c.dimension);
}

// The counter that tells a metric's events best: one that has all, one that still counts, one of
// few properties.
const Counter* best_total(const StoreView& view, TenantId tenant,
                          const std::vector<Counter>& counters) {
  const auto worth = [](const Counter& of) {
    return std::tuple(planned_always(of.since), !of.retired, -int(of.planned.columns.size()));
  };
  const Counter* best = nullptr;
  for (const Counter& c : counters) {
    if (adds_up(view, tenant, c) && (!best || worth(c) > worth(*best))) best = &c;
  }
  return best;
}

}  // namespace

Result<std::vector<MetricLine>> list_metrics(StoreView& view, TenantId tenant,
                                             MetricTotals* totals) {
  MetricTotals none(nullptr);
  if (!totals) totals = &none;
  std::vector<MetricLine> lines;
  for (const SelectorEntry& entry : view.selectors()) {
    MetricLine line;
    line.name = entry.name;
    line.group = entry.group;
    const std::vector<Counter> counters = view.counters_of(entry.identity, entry.group, entry.name);
    for (const Counter& c : counters) line.counters.push_back(names_text(c.names));
    const Counter* exact = best_total(view, tenant, counters);
    const Counter* any = exact ? exact : counters.empty() ? nullptr : &counters.front();
    if (!any || any->dimension == DimensionId::none) continue;
    QUIPU_ASSIGN(const MetricTotals::Total total,
                 totals->total(view, tenant, any->selector, any->dimension));
    if (!total.first) continue;
    if (exact) line.count = total.count;
    line.partial = exact && !planned_always(exact->since);
    line.first_day = format_instant(int64_t(*total.first) * 86400, 0).substr(0, 10);
    line.last_day = format_instant(int64_t(*total.last) * 86400, 0).substr(0, 10);
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<std::vector<CounterLine>> list_counters(const StoreView& view, const std::string& name,
                                               NameKind kind) {
  QUIPU_ASSIGN(auto counters, view.counters(name, kind));
  std::vector<CounterLine> lines;
  for (const Counter& c : counters) {
    CounterLine line;
    line.metric = c.selector_name;
    line.group = c.group;
    line.by = c.names;
    line.unique = c.planned.unique;
    line.lifetime = !c.lifetime_since.empty();
    line.retired = c.retired;
    line.since = c.since;
    for (const auto& [sum, since] : c.sums_since) line.sums.push_back(sum);
    if (c.planned.when) {
      for (const auto& [column, values] : c.plan->columns[*c.planned.when].when) {
        const Property& property = c.plan->properties[c.plan->columns[column].property];
        line.when += (line.when.empty() ? "" : ", ") + label_of(property.name, ",=") + " = ";
        for (size_t i = 0; i < values.size(); ++i)
          line.when += (i ? "|" : "") + label_of(values[i], ",");
      }
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<TenantLine> list_tenants(const StoreView& view) {
  std::vector<TenantLine> lines;
  for (const auto& [id, name] : view.tenants()) lines.push_back({name, view.calendars(id)});
  return lines;
}

}  // namespace quipu
