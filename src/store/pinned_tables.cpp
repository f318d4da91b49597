#include "store/pinned_tables.h"

#include "base/check.h"

namespace quipu {

PinnedTables::PinnedTables(const Catalogue& catalogue, PinOf pin_of)
    : pin_of_(std::move(pin_of)), current_(catalogue.rules_versions()) {
  for (RulesVersion v = 1; v <= current_; ++v) rules_[v] = catalogue.rules(v);
}

uint32_t PinnedTables::calendar_set(const std::vector<Calendar>& calendars) {
  for (size_t i = 0; i < sets_.size(); ++i) {
    if (sets_[i].calendars == calendars) return uint32_t(i);
  }
  CalendarSet set{calendars, true};
  for (const Calendar& c : calendars) set.utc_only = set.utc_only && c.zone == "UTC";
  sets_.push_back(std::move(set));
  return uint32_t(sets_.size() - 1);
}

Result<RulesVersion> PinnedTables::rules_version(TenantId tenant, uint32_t set, MonthIndex month) {
  if (sets_[set].utc_only) return current_;
  auto pinned = pin_of_(tenant, month);
  if (!pinned.ok()) return pinned.error();
  return pinned->value_or(current_);
}

std::shared_ptr<const ZoneRules> PinnedTables::zone(RulesVersion version, const std::string& name) {
  auto& zones = rules_[version];
  auto it = zones.find(name);
  CHECK(it != zones.end());  // a rules version holds every zone in use when it was made
  return it->second;
}

Result<const MonthTable*> PinnedTables::table(TenantId tenant, uint32_t set, MonthIndex month) {
  const uint64_t key = uint64_t(raw(tenant)) << 16 | month;
  if (auto it = months_.find(key); it != months_.end()) return it->second;
  TableKey table_key{set, month, current_, current_, current_};
  auto version_of = [&](MonthIndex m, RulesVersion& version) -> Status {
    auto found = rules_version(tenant, set, m);
    if (!found.ok()) return found.error();
    version = *found;
    return {};
  };
  QUIPU_TRY(version_of(month, table_key.current));
  if (month > 0) QUIPU_TRY(version_of(MonthIndex(month - 1), table_key.previous));
  if (month + 1 < kMonths) QUIPU_TRY(version_of(MonthIndex(month + 1), table_key.next));
  auto& table = tables_[table_key];
  if (!table) {
    std::vector<MonthTable::CalendarRules> calendars;
    for (const Calendar& c : sets_[set].calendars) {
      calendars.push_back({c, zone(table_key.previous, c.zone), zone(table_key.current, c.zone),
                           zone(table_key.next, c.zone)});
    }
    table = MonthTable::build(month, calendars);
  }
  return months_[key] = table.get();
}

}  // namespace quipu
