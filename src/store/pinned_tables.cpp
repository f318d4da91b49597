#include "store/pinned_tables.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace quipu {
namespace {

// What an entry of the maps takes beside the table itself, by estimate.
constexpr size_t kTableEntryBytes = 96, kMonthEntryBytes = 64;

std::string text_of(const std::vector<Calendar>& calendars) {
  std::string text;
  ByteWriter w(text);
  for (const Calendar& c : calendars) {
    w.sized(c.name);
    w.sized(c.zone);
    w.u8(uint8_t(c.week_start));
  }
  return text;
}

}  // namespace

PinnedTables::PinnedTables(const Catalogue& catalogue, PinOf pin_of, size_t most_bytes)
    : pin_of_(std::move(pin_of)), current_(catalogue.rules_versions()), most_bytes_(most_bytes) {
  for (RulesVersion v = 1; v <= current_; ++v) rules_[v] = catalogue.rules(v);
}

uint32_t PinnedTables::calendar_set(const std::vector<Calendar>& calendars) {
  const auto [place, fresh] = set_numbers_.try_emplace(text_of(calendars), uint32_t(sets_.size()));
  if (fresh) {
    const bool utc_only = std::all_of(calendars.begin(), calendars.end(),
                                      [](const Calendar& c) { return c.zone == "UTC"; });
    sets_.push_back({calendars, utc_only});
  }
  return place->second;
}

PinnedTables::Table PinnedTables::build(const TableKey& key) {
  std::vector<MonthTable::CalendarRules> calendars;
  for (const Calendar& c : sets_[key.set].calendars) {
    MonthTable::CalendarRules rules{c, {}};
    for (size_t i = 0; i < key.rules.size(); ++i) rules.rules[i] = zone(key.rules[i], c.zone);
    calendars.push_back(std::move(rules));
  }
  return MonthTable::build(key.month, calendars);
}

std::shared_ptr<const ZoneRules> PinnedTables::zone(RulesVersion version, const std::string& name) {
  auto& zones = rules_[version];
  auto it = zones.find(name);
  CHECK(it != zones.end());  // a rules version holds every zone in use when it was made
  return it->second;
}

Result<RulesVersion> PinnedTables::rules_version(TenantId tenant, uint32_t set, MonthIndex month) {
  if (sets_[set].utc_only) return current_;
  QUIPU_ASSIGN(auto pinned, pin_of_(tenant, month));
  return pinned.value_or(current_);
}

Result<PinnedTables::Table> PinnedTables::table(TenantId tenant, uint32_t set, MonthIndex month) {
  const uint64_t tenant_month = uint64_t(raw(tenant)) << 16 | month;
  if (auto it = months_.find(tenant_month); it != months_.end()) return it->second;
  TableKey key{set, month, {}};
  for (int i = 0; i < kMonthsOfTable; ++i) {
    const int of = std::clamp(month + i - kMonthsAround, 0, kMonths - 1);
    QUIPU_ASSIGN(key.rules[size_t(i)], rules_version(tenant, set, MonthIndex(of)));
  }
  const auto known = tables_.find(key);
  const Table table = known != tables_.end() ? known->second : build(key);
  const size_t whole = kMonthEntryBytes + kTableEntryBytes + table->bytes();
  size_t added = known != tables_.end() ? kMonthEntryBytes : whole;
  if (bytes_ + added > most_bytes_) {
    months_.clear();
    tables_.clear();
    bytes_ = 0;
    added = whole;
  }
  bytes_ += added;
  tables_.emplace(key, table);
  months_.emplace(tenant_month, table);
  return table;
}

}  // namespace quipu
