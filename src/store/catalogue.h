// The catalogue: gives out ids once and for ever, keeps plan versions, zone rules versions and
// pins. In memory whole (but for pins, which are read when needed); thread-safe by one mutex. New
// entries wait for take_pending() by the next checkpoint and are committed with it. Keys and values
// of its rows in the meta family stand at the top of catalogue_rows.h and in docs/formats.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cells/group_by.h"
#include "plan/compiled.h"
#include "store/store.h"
#include "time/month_table.h"
#include "time/zone.h"

namespace quipu {

struct PlanVersionEntry {
  std::string plan;              // Plan::serialise()
  uint64_t from_checkpoint = 0;  // counts from this checkpoint's events on
  int64_t from_time_s = 0;
  DayIndex reached_day = 0;  // every event counted before it is of an earlier UTC day
};

struct SelectorEntry {
  bool group = false;
  std::string name;
  std::string identity;
};

class Catalogue {
 public:
  static Result<std::unique_ptr<Catalogue>> load(Snapshot& snapshot);

  // Ids: found, or given out now.
  TenantId tenant(std::string_view name);
  SelectorId selector(const std::string& identity, bool group, const std::string& name);
  PropertyId property(const std::string& identity);
  DimensionId dimension(const std::string& identity);
  ValueId value(const std::string& name);
  LayoutId layout(const SectionLayout& layout);

  // Look-ups that give out nothing.
  std::optional<TenantId> find_tenant(std::string_view name) const;
  std::optional<SelectorId> find_selector(const std::string& identity) const;
  std::optional<PropertyId> find_property(const std::string& identity) const;
  std::optional<DimensionId> find_dimension(const std::string& identity) const;
  std::optional<ValueId> find_value(const std::string& name) const;
  std::string tenant_name(TenantId id) const;
  SelectorEntry selector_entry(SelectorId id) const;
  std::string dimension_identity(DimensionId id) const;
  std::string property_identity(PropertyId id) const;
  std::string value_name(ValueId id) const;
  const SectionLayout* layout(LayoutId id) const;  // valid for the catalogue's life
  std::vector<std::pair<TenantId, std::string>> tenants() const;
  std::vector<std::pair<SelectorId, SelectorEntry>> selectors() const;

  // Plan versions; the newest is the last. Version numbers are dense from 1.
  std::vector<PlanVersionEntry> plan_versions() const;
  PlanVersion add_plan_version(PlanVersionEntry entry);

  // Zone rules. A version holds the rules of every zone that was in use; versions are dense from 1.
  RulesVersion rules_versions() const;
  std::map<std::string, std::shared_ptr<const ZoneRules>> rules(RulesVersion version) const;
  RulesVersion add_rules_version(const std::vector<ZoneRules>& zones);
  // The rules version that (tenant, month) is pinned to, if any (committed or pending).
  Result<std::optional<RulesVersion>> pin(Snapshot& snapshot, TenantId tenant,
                                          MonthIndex month) const;
  // The same, where it is known without looking into the store.
  std::optional<std::optional<RulesVersion>> known_pin(TenantId tenant, MonthIndex month) const;
  void add_pin(TenantId tenant, MonthIndex month,
               RulesVersion version);  // no-op if it is known to be pinned

  // A tenant's calendars, fixed by its first counted event.
  std::optional<std::vector<Calendar>> fixed_calendars(TenantId tenant) const;
  void fix_calendars(TenantId tenant, const std::vector<Calendar>& calendars);

  // (tenant, selector, dimension) in which some event counted in several values.
  bool counted_in_several(TenantId tenant, SelectorId selector, DimensionId dimension) const;
  void add_several(const GroupByResult::Several& several);

  // What was added since the last take, for the checkpoint that is being written. What was taken
  // before is durable by then.
  std::vector<MetaPut> take_pending();

 private:
  struct State;
  mutable std::mutex mutex_;
  std::unique_ptr<State> state_;
  Catalogue();

 public:
  ~Catalogue();
};

}  // namespace quipu
