// Bucket tables of (tenant, UTC month) under the zone rules the month is pinned to, or, while it
// was never written, under the newest rules version. Tables are shared between tenants with equal
// calendars. A cache: what takes kMonthTableBytes is forgotten as a whole and made again when it is
// asked for; a table lives as long as somebody holds it. Not thread-safe.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/catalogue.h"
#include "store/store.h"
#include "time/month_table.h"

namespace quipu {

inline constexpr size_t kMonthTableBytes = size_t(8) << 20;

class PinnedTables {
 public:
  using Table = std::shared_ptr<const MonthTable>;
  // The rules version that a month is pinned to, if any.
  using PinOf = std::function<Result<std::optional<RulesVersion>>(TenantId, MonthIndex)>;
  // The newest rules version of the catalogue at this moment is the current one. The catalogue
  // outlives this.
  PinnedTables(const Catalogue& catalogue, PinOf pin_of, size_t most_bytes = kMonthTableBytes);

  // A number for a list of calendars; equal lists get the same.
  uint32_t calendar_set(const std::vector<Calendar>& calendars);
  const std::vector<Calendar>& calendars(uint32_t set) const { return sets_[set].calendars; }
  bool utc_only(uint32_t set) const { return sets_[set].utc_only; }  // nothing to pin

  Result<Table> table(TenantId tenant, uint32_t set, MonthIndex month);
  // That the month's instants are judged by.
  Result<RulesVersion> rules_version(TenantId tenant, uint32_t set, MonthIndex month);
  std::shared_ptr<const ZoneRules> zone(RulesVersion version, const std::string& name);
  RulesVersion current() const { return current_; }
  size_t bytes() const { return bytes_; }  // of the cache

 private:
  struct CalendarSet {
    std::vector<Calendar> calendars;
    bool utc_only = true;
  };
  struct TableKey {
    uint32_t set;
    MonthIndex month;
    std::array<RulesVersion, kMonthsOfTable> rules;
    auto operator<=>(const TableKey&) const = default;
  };
  Table build(const TableKey& key);

  PinOf pin_of_;
  RulesVersion current_;
  size_t most_bytes_;
  std::map<RulesVersion, std::map<std::string, std::shared_ptr<const ZoneRules>>> rules_;
  std::vector<CalendarSet> sets_;
  std::unordered_map<std::string, uint32_t> set_numbers_;  // by what their calendars are
  std::map<TableKey, Table> tables_;
  std::unordered_map<uint64_t, Table> months_;  // by tenant << 16 | month
  size_t bytes_ = 0;
};

}  // namespace quipu
