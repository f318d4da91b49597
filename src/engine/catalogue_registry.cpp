#include "engine/catalogue_registry.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "cells/cell_rows.h"
#include "plan/compile_metric.h"

namespace quipu {
namespace {

constexpr char kNewStoreAdvice[] =
    "; to count under another one, count the inputs into a new store (quipu run --data NEW_FOLDER "
    "...)";

std::string calendars_text(const std::vector<Calendar>& calendars) {
  static const char* const kDays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                      "friday", "saturday", "sunday"};
  std::string text;
  for (const Calendar& c : calendars) {
    if (!text.empty()) text += ", ";
    text += c.name + " (" + c.zone + ", weeks from " + kDays[int(c.week_start)] + ")";
  }
  return text;
}

// The first UTC day behind all that have counts. Keys of cells begin with their day.
Result<DayIndex> day_behind_counts(Snapshot& snapshot) {
  DayIndex low = 0, high = DayIndex(kEndEventTimeS / 86400);
  while (low < high) {
    const DayIndex middle = low + (high - low) / 2;
    std::string begin;
    ByteWriter(begin).be32(middle);
    QUIPU_ASSIGN(auto next, snapshot.seek_cell_key(begin));
    const auto key = CellKey::parse(next);
    if (key && key->day != kLifetimeDay) {
      low = key->day + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

CatalogueRegistry::CatalogueRegistry(Plan plan, Store& store, Catalogue& catalogue)
    : store_(store), catalogue_(catalogue) {
  plan_.parsed = std::move(plan);
}

Result<std::unique_ptr<CatalogueRegistry>> CatalogueRegistry::open(Plan plan, Store& store,
                                                                   Catalogue& catalogue,
                                                                   const std::string& zoneinfo_dir,
                                                                   int64_t now_s) {
  std::unique_ptr<CatalogueRegistry> registry(
      new CatalogueRegistry(std::move(plan), store, catalogue));
  QUIPU_TRY(registry->open_plan_versions(now_s));
  QUIPU_TRY(registry->check_calendars());
  QUIPU_TRY(registry->open_rules(zoneinfo_dir));
  registry->tables_ = std::make_unique<PinnedTables>(
      catalogue, [raw = registry.get()](TenantId t, MonthIndex m) { return raw->pin_of(t, m); });
  return registry;
}

Result<std::optional<RulesVersion>> CatalogueRegistry::pin_of(TenantId tenant,
                                                              MonthIndex month) const {
  if (auto known = catalogue_.known_pin(tenant, month)) return *known;
  // A snapshot for each look-up: one that is kept would hold up compaction.
  return catalogue_.pin(*store_.snapshot(), tenant, month);
}

Status CatalogueRegistry::open_plan_versions(int64_t now_s) {
  std::vector<PlanVersionEntry> entries = catalogue_.plan_versions();
  for (const PlanVersionEntry& entry : entries) {
    auto old = Plan::deserialise(entry.plan);
    if (!old.ok()) return Error{"the store's plan cannot be read: " + old.error().message};
    old_plans_.push_back(std::move(*old));
  }
  if (!old_plans_.empty() &&
      old_plans_.back().mapping_fingerprint() != plan_.parsed.mapping_fingerprint()) {
    return Error{
        "the plan reads events in another way (event: or input: changed) than this store was "
        "counted with" +
        std::string(kNewStoreAdvice)};
  }
  if (!old_plans_.empty() && old_plans_.back().fingerprint() == plan_.parsed.fingerprint()) {
    old_plans_.pop_back();
  } else {
    changed_ = true;
    QUIPU_ASSIGN(auto reached, day_behind_counts(*store_.snapshot()));
    catalogue_.add_plan_version(
        {plan_.parsed.serialise(), store_.committed().checkpoint + 1, now_s, reached});
  }
  plan_.version = PlanVersion(old_plans_.size() + 1);
  versions_.push_back(nullptr);
  for (const Plan& old : old_plans_) versions_.push_back(&old);
  versions_.push_back(&plan_.parsed);

  for (const Column& column : plan_.parsed.columns)
    plan_.columns.push_back(catalogue_.property(column.identity));
  for (const ValueField& value : plan_.parsed.values)
    plan_.values.push_back(catalogue_.value(value.name));
  plan_.version_columns.resize(versions_.size());
  for (size_t v = 1; v < versions_.size(); ++v) {
    for (const Column& column : versions_[v]->columns) {
      auto same = std::find_if(plan_.parsed.columns.begin(), plan_.parsed.columns.end(),
                               [&](const Column& c) { return c.identity == column.identity; });
      plan_.version_columns[v].push_back(
          same == plan_.parsed.columns.end() ? -1 : int(same - plan_.parsed.columns.begin()));
    }
  }
  return {};
}

const std::vector<Calendar>* CatalogueRegistry::calendars_of(const std::string& tenant) const {
  const TenantCalendars& planned = plan_.parsed.calendars;
  if (auto it = planned.tenants.find(tenant); it != planned.tenants.end()) return &it->second;
  return planned.unknown_set_aside ? nullptr : &planned.fallback;
}

Status CatalogueRegistry::check_calendars() {
  for (const auto& [id, name] : catalogue_.tenants()) {
    auto fixed = catalogue_.fixed_calendars(id);
    if (!fixed) continue;
    const std::vector<Calendar>* planned = calendars_of(name);
    if (planned && *planned != *fixed) {
      return Error{"tenant \"" + name + "\" was counted under the calendars " +
                   calendars_text(*fixed) + ", the plan now says " + calendars_text(*planned) +
                   kNewStoreAdvice};
    }
  }
  return {};
}

Status CatalogueRegistry::open_rules(const std::string& zoneinfo_dir) {
  std::set<std::string> names;
  auto add = [&](const std::vector<Calendar>& calendars) {
    for (const Calendar& c : calendars) names.insert(c.zone);
  };
  add(plan_.parsed.calendars.fallback);
  for (const auto& [tenant, calendars] : plan_.parsed.calendars.tenants) add(calendars);

  const RulesVersion newest = catalogue_.rules_versions();
  auto latest =
      newest ? catalogue_.rules(newest) : std::map<std::string, std::shared_ptr<const ZoneRules>>{};
  bool changed = newest == 0;
  for (const std::string& name : names) {
    QUIPU_ASSIGN(auto loaded, load_zone(name, zoneinfo_dir));
    auto known = latest.find(name);
    if (known != latest.end() && *known->second == loaded) continue;
    latest[name] = std::make_shared<const ZoneRules>(std::move(loaded));
    changed = true;
  }
  if (changed) {
    std::vector<ZoneRules> zones;
    for (const auto& [name, rules] : latest) zones.push_back(*rules);
    changed_ = true;
    catalogue_.add_rules_version(zones);
  }
  QUIPU_ASSIGN(auto no_offset, load_zone(plan_.parsed.time.no_offset, zoneinfo_dir));
  no_offset_ = std::make_shared<const ZoneRules>(std::move(no_offset));
  return {};
}

const Tenant* CatalogueRegistry::tenant(std::string_view name) {
  std::lock_guard lock(mutex_);
  std::string key(name);
  if (auto it = tenants_.find(key); it != tenants_.end()) return it->second;
  const std::vector<Calendar>* calendars = calendars_of(key);
  if (!calendars) return nullptr;  // not remembered: names of strangers must not fill memory
  Tenant tenant{catalogue_.tenant(name), tables_->calendar_set(*calendars)};
  tenant_storage_.push_back(tenant);
  set_of_tenant_[raw(tenant.id)] = tenant.calendar_set;
  return tenants_[std::move(key)] = &tenant_storage_.back();
}

const CompiledMetric* CatalogueRegistry::metric(std::string_view name) {
  std::lock_guard lock(mutex_);
  std::string key(name);
  if (auto it = metrics_.find(key); it != metrics_.end()) return it->second;
  if (plan_.parsed.sections_of(name).empty()) return nullptr;
  IdSource ids;
  ids.selector = [&](const Selector& s) {
    return catalogue_.selector(s.identity(), s.group, s.name);
  };
  ids.dimension = [&](const std::string& identity) { return catalogue_.dimension(identity); };
  ids.layout = [&](const SectionLayout& layout) { return catalogue_.layout(layout); };
  metric_storage_.push_back(compile_metric(plan_, name, versions_, ids));
  metric_storage_.back().index = uint32_t(metric_storage_.size() - 1);
  return metrics_[std::move(key)] = &metric_storage_.back();
}

std::shared_ptr<const MonthTable> CatalogueRegistry::month(const Tenant& tenant, MonthIndex month) {
  std::lock_guard lock(mutex_);
  auto table = tables_->table(tenant.id, tenant.calendar_set, month);
  CHECK(
      table.ok());  // the meta family was readable at open; a broken file since then is a fail stop
  return *table;
}

Status CatalogueRegistry::written(TenantId tenant, MonthIndex month) {
  std::lock_guard lock(mutex_);
  const uint32_t set = set_of_tenant_.at(raw(tenant));
  if (!catalogue_.fixed_calendars(tenant))
    catalogue_.fix_calendars(tenant, tables_->calendars(set));
  if (tables_->utc_only(set)) return {};
  QUIPU_ASSIGN(auto pinned, pin_of(tenant, month));
  if (!pinned) catalogue_.add_pin(tenant, month, tables_->current());
  return {};
}

}  // namespace quipu
