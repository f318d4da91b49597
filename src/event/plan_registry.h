// A EventRegistry of one plan in memory, without a store: ids dense from 1, metrics compiled when
// they are first met, months under the zone rules of today. For looking at samples (`quipu check`),
// and for tests. Thread-safe as a EventRegistry is.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/decode.h"
#include "plan/compile_metric.h"

namespace quipu {

class PlanRegistry : public EventRegistry {
 public:
  // zoneinfo_dir: where zones are (empty: the system's). Fails if a zone of the plan cannot be
  // read.
  static Result<std::unique_ptr<PlanRegistry>> open(Plan plan,
                                                    const std::string& zoneinfo_dir = "");

  const CompiledPlan& plan() const { return plan_; }
  std::shared_ptr<const ZoneRules> no_offset() const {
    return zones_.at(plan_.parsed.time.no_offset);
  }
  const std::vector<Calendar>& calendars(const Tenant& tenant) const {
    return *calendar_sets_[tenant.calendar_set];
  }
  std::string tenant_name(TenantId id) const;

  const Tenant* tenant(std::string_view name) override;
  const CompiledMetric* metric(std::string_view name) override;
  std::shared_ptr<const MonthTable> month(const Tenant& tenant, MonthIndex month) override;

 private:
  explicit PlanRegistry(Plan plan) { plan_.parsed = std::move(plan); }

  CompiledPlan plan_;
  std::vector<const Plan*> versions_;
  std::map<std::string, std::shared_ptr<const ZoneRules>> zones_;

  mutable std::mutex mutex_;
  std::map<std::string, uint32_t> selectors_, dimensions_;  // by identity
  std::deque<const std::vector<Calendar>*> calendar_sets_;  // of plan_
  std::deque<Tenant> tenant_storage_;                       // [id - 1]
  std::map<std::string, const Tenant*, std::less<>> tenants_;
  std::deque<CompiledMetric> metric_storage_;
  std::map<std::string, const CompiledMetric*, std::less<>> metrics_;
  std::map<std::pair<uint32_t, MonthIndex>, std::shared_ptr<const MonthTable>> months_;
};

}  // namespace quipu
