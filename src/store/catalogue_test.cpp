#include "store/catalogue.h"

#include <gtest/gtest.h>

#include <thread>

#include "store/store_model.h"

namespace quipu {
namespace {

// Rows of the meta family in a map.
class MapSnapshot : public Snapshot {
 public:
  std::map<std::string, std::string> rows;
  int gets = 0;

  void commit(Catalogue& catalogue) {
    for (MetaPut& put : catalogue.take_pending()) rows[put.key] = put.value;
  }
  const CommittedState& state() const override { return state_; }
  Status scan_cells(std::string_view, std::string_view,
                    const std::function<bool(std::string_view, std::string_view)>&) override {
    return {};
  }
  Status get_cells(const std::vector<std::string>&, std::vector<std::string>&) override {
    return {};
  }
  Result<std::string> seek_cell_key(std::string_view) override { return std::string(); }
  Result<std::vector<std::string>> names(TenantId, PropertyId, uint64_t) override {
    return std::vector<std::string>();
  }
  Status names_of(TenantId, PropertyId, std::span<const uint64_t>,
                  const std::function<void(size_t, std::string_view)>&) override {
    return {};
  }
  Status scan_names(TenantId, PropertyId,
                    const std::function<bool(uint64_t, std::string_view)>&) override {
    return {};
  }
  Status scan_meta(std::string_view prefix,
                   const std::function<bool(std::string_view, std::string_view)>& visit) override {
    for (auto it = rows.lower_bound(std::string(prefix));
         it != rows.end() && it->first.starts_with(prefix); ++it) {
      if (!visit(it->first, it->second)) break;
    }
    return {};
  }
  Result<std::string> get_meta(std::string_view key) override {
    ++gets;
    auto it = rows.find(std::string(key));
    return it == rows.end() ? std::string() : it->second;
  }

 private:
  CommittedState state_;
};

std::unique_ptr<Catalogue> load(Snapshot& snapshot) {
  auto catalogue = Catalogue::load(snapshot);
  EXPECT_TRUE(catalogue.ok()) << catalogue.error().message;
  return catalogue.ok() ? std::move(*catalogue) : nullptr;
}

SectionLayout layout_of(uint32_t column) {
  SectionLayout layout;
  layout.columns = {PropertyId(column), PropertyId(column + 1)};
  layout.dimensions.resize(2);
  layout.dimensions[0].id = DimensionId(1);
  layout.dimensions[1].id = DimensionId(2);
  layout.dimensions[1].positions = {0, 1};
  return layout;
}

ZoneRules zone_of(const std::string& name, int32_t offset_s) {
  ZoneRules zone;
  zone.name = name;
  zone.first_offset_s = offset_s;
  zone.transitions = {{900 * 4000, offset_s + 3600}, {900 * 9000, offset_s}};
  return zone;
}

TEST(Catalogue, GivesOutDenseIdsOnceAndForEver) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  EXPECT_EQ(catalogue->find_tenant("b"), std::nullopt);
  EXPECT_EQ(catalogue->tenant("b"), TenantId(1));
  EXPECT_EQ(catalogue->tenant("a"), TenantId(2));
  EXPECT_EQ(catalogue->tenant("b"), TenantId(1));
  EXPECT_EQ(catalogue->selector("{clicked}", false, "clicked"), SelectorId(1));
  EXPECT_EQ(catalogue->selector("{engaged}", true, "engaged"), SelectorId(2));
  EXPECT_EQ(catalogue->property("p"), PropertyId(1));
  EXPECT_EQ(catalogue->dimension("d"), DimensionId(1));
  EXPECT_EQ(catalogue->value("revenue"), ValueId(0));
  EXPECT_EQ(catalogue->value("units"), ValueId(1));
  EXPECT_EQ(catalogue->layout(layout_of(1)), LayoutId(1));
  EXPECT_EQ(catalogue->layout(layout_of(3)), LayoutId(2));
  EXPECT_EQ(catalogue->layout(layout_of(1)), LayoutId(1));
  const SectionLayout* stable = catalogue->layout(LayoutId(1));
  for (uint32_t i = 10; i < 200; ++i) catalogue->layout(layout_of(i));
  EXPECT_EQ(catalogue->layout(LayoutId(1)), stable) << "pointers stay";
  snapshot.commit(*catalogue);
  EXPECT_TRUE(catalogue->take_pending().empty());

  catalogue = load(snapshot);
  EXPECT_TRUE(catalogue->take_pending().empty());
  EXPECT_EQ(catalogue->find_tenant("a"), TenantId(2));
  EXPECT_EQ(catalogue->tenant("c"), TenantId(3));
  EXPECT_EQ(catalogue->tenant_name(TenantId(1)), "b");
  EXPECT_EQ(catalogue->tenant_name(TenantId(9)), "");
  EXPECT_EQ(catalogue->tenant_name(TenantId::none), "");
  const SelectorEntry entry = catalogue->selector_entry(SelectorId(2));
  EXPECT_TRUE(entry.group);
  EXPECT_EQ(entry.name, "engaged");
  EXPECT_EQ(entry.identity, "{engaged}");
  EXPECT_EQ(catalogue->find_selector("{clicked}"), SelectorId(1));
  EXPECT_FALSE(catalogue->selector_entry(SelectorId(1)).group);
  EXPECT_EQ(catalogue->selectors().size(), 2u);
  EXPECT_EQ(catalogue->find_property("p"), PropertyId(1));
  EXPECT_EQ(catalogue->property_identity(PropertyId(1)), "p");
  EXPECT_EQ(catalogue->find_dimension("d"), DimensionId(1));
  EXPECT_EQ(catalogue->dimension_identity(DimensionId(1)), "d");
  EXPECT_EQ(catalogue->find_value("units"), ValueId(1));
  EXPECT_EQ(catalogue->value_name(ValueId(0)), "revenue");
  EXPECT_EQ(catalogue->value("third"), ValueId(2));
  EXPECT_EQ(catalogue->find_value("none"), std::nullopt);
  ASSERT_NE(catalogue->layout(LayoutId(2)), nullptr);
  EXPECT_EQ(catalogue->layout(LayoutId(2))->columns, layout_of(3).columns);
  EXPECT_EQ(catalogue->layout(LayoutId(2))->dimensions[1].positions, (std::vector<uint8_t>{0, 1}));
  EXPECT_EQ(catalogue->layout(LayoutId(999)), nullptr);
  EXPECT_EQ(catalogue->layout(layout_of(3)), LayoutId(2));
  EXPECT_EQ(catalogue->tenants().size(), 3u);
}

TEST(Catalogue, OrderOfIdsSurvivesAByteBoundary) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  for (int i = 1; i <= 700; ++i)
    EXPECT_EQ(raw(catalogue->tenant("t" + std::to_string(i))), uint32_t(i));
  snapshot.commit(*catalogue);
  catalogue = load(snapshot);
  for (int i = 1; i <= 700; ++i)
    EXPECT_EQ(catalogue->tenant_name(TenantId(uint32_t(i))), "t" + std::to_string(i));
}

TEST(Catalogue, KeepsPlanVersions) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  EXPECT_TRUE(catalogue->plan_versions().empty());
  EXPECT_EQ(catalogue->add_plan_version({"plan one", 1, 1000}), 1);
  EXPECT_EQ(catalogue->add_plan_version({std::string("two\0", 4), 12, 2000, 20500}), 2);
  snapshot.commit(*catalogue);
  EXPECT_EQ(snapshot.rows.at(std::string("reached/\0\0\0\2", 12)), "\1\x94\xa0\1");
  const auto versions = load(snapshot)->plan_versions();
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].plan, "plan one");
  EXPECT_EQ(versions[1].plan, std::string("two\0", 4));
  EXPECT_EQ(versions[1].from_checkpoint, 12u);
  EXPECT_EQ(versions[1].from_time_s, 2000);
  EXPECT_EQ(versions[0].reached_day, 0u);
  EXPECT_EQ(versions[1].reached_day, 20500u);
  snapshot.rows[std::string("reached/\0\0\0\3", 12)] = "\1\5";
  EXPECT_FALSE(Catalogue::load(snapshot).ok()) << "of a version that is not there";
}

TEST(Catalogue, KeepsZoneRulesByVersion) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  EXPECT_EQ(catalogue->rules_versions(), 0);
  EXPECT_EQ(catalogue->add_rules_version({zone_of("A", 3600), zone_of("B", 7200)}), 1);
  EXPECT_EQ(catalogue->add_rules_version({zone_of("A", 0)}), 2);
  snapshot.commit(*catalogue);
  catalogue = load(snapshot);
  ASSERT_EQ(catalogue->rules_versions(), 2);
  ASSERT_EQ(catalogue->rules(1).size(), 2u);
  EXPECT_EQ(*catalogue->rules(1).at("B"), zone_of("B", 7200));
  EXPECT_EQ(*catalogue->rules(2).at("A"), zone_of("A", 0));
  EXPECT_TRUE(catalogue->rules(3).empty());
  EXPECT_TRUE(catalogue->rules(0).empty());
}

TEST(Catalogue, PinsAreSeenWhilePendingAndLater) {
  MapSnapshot empty, snapshot;
  auto catalogue = load(snapshot);
  catalogue->add_rules_version({zone_of("A", 3600)});
  catalogue->add_rules_version({zone_of("A", 0)});
  EXPECT_EQ(*catalogue->pin(snapshot, TenantId(1), 600), std::nullopt);
  catalogue->add_pin(TenantId(1), 600, 1);
  catalogue->add_pin(TenantId(1), 600, 2);  // pinned already
  EXPECT_EQ(*catalogue->pin(snapshot, TenantId(1), 600), 1);
  snapshot.commit(*catalogue);
  EXPECT_EQ(*catalogue->pin(empty, TenantId(1), 600), 1) << "also in a snapshot of before";
  EXPECT_EQ(*catalogue->pin(snapshot, TenantId(1), 601), std::nullopt);
  EXPECT_EQ(*catalogue->pin(snapshot, TenantId(2), 600), std::nullopt);

  catalogue = load(snapshot);
  snapshot.gets = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*catalogue->pin(snapshot, TenantId(1), 600), 1);
    EXPECT_EQ(*catalogue->pin(snapshot, TenantId(1), 601), std::nullopt);
  }
  EXPECT_EQ(snapshot.gets, 2) << "each read once";
  catalogue->add_pin(TenantId(1), 601, 2);
  EXPECT_EQ(*catalogue->pin(snapshot, TenantId(1), 601), 2);
}

TEST(Catalogue, FixesATenantsCalendarsOnce) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  const std::vector<Calendar> calendars{{"utc", "UTC", WeekStart::monday},
                                        {"us", "America/New_York", WeekStart::sunday}};
  const TenantId tenant = catalogue->tenant("shop");
  const TenantId other = catalogue->tenant("other");
  EXPECT_EQ(catalogue->fixed_calendars(tenant), std::nullopt);
  snapshot.commit(*catalogue);
  catalogue->fix_calendars(tenant, calendars);
  catalogue->fix_calendars(tenant, {});
  EXPECT_EQ(catalogue->fixed_calendars(tenant), calendars);
  snapshot.commit(*catalogue);
  catalogue = load(snapshot);
  EXPECT_EQ(catalogue->fixed_calendars(tenant), calendars);
  EXPECT_EQ(catalogue->fixed_calendars(other), std::nullopt);
  EXPECT_EQ(catalogue->fixed_calendars(TenantId(77)), std::nullopt);
  EXPECT_EQ(catalogue->tenant_name(tenant), "shop");
}

TEST(Catalogue, RemembersWhereAnEventCountedInSeveralValues) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  const GroupByResult::Several several{TenantId(1), SelectorId(2), DimensionId(3)};
  catalogue->add_several(several);
  catalogue->add_several(several);
  EXPECT_EQ(catalogue->take_pending().size(), 1u);
  catalogue->add_several({TenantId(1), SelectorId(2), DimensionId(4)});
  snapshot.commit(*catalogue);
  catalogue = load(snapshot);
  EXPECT_TRUE(catalogue->counted_in_several(TenantId(1), SelectorId(2), DimensionId(4)));
  EXPECT_FALSE(catalogue->counted_in_several(TenantId(1), SelectorId(2), DimensionId(3)))
      << "that row was not committed";
  EXPECT_FALSE(catalogue->counted_in_several(TenantId(2), SelectorId(2), DimensionId(4)));
}

TEST(Catalogue, HasTheStoredBytes) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  catalogue->tenant("ab");
  catalogue->fix_calendars(TenantId(1), {{"n", "UTC", WeekStart::sunday}});
  catalogue->selector("id", true, "g");
  catalogue->property("p");
  catalogue->dimension("d");
  catalogue->value("v");
  catalogue->add_plan_version({"plan", 3, 2});
  catalogue->add_rules_version({});
  catalogue->add_pin(TenantId(1), 0x0203, 1);
  catalogue->add_several({TenantId(1), SelectorId(2), DimensionId(3)});
  snapshot.commit(*catalogue);
  auto bytes = [](std::string_view b) { return std::string(b); };
  using namespace std::literals;
  const std::map<std::string, std::string> expected{
      {bytes("tenant/\0\0\0\1"sv), bytes("\1\2ab\1\1\1n\3UTC\6"sv)},
      {bytes("selector/\0\0\0\1"sv), bytes("\1\1\1g\2id"sv)},
      {bytes("property/\0\0\0\1"sv), bytes("\1\1p"sv)},
      {bytes("dimension/\0\0\0\1"sv), bytes("\1\1d"sv)},
      {bytes("value/\0\0\0\0"sv), bytes("\1\1v"sv)},
      {bytes("plan/\0\0\0\1"sv), bytes("\1\3\4plan"sv)},
      {bytes("rules/\0\0\0\1"sv), bytes("\1\0"sv)},
      {bytes("pin/\0\0\0\1\2\3"sv), bytes("\1\1\0"sv)},
      {bytes("several/\0\0\0\1\0\0\0\2\0\0\0\3"sv), bytes("\1"sv)},
  };
  EXPECT_EQ(snapshot.rows, expected);
}

TEST(Catalogue, AMissingOrBrokenRowIsAnError) {
  MapSnapshot whole;
  auto catalogue = load(whole);
  for (const char* text : {"a", "b", "c"}) {
    catalogue->fix_calendars(catalogue->tenant(text), {{text, "UTC", WeekStart::monday}});
    catalogue->selector(text, false, text);
    catalogue->property(text);
    catalogue->dimension(text);
    catalogue->value(text);
    catalogue->add_plan_version({text, 1, 1});
    catalogue->add_rules_version({zone_of(text, 0)});
  }
  catalogue->layout(layout_of(1));
  catalogue->layout(layout_of(2));
  catalogue->layout(layout_of(3));
  whole.commit(*catalogue);
  for (const auto& [key, value] : whole.rows) {
    MapSnapshot broken;
    broken.rows = whole.rows;
    broken.rows[key][0] = 9;
    EXPECT_FALSE(Catalogue::load(broken).ok()) << key << ": another version";
    if (!key.starts_with("plan/")) {  // a plan's text may have any length
      broken.rows[key] = value.substr(0, value.size() - 1);
      EXPECT_FALSE(Catalogue::load(broken).ok()) << key << ": cut";
    }
    if (key.back() != '\3' && !(key.starts_with("value/") && key.back() == '\2')) {
      broken.rows = whole.rows;
      broken.rows.erase(key);
      EXPECT_FALSE(Catalogue::load(broken).ok()) << key << ": missing";
    }
  }
  MapSnapshot pins;
  pins.rows = whole.rows;
  catalogue = load(pins);
  pins.rows[std::string("pin/\0\0\0\1\2\3", 10)] = std::string("\1\7\0", 3);
  EXPECT_FALSE(catalogue->pin(pins, TenantId(1), 0x0203).ok()) << "a version that there is not";
}

TEST(Catalogue, GivesOneIdToManyThreads) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  std::vector<std::vector<TenantId>> ids(4);
  std::vector<std::thread> threads;
  for (auto& mine : ids) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) mine.push_back(catalogue->tenant("t" + std::to_string(i)));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : ids) EXPECT_EQ(mine, ids[0]);
  EXPECT_EQ(catalogue->tenants().size(), 500u);
}

TEST(Catalogue, LivesInTheStoreWithTheCheckpoint) {
  TestFolder folder;
  auto opened = Store::open(folder / "data", test_options());
  ASSERT_TRUE(opened.ok());
  std::unique_ptr<Store> store = std::move(*opened);
  auto catalogue = load(*store->snapshot());
  for (uint64_t n = 1; n <= 4; ++n) {
    catalogue->tenant("tenant " + std::to_string(n));
    CheckpointWrite write;
    write.state.checkpoint = n;
    write.expected_bytes = test_bytes(TestWay::mixed, n);
    write.cells = [&](const RowSink&)
        -> Status {  // what the group-by finds is committed with its own checkpoint
      catalogue->fix_calendars(TenantId(uint32_t(n)), {{"utc", "UTC", WeekStart::monday}});
      return {};
    };
    write.catalogue = [&] { return catalogue->take_pending(); };
    ASSERT_TRUE(store->commit(std::move(write)).ok());
    auto again = load(*store->snapshot());
    EXPECT_EQ(again->tenants().size(), n);
    EXPECT_TRUE(again->fixed_calendars(TenantId(uint32_t(n))).has_value());
  }
  store.reset();
  opened = Store::open(folder / "data", test_options(false));
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(load(*(*opened)->snapshot())->find_tenant("tenant 3"), TenantId(3));
}

TEST(Catalogue, APinIsKnownFromItsFirstMomentOnWhateverIsDurable) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  catalogue->add_rules_version({ZoneRules{"Etc/Here", 3600, {}}});
  catalogue->add_rules_version({ZoneRules{"Etc/Here", 7200, {}}});
  const TenantId tenant{7};
  const auto pin = [&](MonthIndex month) { return *catalogue->pin(snapshot, tenant, month); };
  EXPECT_FALSE(catalogue->known_pin(tenant, 600));
  EXPECT_EQ(pin(600), std::nullopt);
  const auto known = catalogue->known_pin(tenant, 600);
  ASSERT_TRUE(known.has_value()) << "it is remembered that there is none";
  EXPECT_EQ(*known, std::nullopt);
  catalogue->add_pin(tenant, 600, 2);
  EXPECT_EQ(pin(600), 2);
  catalogue->add_pin(tenant, 600, 1);
  EXPECT_EQ(pin(600), 2) << "it stays";
  // Taken by a checkpoint that is not yet in the store.
  std::vector<MetaPut> taken = catalogue->take_pending();
  EXPECT_EQ(pin(600), 2);
  for (MetaPut& put : taken) snapshot.rows[put.key] = put.value;
  catalogue->add_pin(tenant, 601, 1);
  for (int checkpoint = 0; checkpoint < 3; ++checkpoint) {
    snapshot.commit(*catalogue);
    EXPECT_EQ(pin(600), 2);
    EXPECT_EQ(pin(601), 1);
    catalogue->add_pin(tenant, 600, 1);
  }
  EXPECT_TRUE(catalogue->take_pending().empty()) << "nothing was pinned anew";
  catalogue = load(snapshot);
  EXPECT_EQ(pin(600), 2);
  EXPECT_EQ(pin(601), 1);
  EXPECT_EQ(pin(602), std::nullopt);
}

TEST(Catalogue, VersionsShareTheRulesOfAZoneThatDidNotChange) {
  MapSnapshot snapshot;
  auto catalogue = load(snapshot);
  const ZoneRules same{"Etc/Same", 3600, {}};
  catalogue->add_rules_version({same, ZoneRules{"Etc/Other", 0, {}}});
  catalogue->add_rules_version({same, ZoneRules{"Etc/Other", 900, {}}});
  for (int loaded = 0; loaded < 2; ++loaded) {
    EXPECT_EQ(catalogue->rules(1).at("Etc/Same"), catalogue->rules(2).at("Etc/Same"));
    EXPECT_EQ(catalogue->rules(1).at("Etc/Other")->first_offset_s, 0);
    EXPECT_EQ(catalogue->rules(2).at("Etc/Other")->first_offset_s, 900);
    snapshot.commit(*catalogue);
    catalogue = load(snapshot);
  }
}

}  // namespace
}  // namespace quipu
