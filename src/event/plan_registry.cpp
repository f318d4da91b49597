#include "event/plan_registry.h"

#include <algorithm>

namespace quipu {
namespace {

constexpr size_t kMostMonths = 4096;  // tables held

uint32_t id_of(std::map<std::string, uint32_t>& ids, const std::string& identity) {
  return ids.try_emplace(identity, uint32_t(ids.size()) + 1).first->second;
}

}  // namespace

Result<std::unique_ptr<PlanRegistry>> PlanRegistry::open(Plan plan,
                                                         const std::string& zoneinfo_dir) {
  std::unique_ptr<PlanRegistry> registry(new PlanRegistry(std::move(plan)));
  CompiledPlan& compiled = registry->plan_;
  const TenantCalendars& calendars = compiled.parsed.calendars;
  std::vector<std::string> names{compiled.parsed.time.no_offset};
  for (const Calendar& c : calendars.fallback) names.push_back(c.zone);
  for (const auto& [tenant, own] : calendars.tenants) {
    for (const Calendar& c : own) names.push_back(c.zone);
  }
  for (const std::string& name : names) {
    if (registry->zones_.count(name)) continue;
    QUIPU_ASSIGN(auto rules, load_zone(name, zoneinfo_dir));
    registry->zones_[name] = std::make_shared<const ZoneRules>(std::move(rules));
  }
  registry->versions_ = {nullptr, &compiled.parsed};
  compiled.version_columns.resize(2);
  for (size_t i = 0; i < compiled.parsed.columns.size(); ++i) {
    compiled.columns.push_back(PropertyId(uint32_t(i + 1)));
    compiled.version_columns[1].push_back(int(i));
  }
  for (size_t i = 0; i < compiled.parsed.values.size(); ++i) compiled.values.push_back(ValueId(i));
  return registry;
}

const Tenant* PlanRegistry::tenant(std::string_view name) {
  std::lock_guard lock(mutex_);
  if (auto it = tenants_.find(name); it != tenants_.end()) return it->second;
  const TenantCalendars& planned = plan_.parsed.calendars;
  const auto own = planned.tenants.find(std::string(name));
  if (own == planned.tenants.end() && planned.unknown_set_aside) return nullptr;
  const std::vector<Calendar>* calendars =
      own == planned.tenants.end() ? &planned.fallback : &own->second;
  const auto same = std::find_if(calendar_sets_.begin(), calendar_sets_.end(),
                                 [&](const auto* set) { return *set == *calendars; });
  const uint32_t set = uint32_t(same - calendar_sets_.begin());
  if (same == calendar_sets_.end()) calendar_sets_.push_back(calendars);
  tenant_storage_.push_back(Tenant{TenantId(uint32_t(tenant_storage_.size()) + 1), set});
  return tenants_[std::string(name)] = &tenant_storage_.back();
}

std::string PlanRegistry::tenant_name(TenantId id) const {
  std::lock_guard lock(mutex_);
  for (const auto& [name, tenant] : tenants_) {
    if (tenant->id == id) return name;
  }
  return "";
}

const CompiledMetric* PlanRegistry::metric(std::string_view name) {
  std::lock_guard lock(mutex_);
  if (auto it = metrics_.find(name); it != metrics_.end()) return it->second;
  if (plan_.parsed.sections_of(name).empty()) return nullptr;
  IdSource ids;
  ids.selector = [&](const Selector& s) { return SelectorId(id_of(selectors_, s.identity())); };
  ids.dimension = [&](const std::string& identity) {
    return DimensionId(id_of(dimensions_, identity));
  };
  ids.layout = [](const SectionLayout&) { return LayoutId::none; };
  metric_storage_.push_back(compile_metric(plan_, name, versions_, ids));
  metric_storage_.back().index = uint32_t(metric_storage_.size() - 1);
  return metrics_[std::string(name)] = &metric_storage_.back();
}

std::shared_ptr<const MonthTable> PlanRegistry::month(const Tenant& tenant, MonthIndex month) {
  std::lock_guard lock(mutex_);
  if (months_.size() >= kMostMonths) months_.clear();
  std::shared_ptr<const MonthTable>& table = months_[{tenant.calendar_set, month}];
  if (!table) {
    std::vector<MonthTable::CalendarRules> rules;
    for (const Calendar& calendar : *calendar_sets_[tenant.calendar_set]) {
      rules.push_back(MonthTable::CalendarRules::under(calendar, zones_.at(calendar.zone)));
    }
    table = MonthTable::build(month, rules);
  }
  return table;
}

}  // namespace quipu
