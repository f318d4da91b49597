#include "engine/catalogue_registry.h"

#include <filesystem>

#include "engine/test_engine.h"

namespace quipu {
namespace {

constexpr int64_t kJuly = 1782864000;  // 2026-07-01
constexpr int64_t kAugust = 1785542400;

// The calendars of kTestPlan's tenant.
std::string with_calendars(const std::string& calendars) {
  return std::string(kTestPlan) + "calendars: " + calendars + "\n";
}
const std::string kBerlin = "{default: [{zone: Europe/Berlin}]}";

// A store whose catalogue is asked through directories, one after the other.
class CatalogueRegistryTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    registry_.reset();
    catalogue_.reset();
    store_.reset();
    auto store = Store::open(folder_ / "store", test_options());
    ASSERT_TRUE(store.ok()) << message_of(store);
    store_ = std::move(*store);
    auto catalogue = Catalogue::load(*store_->snapshot());
    ASSERT_TRUE(catalogue.ok()) << message_of(catalogue);
    catalogue_ = std::move(*catalogue);
  }

  Status open(const std::string& plan, const std::string& zoneinfo_dir = "") {
    registry_.reset();
    auto registry = CatalogueRegistry::open(parse_test_plan(plan, folder_.path(), zoneinfo_dir),
                                            *store_, *catalogue_, zoneinfo_dir, ++now_s_);
    if (!registry.ok()) return registry.error();
    registry_ = std::move(*registry);
    return {};
  }

  // A checkpoint of what the catalogue has that is new.
  void commit() {
    CheckpointWrite write;
    write.state = store_->committed();
    ++write.state.checkpoint;
    write.cells = [](const RowSink&) { return Status(); };
    write.catalogue = [&] { return catalogue_->take_pending(); };
    auto stats = store_->commit(std::move(write));
    ASSERT_TRUE(stats.ok()) << message_of(stats);
  }

  // Events of the tenant in that month are counted and committed.
  void count(const std::string& tenant, int64_t month_s) {
    const Tenant* t = registry_->tenant(tenant);
    ASSERT_NE(t, nullptr);
    ASSERT_TRUE(registry_->written(t->id, month_of(month_s)).ok());
    commit();
  }

  // The first instant's offset of the tenant's first day of a month.
  int32_t offset(const std::string& tenant, int64_t month_s) {
    const auto table = registry_->month(*registry_->tenant(tenant), month_of(month_s));
    return table->bucket(0, Interval::day, Slot(10 * 96)).first_offset_s;
  }

  TestFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<CatalogueRegistry> registry_;
  int64_t now_s_ = 1'700'000'000;
};

TEST_F(CatalogueRegistryTest, GivesTheSameIdsAfterItWasOpenedAgain) {
  ASSERT_TRUE(open(kTestPlan).ok());
  const Tenant* shop = registry_->tenant("shop");
  const CompiledMetric* bought = registry_->metric("Bought");
  ASSERT_NE(bought, nullptr);
  EXPECT_EQ(registry_->tenant("shop"), shop);
  EXPECT_EQ(registry_->metric("Bought"), bought);
  EXPECT_NE(registry_->tenant("other")->id, shop->id);
  EXPECT_EQ(registry_->metric("Viewed"), nullptr) << "no rule counts it";
  EXPECT_EQ(registry_->month(*shop, month_of(kJuly)), registry_->month(*shop, month_of(kJuly)));
  EXPECT_EQ(registry_->month(*shop, month_of(kJuly))->month(), month_of(kJuly));
  const TenantId tenant = shop->id;
  const SelectorId metric = bought->metric;
  const DimensionId all = bought->dimensions[0].id, colour = bought->dimensions[1].id;
  EXPECT_NE(all, colour);
  commit();

  reopen();
  // Lists in another order: the ids are those of the dimensions all the same.
  ASSERT_TRUE(
      open("quipu: 1\nevent: {tenant: {const: shop}, metric: /what, profile: /who, id: /id, time: "
           "/at}\n"
           "properties: {colour: /colour}\ncount: [{metrics: [Bought], by: [colour, []]}]\n")
          .ok());
  registry_->tenant("first this time");
  EXPECT_EQ(registry_->tenant("shop")->id, tenant);
  const CompiledMetric* again = registry_->metric("Bought");
  EXPECT_EQ(again->metric, metric);
  EXPECT_EQ(again->dimensions[0].id, colour);
  EXPECT_EQ(again->dimensions[1].id, all);
}

TEST_F(CatalogueRegistryTest, RefusesAPlanThatReadsEventsInAnotherWay) {
  ASSERT_TRUE(open(kTestPlan).ok());
  commit();
  reopen();
  std::string other = kTestPlan;
  other.replace(other.find("/who"), 4, "/whom");
  for (const std::string& plan : {other, std::string(kTestPlan) + "input: {format: delimited}\n"}) {
    const std::string message = message_of(open(plan));
    EXPECT_NE(message.find("new store"), std::string::npos) << message;
    EXPECT_NE(message.find("--data"), std::string::npos) << message;
  }
  EXPECT_TRUE(open(std::string("# a remark\n") + kTestPlan).ok());
}

TEST_F(CatalogueRegistryTest, RefusesOtherCalendarsForATenantThatWasCounted) {
  ASSERT_TRUE(open(with_calendars(kBerlin)).ok());
  count("shop", kJuly);
  ASSERT_NE(registry_->tenant("idle"), nullptr);  // met, but none of its events was counted
  commit();
  for (const char* calendars : {"{default: [{zone: Europe/London}]}",
                                "{default: [{zone: Europe/Berlin, week_start: sunday}]}",
                                "{default: [{zone: Europe/Berlin}, {zone: UTC}]}",
                                "{default: [{zone: Europe/Berlin, name: home}]}"}) {
    reopen();
    const std::string message = message_of(open(with_calendars(calendars)));
    EXPECT_NE(message.find("\"shop\""), std::string::npos) << message;
    EXPECT_NE(message.find("Europe/Berlin (Europe/Berlin, weeks from monday)"), std::string::npos)
        << message;
    EXPECT_NE(message.find("new store"), std::string::npos) << message;
  }
  // Other tenants may have others.
  reopen();
  ASSERT_TRUE(
      open(with_calendars(
               "{default: [{zone: Europe/London}], tenants: {shop: [{zone: Europe/Berlin}]}}"))
          .ok());
  EXPECT_EQ(offset("shop", kJuly), 7200);
  EXPECT_EQ(offset("idle", kJuly), 3600);
}

TEST_F(CatalogueRegistryTest, StrangersAreSetAsideWhereThePlanSaysSo) {
  write_test_file(folder_ / "tenants.csv", "tenant,zone,week_start,name\nshop,Europe/Berlin,,\n");
  const std::string calendars =
      "{default: [{zone: UTC}], tenants: {file: tenants.csv, unknown: set_aside}}";
  ASSERT_TRUE(open(with_calendars(calendars)).ok());
  EXPECT_EQ(registry_->tenant("stranger"), nullptr);
  count("shop", kJuly);
  // One that was counted may become a stranger; its calendars are not changed by that.
  reopen();
  write_test_file(folder_ / "tenants.csv", "tenant,zone,week_start,name\nother,UTC,,\n");
  ASSERT_TRUE(open(with_calendars(calendars)).ok());
  EXPECT_EQ(registry_->tenant("shop"), nullptr);
  EXPECT_NE(registry_->tenant("other"), nullptr);
}

TEST_F(CatalogueRegistryTest, ANewVersionOfRulesHasTheZonesOfTenantsThatAreInNoPlanNow) {
  const auto plan = [&](const std::string& tenants) {
    write_test_file(folder_ / "tenants.csv", "tenant,zone,week_start,name\n" + tenants);
    return with_calendars(
        "{default: [{zone: UTC}], tenants: {file: tenants.csv, unknown: set_aside}}");
  };
  ASSERT_TRUE(open(plan("shop,Europe/Berlin,,\nold,Europe/London,,\n")).ok());
  count("old", kJuly);
  reopen();
  ASSERT_TRUE(open(plan("shop,Europe/Berlin,,\nnew,Asia/Tokyo,,\n")).ok());
  ASSERT_EQ(catalogue_->rules_versions(), 2);
  const auto zones = catalogue_->rules(2);
  for (const char* zone : {"Europe/Berlin", "Europe/London", "Asia/Tokyo", "UTC"})
    EXPECT_TRUE(zones.contains(zone)) << zone;
}

TEST_F(CatalogueRegistryTest, AChangedPlanIsANewVersionAndTheSamePlanIsNot) {
  ASSERT_TRUE(open(kTestPlan).ok());
  EXPECT_EQ(registry_->plan().version, 1);
  commit();
  reopen();
  ASSERT_TRUE(open("# the same\n" + std::string(kTestPlan)).ok());
  EXPECT_EQ(registry_->plan().version, 1);
  EXPECT_TRUE(catalogue_->take_pending().empty());

  std::string wider = kTestPlan;
  wider.replace(wider.find("{colour: /colour}"), 17, "{colour: /colour, brand: /a}");
  wider.replace(wider.find("[[], colour]"), 12, "[[], brand]");
  reopen();
  ASSERT_TRUE(open(wider).ok());
  const CompiledPlan& plan = registry_->plan();
  ASSERT_EQ(plan.version, 2);
  // Version 1's one column is the one of colour now, wherever that stands.
  ASSERT_EQ(plan.version_columns.size(), 3u);
  ASSERT_EQ(plan.version_columns[1].size(), 1u);
  const auto& columns = plan.parsed.columns;
  const int now = plan.version_columns[1][0];
  ASSERT_TRUE(now >= 0 && now < int(columns.size()));
  EXPECT_EQ(plan.parsed.properties[columns[size_t(now)].property].path.text, "/colour");
  EXPECT_EQ(plan.version_columns[2], (std::vector<int>{0, 1}));
  const CompiledMetric* bought = registry_->metric("Bought");
  ASSERT_EQ(bought->unique_alive.size(), 3u);
  EXPECT_EQ(bought->unique_alive[1], std::vector<uint64_t>{1}) << "[] counted then, brand did not";
  EXPECT_EQ(bought->unique_alive[2], std::vector<uint64_t>{3});
  commit();

  // Back to what it was: a version of its own. Version 2's column of brand has none in it.
  reopen();
  ASSERT_TRUE(open(kTestPlan).ok());
  EXPECT_EQ(registry_->plan().version, 3);
  std::vector<int> of_two = registry_->plan().version_columns[2];
  std::sort(of_two.begin(), of_two.end());
  EXPECT_EQ(of_two, (std::vector<int>{-1, 0}));
  EXPECT_EQ(registry_->metric("Bought")->unique_alive[1], std::vector<uint64_t>{3});
  EXPECT_EQ(registry_->metric("Bought")->unique_alive[2], std::vector<uint64_t>{1});
  commit();
  const std::vector<PlanVersionEntry> versions = catalogue_->plan_versions();
  ASSERT_EQ(versions.size(), 3u);
  EXPECT_EQ(versions[0].from_checkpoint, 1u);
  EXPECT_EQ(versions[1].from_checkpoint, 2u);
  EXPECT_EQ(versions[2].from_checkpoint, 3u);
  EXPECT_LT(versions[0].from_time_s, versions[2].from_time_s);
}

TEST_F(CatalogueRegistryTest, APlanThatWasNeverCommittedLeavesNoVersion) {
  ASSERT_TRUE(open(kTestPlan).ok());
  reopen();
  ASSERT_TRUE(open(with_calendars(kBerlin)).ok());
  EXPECT_EQ(registry_->plan().version, 1);
  commit();
  EXPECT_EQ(catalogue_->plan_versions().size(), 1u);
}

TEST_F(CatalogueRegistryTest, MonthsStayUnderTheRulesTheyWereFirstWrittenUnder) {
  // A newer tzdata in which Berlin keeps London's time.
  const std::string newer = folder_ / "zoneinfo";
  std::filesystem::create_directories(newer + "/Europe");
  std::filesystem::copy_file("/usr/share/zoneinfo/UTC", newer + "/UTC");
  std::filesystem::copy_file("/usr/share/zoneinfo/Europe/London", newer + "/Europe/Berlin");
  const std::string plan =
      with_calendars("{default: [{zone: Europe/Berlin}], tenants: {plain: [{zone: UTC}]}}");

  ASSERT_TRUE(open(plan).ok());
  EXPECT_EQ(catalogue_->rules_versions(), 1);
  count("shop", kJuly);
  count("plain", kJuly);
  EXPECT_EQ(offset("shop", kJuly), 7200);

  reopen();
  ASSERT_TRUE(open(plan, newer).ok());
  EXPECT_EQ(catalogue_->rules_versions(), 2);
  EXPECT_EQ(offset("shop", kJuly), 7200) << "written before";
  EXPECT_EQ(offset("shop", kAugust), 3600) << "never written";
  EXPECT_EQ(offset("new shop", kJuly), 3600) << "never written by this tenant";
  count("shop", kAugust);
  count("shop", kJuly);  // again: its pin stays

  // The old rules come back; they are a third version, since the second is the newest.
  reopen();
  ASSERT_TRUE(open(plan).ok());
  EXPECT_EQ(catalogue_->rules_versions(), 3);
  EXPECT_EQ(offset("shop", kJuly), 7200);
  EXPECT_EQ(offset("shop", kAugust), 3600) << "written under the second version";
  commit();
  const TenantId shop = registry_->tenant("shop")->id, plain = registry_->tenant("plain")->id;
  const auto pin = [&](TenantId tenant, int64_t month_s) {
    return *catalogue_->pin(*store_->snapshot(), tenant, month_of(month_s));
  };
  EXPECT_EQ(pin(shop, kJuly), std::optional<RulesVersion>(1));
  EXPECT_EQ(pin(shop, kAugust), std::optional<RulesVersion>(2));
  EXPECT_EQ(pin(plain, kJuly), std::nullopt) << "UTC has no rules that could change";

  // The same rules once more: no version.
  reopen();
  ASSERT_TRUE(open(plan).ok());
  EXPECT_EQ(catalogue_->rules_versions(), 3);
  EXPECT_TRUE(catalogue_->take_pending().empty());
}

}  // namespace
}  // namespace quipu
