// A Directory in memory, for tests: plans from their texts, ids dense from 1, metrics compiled when they are
// first met, months under the system's zone rules. No store. Thread-safe as a Directory is.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event/decode.h"
#include "plan/compile_metric.h"

namespace quipu {

class TestDirectory : public Directory {
 public:
  // texts: the plan of each version, oldest first; the last is the current one. `directory`: of tenants files.
  // Ends the test program with the message if one of them is wrong.
  explicit TestDirectory(const std::vector<std::string>& texts, const std::string& directory = ".") {
    for (const std::string& text : texts) old_plans_.push_back(must(Plan::parse(text, "test.yaml", directory)));
    plan_.plan = old_plans_.back();
    plan_.version = PlanVersion(texts.size());
    versions_.push_back(nullptr);
    for (const Plan& plan : old_plans_) versions_.push_back(&plan);
    versions_.back() = &plan_.plan;
    for (const Column& column : plan_.plan.columns) plan_.columns.push_back(PropertyId(id_of(properties_, column.identity)));
    for (const ValueField& value : plan_.plan.values) plan_.values.push_back(ValueId(id_of(values_, value.name) - 1));
    plan_.version_columns.resize(versions_.size());
    for (size_t v = 1; v < versions_.size(); ++v)
      for (const Column& column : versions_[v]->columns) plan_.version_columns[v].push_back(column_of(column.identity));
    no_offset_ = zone(plan_.plan.time.no_offset);
  }
  explicit TestDirectory(const std::string& text) : TestDirectory(std::vector<std::string>{text}) {}

  const CompiledPlan& plan() const { return plan_; }
  std::shared_ptr<const ZoneRules> no_offset() const { return no_offset_; }

  const Tenant* tenant(std::string_view name) override {
    std::lock_guard lock(mutex_);
    std::string key(name);
    if (auto it = tenants_.find(key); it != tenants_.end()) return it->second;
    const TenantCalendars& planned = plan_.plan.calendars;
    auto own = planned.tenants.find(key);
    if (own == planned.tenants.end() && planned.unknown_set_aside) return nullptr;
    const std::vector<Calendar>& calendars = own == planned.tenants.end() ? planned.fallback : own->second;
    uint32_t set = 0;
    while (set < calendar_sets_.size() && calendar_sets_[set] != calendars) ++set;
    if (set == calendar_sets_.size()) calendar_sets_.push_back(calendars);
    tenant_storage_.push_back(Tenant{TenantId(uint32_t(tenant_storage_.size()) + 1), set});
    return tenants_[key] = &tenant_storage_.back();
  }

  const CompiledMetric* metric(std::string_view name) override {
    std::lock_guard lock(mutex_);
    std::string key(name);
    if (auto it = metrics_.find(key); it != metrics_.end()) return it->second;
    if (plan_.plan.sections_of(name).empty()) return nullptr;
    IdSource ids;
    ids.selector = [&](const Selector& s) { return SelectorId(id_of(selectors_, s.identity())); };
    ids.dimension = [&](const std::string& identity) { return DimensionId(id_of(dimensions_, identity)); };
    ids.layout = [&](const SectionLayout& layout) { return LayoutId(id_of(layouts_, encode_layout(layout))); };
    metric_storage_.push_back(compile_metric(plan_, name, versions_, ids));
    metric_storage_.back().index = uint32_t(metric_storage_.size() - 1);
    return metrics_[key] = &metric_storage_.back();
  }

  const MonthTable* month(const Tenant& tenant, MonthIndex month) override {
    std::lock_guard lock(mutex_);
    std::shared_ptr<const MonthTable>& table = months_[{tenant.calendar_set, month}];
    if (!table) {
      std::vector<MonthTable::CalendarRules> rules;
      for (const Calendar& calendar : calendar_sets_[tenant.calendar_set]) {
        auto loaded = zone(calendar.zone);
        rules.push_back({calendar, loaded, loaded, loaded});
      }
      table = MonthTable::build(month, rules);
    }
    return table.get();
  }

  // What was given out so far, by identity (properties, selectors, dimensions), name (values) or encoding (layouts).
  const std::map<std::string, uint32_t>& properties() const { return properties_; }
  const std::map<std::string, uint32_t>& selectors() const { return selectors_; }
  const std::map<std::string, uint32_t>& dimensions() const { return dimensions_; }
  const std::map<std::string, uint32_t>& layouts() const { return layouts_; }

 private:
  template <typename T>
  static T must(Result<T> result) {
    if (!result.ok()) {
      std::fprintf(stderr, "test directory: %s\n", result.error().message.c_str());
      std::abort();
    }
    return std::move(result).value();
  }
  static uint32_t id_of(std::map<std::string, uint32_t>& ids, const std::string& identity) {
    return ids.try_emplace(identity, uint32_t(ids.size()) + 1).first->second;
  }
  int column_of(const std::string& identity) const {
    const std::vector<Column>& columns = plan_.plan.columns;
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].identity == identity) return int(i);
    return -1;
  }
  std::shared_ptr<const ZoneRules> zone(const std::string& name) {
    std::shared_ptr<const ZoneRules>& rules = zones_[name];
    if (!rules) rules = std::make_shared<const ZoneRules>(must(load_zone(name)));
    return rules;
  }

  std::deque<Plan> old_plans_;
  std::vector<const Plan*> versions_;
  CompiledPlan plan_;
  std::shared_ptr<const ZoneRules> no_offset_;

  std::mutex mutex_;
  std::map<std::string, uint32_t> properties_, values_, selectors_, dimensions_, layouts_;
  std::map<std::string, std::shared_ptr<const ZoneRules>> zones_;
  std::vector<std::vector<Calendar>> calendar_sets_;
  std::deque<Tenant> tenant_storage_;
  std::map<std::string, const Tenant*> tenants_;
  std::deque<CompiledMetric> metric_storage_;
  std::map<std::string, const CompiledMetric*> metrics_;
  std::map<std::pair<uint32_t, MonthIndex>, std::shared_ptr<const MonthTable>> months_;
};

}  // namespace quipu
