#include "store/pinned_tables.h"

#include <gtest/gtest.h>

#include <set>

#include "store/store_model.h"

namespace quipu {
namespace {

constexpr MonthIndex kMarch = (2026 - 1970) * 12 + 2;

ZoneRules fixed(const std::string& name, int hours) { return ZoneRules{name, hours * 3600, {}}; }

// A catalogue with seven versions of one zone's rules: offset v - 4 hours in version v.
class PinnedTablesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::open(folder_ / "store", test_options());
    ASSERT_TRUE(store.ok());
    store_ = std::move(*store);
    auto catalogue = Catalogue::load(*store_->snapshot());
    ASSERT_TRUE(catalogue.ok());
    catalogue_ = std::move(*catalogue);
    for (int v = 1; v <= 7; ++v)
      catalogue_->add_rules_version({fixed("Etc/Here", v - 4), fixed("UTC", 0)});
  }
  PinnedTables tables(size_t most_bytes = kMonthTableBytes) {
    return PinnedTables(
        *catalogue_,
        [this](TenantId t, MonthIndex m) -> Result<std::optional<RulesVersion>> {
          ++asked_;
          const auto pin = pins_.find({raw(t), m});
          if (pin == pins_.end()) return std::optional<RulesVersion>();
          return std::optional(pin->second);
        },
        most_bytes);
  }
  std::shared_ptr<const ZoneRules> rules(RulesVersion v) const {
    return catalogue_->rules(v).at("Etc/Here");
  }
  RulesVersion& pin(TenantId tenant, MonthIndex month) { return pins_[{raw(tenant), month}]; }
  static const std::vector<Calendar>& here() {
    static const std::vector<Calendar> list{{"here", "Etc/Here", WeekStart::monday}};
    return list;
  }

  TestFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalogue> catalogue_;
  std::map<std::pair<uint32_t, MonthIndex>, RulesVersion> pins_;
  int asked_ = 0;
};

void expect_same(const MonthTable& right, const MonthTable& got) {
  for (Interval interval : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
    const auto a = right.buckets(0, interval), b = got.buckets(0, interval);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].label, b[i].label);
      EXPECT_EQ(a[i].first_s, b[i].first_s);
      EXPECT_EQ(a[i].first_offset_s, b[i].first_offset_s);
      ASSERT_EQ(a[i].pieces, b[i].pieces);
      for (int p = 0; p < a[i].pieces; ++p)
        EXPECT_EQ(a[i].ranges[size_t(p)], b[i].ranges[size_t(p)]) << int(interval) << " " << i;
    }
  }
}

TEST_F(PinnedTablesTest, EveryMonthOfATableIsUnderItsOwnPin) {
  const TenantId tenant{3};
  for (int i = 0; i < 5; ++i) pin(tenant, MonthIndex(kMarch - 2 + i)) = RulesVersion(1 + i);
  PinnedTables tables = this->tables();
  EXPECT_EQ(tables.current(), 7);
  const uint32_t set = tables.calendar_set(here());
  MonthTable::CalendarRules right{here()[0], {}};
  for (int i = 0; i < 5; ++i) right.rules[size_t(i)] = rules(RulesVersion(1 + i));
  auto table = tables.table(tenant, set, kMarch);
  ASSERT_TRUE(table.ok());
  expect_same(*MonthTable::build(kMarch, {&right, 1}), **table);
  EXPECT_EQ((*table)->month(), kMarch);

  // Each unpinned in its turn is under the newest.
  for (int i = 0; i < 5; ++i) {
    SCOPED_TRACE(i);
    const TenantId other{uint32_t(10 + i)};
    for (int j = 0; j < 5; ++j)
      if (j != i) pin(other, MonthIndex(kMarch - 2 + j)) = RulesVersion(1 + j);
    MonthTable::CalendarRules newest = right;
    newest.rules[size_t(i)] = rules(7);
    table = tables.table(other, set, kMarch);
    ASSERT_TRUE(table.ok());
    expect_same(*MonthTable::build(kMarch, {&newest, 1}), **table);
    EXPECT_EQ(*tables.rules_version(other, set, MonthIndex(kMarch - 2 + i)), 7);
  }
}

TEST_F(PinnedTablesTest, TheEdgesOfTimeHaveNoMonthsBeyondThem) {
  const TenantId tenant{1};
  for (const auto& [m, v] : {std::pair(0, 6), std::pair(1, 2), std::pair(2, 3)})
    pin(tenant, MonthIndex(m)) = RulesVersion(v);
  for (int m = 1; m <= 3; ++m) pin(tenant, MonthIndex(kMonths - m)) = RulesVersion(m);
  PinnedTables tables = this->tables();
  const uint32_t set = tables.calendar_set(here());
  const auto expect = [&](MonthIndex month, std::array<RulesVersion, 5> versions) {
    MonthTable::CalendarRules right{here()[0], {}};
    for (size_t i = 0; i < 5; ++i) right.rules[i] = rules(versions[i]);
    auto table = tables.table(tenant, set, month);
    ASSERT_TRUE(table.ok());
    expect_same(*MonthTable::build(month, {&right, 1}), **table);
  };
  expect(0, {6, 6, 6, 2, 3});
  expect(1, {6, 6, 2, 3, 7});
  expect(kMonths - 1, {3, 2, 1, 1, 1});
  expect(kMonths - 2, {7, 3, 2, 1, 1});
}

TEST_F(PinnedTablesTest, TenantsWithEqualCalendarsAndPinsShareATable) {
  PinnedTables tables = this->tables();
  const uint32_t set = tables.calendar_set(here());
  EXPECT_EQ(tables.calendar_set(here()), set);
  EXPECT_NE(tables.calendar_set({{"here", "Etc/Here", WeekStart::sunday}}), set);
  EXPECT_NE(tables.calendar_set({{"there", "Etc/Here", WeekStart::monday}}), set);
  EXPECT_NE(tables.calendar_set({{"here", "UTC", WeekStart::monday}}), set);
  EXPECT_NE(tables.calendar_set({here()[0], here()[0]}), set);
  const auto table = [&](uint32_t tenant, MonthIndex month) {
    return tables.table(TenantId(tenant), set, month).value();
  };
  EXPECT_EQ(table(1, kMarch), table(2, kMarch));
  EXPECT_EQ(table(1, kMarch), table(1, kMarch));
  EXPECT_NE(table(1, kMarch), table(1, kMarch + 1));
  pin(TenantId(3), MonthIndex(kMarch + 2)) = 2;  // two months away: another table
  EXPECT_NE(table(3, kMarch), table(1, kMarch));
  EXPECT_EQ(table(3, kMarch - 1), table(1, kMarch - 1));
}

TEST_F(PinnedTablesTest, CalendarsOfUtcAloneAskForNoPin) {
  PinnedTables tables = this->tables();
  const uint32_t utc = tables.calendar_set({{"a", "UTC"}, {"b", "UTC", WeekStart::friday}});
  const uint32_t mixed = tables.calendar_set({{"a", "UTC"}, here()[0]});
  EXPECT_TRUE(tables.utc_only(utc));
  EXPECT_FALSE(tables.utc_only(mixed));
  ASSERT_TRUE(tables.table(TenantId(1), utc, kMarch).ok());
  EXPECT_EQ(asked_, 0);
  ASSERT_TRUE(tables.table(TenantId(2), mixed, kMarch).ok());
  EXPECT_EQ(asked_, kMonthsOfTable);
  EXPECT_EQ(tables.calendars(mixed)[1], here()[0]);
}

TEST_F(PinnedTablesTest, AFailedLookUpOfAPinIsPassedOn) {
  PinnedTables tables(*catalogue_,
                      [](TenantId, MonthIndex m) -> Result<std::optional<RulesVersion>> {
                        if (m == kMarch + 2) return Error{"cannot be read"};
                        return std::optional<RulesVersion>(1);
                      });
  const uint32_t set = tables.calendar_set(here());
  EXPECT_FALSE(tables.table(TenantId(1), set, kMarch).ok());
  EXPECT_TRUE(tables.table(TenantId(1), set, kMarch - 1).ok());
}

// 200 sets of calendars and 2,760 months of eight calendars fit; what does not is made again.
TEST_F(PinnedTablesTest, TablesTakeNoMoreThanTheirBytesAndLiveWhileTheyAreHeld) {
  std::vector<Calendar> eight;
  for (int i = 0; i < 8; ++i) eight.push_back({std::to_string(i), "Etc/Here", WeekStart(i % 7)});
  PinnedTables roomy = this->tables();
  const uint32_t all = roomy.calendar_set(eight);
  size_t bytes = 0;
  std::set<const MonthTable*> distinct;
  for (int m = 0; m < kMonths; ++m) {
    const auto table = roomy.table(TenantId(1), all, MonthIndex(m)).value();
    distinct.insert(table.get());
    bytes += table->bytes();
  }
  std::printf("2,760 months of eight calendars: %zu bytes of tables, %zu with the cache's own\n",
              bytes, roomy.bytes());
  EXPECT_EQ(distinct.size(), size_t(kMonths)) << "none was forgotten";
  EXPECT_LT(roomy.bytes(), kMonthTableBytes);
  EXPECT_GT(roomy.bytes(), bytes);

  constexpr size_t kFew = 64 << 10;
  PinnedTables small = this->tables(kFew);
  const uint32_t set = small.calendar_set(eight);
  std::vector<std::shared_ptr<const MonthTable>> held;
  for (int m = 0; m < 400; ++m) {
    held.push_back(small.table(TenantId(1), set, MonthIndex(m)).value());
    ASSERT_LE(small.bytes(), kFew);
    ASSERT_GT(small.bytes(), 0u);
  }
  std::set<uint64_t> serials;
  for (int m = 0; m < 400; ++m) {
    EXPECT_EQ(held[size_t(m)]->month(), m);
    EXPECT_EQ(held[size_t(m)]->bucket(0, Interval::day, 2000).label,
              month_begin_s(MonthIndex(m)) / 86400 + 20);
    EXPECT_TRUE(serials.insert(held[size_t(m)]->serial()).second);
  }
  const auto again = small.table(TenantId(1), set, 0).value();
  EXPECT_NE(again->serial(), held[0]->serial()) << "it was forgotten";
  expect_same(*held[0], *again);
  // Tenants that share tables are held to the bound, too.
  for (uint32_t t = 1; t < 5000; ++t) {
    ASSERT_TRUE(small.table(TenantId(t), set, kMarch).ok());
    ASSERT_LE(small.bytes(), kFew);
  }
}

}  // namespace
}  // namespace quipu
