// A view of a store that holds plans, a tenant and its calendars but no counts: for tests of this
// folder.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "query/view.h"
#include "store/store_model.h"

namespace quipu {

inline constexpr char kTestTenant[] = "shop";

// Versions of a plan, each planned at its own checkpoint and second unless times say otherwise. The
// metrics in `met` have ids, as if events of them had been counted.
class TestView {
 public:
  TestView(const std::vector<std::string>& plans, const std::vector<std::string>& met,
           std::vector<int64_t> times = {}) {
    auto store = Store::open(folder_ / "store", test_options());
    EXPECT_TRUE(store.ok());
    store_ = std::move(*store);
    auto catalogue = Catalogue::load(*store_->snapshot());
    EXPECT_TRUE(catalogue.ok());
    catalogue_ = std::move(*catalogue);
    for (size_t v = 0; v < plans.size(); ++v) {
      auto plan = Plan::parse(plans[v], "plan.yaml", ".");
      EXPECT_TRUE(plan.ok()) << plan.error().message;
      add_plan(*plan, met, times.empty() ? 1000 + int64_t(v) : times[v]);
      commit();
    }
    snapshot_ = store_->snapshot();
    auto view = StoreView::open(*catalogue_, *snapshot_, store_->hasher());
    EXPECT_TRUE(view.ok()) << view.error().message;
    view_ = std::move(*view);
  }

  StoreView& operator*() { return *view_; }
  StoreView* operator->() { return view_.get(); }
  Catalogue& catalogue() { return *catalogue_; }
  TenantId tenant() const { return *catalogue_->find_tenant(kTestTenant); }

 private:
  void add_plan(const Plan& plan, const std::vector<std::string>& met, int64_t time_s) {
    catalogue_->add_plan_version({plan.serialise(), store_->committed().checkpoint + 1, time_s});
    const std::vector<Calendar>& calendars = plan.calendars.fallback;
    if (!catalogue_->rules_versions()) {
      std::set<std::string> names;
      for (const Calendar& c : calendars) names.insert(c.zone);
      std::vector<ZoneRules> zones;
      for (const std::string& name : names) zones.push_back(load_zone(name).value());
      catalogue_->add_rules_version(zones);
      catalogue_->fix_calendars(catalogue_->tenant(kTestTenant), calendars);
    }
    for (const Column& column : plan.columns) catalogue_->property(column.identity);
    for (const ValueField& value : plan.values) catalogue_->value(value.name);
    for (const std::string& metric : met) {
      for (const PlannedSection& section : plan.sections_of(metric)) {
        catalogue_->selector(section.selector.identity(), section.selector.group,
                             section.selector.name);
        for (const PlannedDimension& dimension : section.dimensions)
          catalogue_->dimension(dimension.identity);
      }
    }
  }

  void commit() {
    CheckpointWrite write;
    write.state = store_->committed();
    ++write.state.checkpoint;
    write.cells = [](const RowSink&) { return Status(); };
    write.catalogue = [&] { return catalogue_->take_pending(); };
    EXPECT_TRUE(store_->commit(std::move(write)).ok());
  }

  TestFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<Snapshot> snapshot_;
  std::unique_ptr<StoreView> view_;
};

template <typename T>
std::string message_of(const T& result) {
  return result.ok() ? "no error" : result.error().message;
}

}  // namespace quipu
