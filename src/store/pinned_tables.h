// Bucket tables of (tenant, UTC month) under the zone rules the month is pinned to, or, while it
// was never written, under the newest rules version. Tables are shared between tenants with equal
// calendars. Not thread-safe; what it returns lives as long as it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "store/catalogue.h"
#include "store/store.h"
#include "time/month_table.h"

namespace quipu {

class PinnedTables {
 public:
  // The rules version that a month is pinned to, if any.
  using PinOf = std::function<Result<std::optional<RulesVersion>>(TenantId, MonthIndex)>;
  // The newest rules version of the catalogue at this moment is the current one. The catalogue
  // outlives this.
  PinnedTables(const Catalogue& catalogue, PinOf pin_of);

  // A number for a list of calendars; equal lists get the same.
  uint32_t calendar_set(const std::vector<Calendar>& calendars);
  const std::vector<Calendar>& calendars(uint32_t set) const { return sets_[set].calendars; }
  bool utc_only(uint32_t set) const { return sets_[set].utc_only; }  // nothing to pin

  Result<const MonthTable*> table(TenantId tenant, uint32_t set, MonthIndex month);
  Result<RulesVersion> rules_version(TenantId tenant, uint32_t set, MonthIndex month);
  std::shared_ptr<const ZoneRules> zone(RulesVersion version, const std::string& name);
  RulesVersion current() const { return current_; }

 private:
  struct CalendarSet {
    std::vector<Calendar> calendars;
    bool utc_only = true;
  };
  struct TableKey {
    uint32_t set;
    MonthIndex month;
    RulesVersion previous, current, next;
    auto operator<=>(const TableKey&) const = default;
  };
  PinOf pin_of_;
  RulesVersion current_;
  std::map<RulesVersion, std::map<std::string, std::shared_ptr<const ZoneRules>>> rules_;
  std::vector<CalendarSet> sets_;
  std::map<TableKey, std::shared_ptr<const MonthTable>> tables_;
  std::unordered_map<uint64_t, const MonthTable*> months_;  // by tenant << 16 | month
};

}  // namespace quipu
