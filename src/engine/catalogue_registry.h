// What decoders ask about tenants, metrics and months, answered from the catalogue: tenant ids and
// calendars, compiled metrics, bucket tables under the pinned zone rules. Thread-safe; what it
// returns lives as long as it, a table of a month as long as somebody holds it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "event/decode.h"
#include "plan/compiled.h"
#include "store/catalogue.h"
#include "store/pinned_tables.h"
#include "store/store.h"

namespace quipu {

class CatalogueRegistry : public EventRegistry {
 public:
  // Everything is checked here: a changed mapping, or another calendar for a tenant that was
  // counted, is refused with the way out; a changed plan starts a new plan version, changed zone
  // rules a new rules version (both are committed with the next checkpoint). plan is the one of
  // this run.
  static Result<std::unique_ptr<CatalogueRegistry>> open(Plan plan, Store& store,
                                                         Catalogue& catalogue,
                                                         const std::string& zoneinfo_dir,
                                                         int64_t now_s);

  const Tenant* tenant(std::string_view name) override;
  const CompiledMetric* metric(std::string_view name) override;
  std::shared_ptr<const MonthTable> month(const Tenant& tenant, MonthIndex month) override;

  const CompiledPlan& plan() const { return plan_; }
  // The plan, or the zone rules, are new to the store: the next checkpoint makes them part of it.
  bool changed() const { return changed_; }
  std::shared_ptr<const ZoneRules> no_offset_zone() const { return no_offset_; }

  // Called by the checkpoint writer for every (tenant, month) with counted events: pins the month's
  // rules and fixes the tenant's calendars, once.
  Status written(TenantId tenant, MonthIndex month);

 private:
  CatalogueRegistry(Plan plan, Store& store, Catalogue& catalogue);
  const std::vector<Calendar>* calendars_of(
      const std::string& tenant) const;  // by the plan; null: set aside
  Status check_calendars();
  Status open_plan_versions(int64_t now_s);
  Status open_rules(const std::string& zoneinfo_dir);
  Result<std::optional<RulesVersion>> pin_of(TenantId tenant, MonthIndex month) const;

  Store& store_;
  Catalogue& catalogue_;
  CompiledPlan plan_;
  bool changed_ = false;
  std::vector<Plan> old_plans_;        // [v - 1], without the current one
  std::vector<const Plan*> versions_;  // [v]; index 0 unused
  std::shared_ptr<const ZoneRules> no_offset_;

  std::mutex mutex_;
  std::deque<Tenant> tenant_storage_;
  std::unordered_map<std::string, const Tenant*> tenants_;
  std::unordered_map<uint32_t, uint32_t> set_of_tenant_;  // by id
  std::deque<CompiledMetric> metric_storage_;
  std::unordered_map<std::string, const CompiledMetric*> metrics_;  // null: unplanned
  std::unique_ptr<PinnedTables> tables_;
};

}  // namespace quipu
