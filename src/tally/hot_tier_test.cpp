#include "tally/hot_tier.h"

#include <gtest/gtest.h>

#include <random>

namespace quipu {
namespace {

class EmptyTier : public DurableTier {
 public:
  Status load(std::span<const RecordKey>, std::vector<std::string>& values) override {
    for (std::string& v : values) v.clear();
    return {};
  }
};

constexpr MonthIndex kMonth = 600;
constexpr TenantId kTenant{1};

class HotTierTest : public testing::Test {
 protected:
  HotTierTest() {
    TallyOptions options;
    options.memory_bytes = size_t(1) << 20;
    for (uint32_t c = 1; c <= 6; ++c) plan_.columns.push_back(PropertyId(c));
    plan_.version_columns = {{}, {0, 1, 2, 3, 4, 5}};
    hot_ = std::make_unique<HotTier>(options, plan_, tier_);
  }
  Handle open(uint64_t p) {
    const Hash128 profile{mix64(p), 0};
    const uint64_t hash = HotTier::hash_of(kTenant, profile);
    Handle handle = hot_->open(hash, kTenant, profile);
    while (!hot_->need_forever(hash, handle) || !hot_->need_month(hash, handle, kMonth))
      EXPECT_TRUE(hot_->load_needed().ok());
    return handle;
  }
  // So many more months, in which there is nothing.
  void open_months(uint64_t p, MonthIndex months) {
    const Hash128 profile{mix64(p), 0};
    const uint64_t hash = HotTier::hash_of(kTenant, profile);
    Handle handle = open(p);
    for (MonthIndex m = 1; m <= months; ++m)
      EXPECT_TRUE(hot_->need_month(hash, handle, MonthIndex(kMonth + m))) << "it is in no record";
  }
  std::array<uint64_t, kMaxColumns> row(uint64_t p, uint64_t n) {
    std::array<uint64_t, kMaxColumns> elements{};
    for (uint64_t c = 0; c < 6; ++c) elements[c] = mix64(p * 100 + n * 10 + c) | 1;
    return elements;
  }
  void append(uint64_t p, uint64_t n) {
    const Handle handle = open(p);
    hot_->append(handle, hot_->record(handle, kMonth), row_meta(SelectorId(1), Slot(n), 1), 0x3F,
                 row(p, n).data());
    hot_->insert(handle, hot_->record(handle, kForever), mix64(p) + n);
  }
  void check(uint64_t p, uint64_t rows) {
    const Handle handle = open(p);
    const MatrixView view = hot_->month_record(hot_->record(handle, kMonth))->view();
    ASSERT_EQ(view.rows, rows);
    for (uint32_t r = 0; r < rows; ++r) {
      ASSERT_EQ(meta_slot(view.data[r]), r);
      for (uint32_t c = 0; c < 6; ++c) ASSERT_EQ(view.data[(c + 1) * view.lanes + r], row(p, r)[c]);
      ASSERT_TRUE(hot_->contains(handle, hot_->record(handle, kForever), mix64(p) + r));
    }
    ASSERT_FALSE(hot_->contains(handle, hot_->record(handle, kForever), mix64(p) + rows));
  }
  TallyStats stats() {
    TallyStats s;
    hot_->add_stats(s);
    return s;
  }

  CompiledPlan plan_;
  EmptyTier tier_;
  std::unique_ptr<HotTier> hot_;
};

TEST_F(HotTierTest, MemoryThatRecordsGrewOutOfIsGivenBackAndNoRecordIsHurt) {
  constexpr uint64_t kProfiles = 120000;
  const auto grows = [](uint64_t p) { return mix64(p + 77) % 10 < 8; };
  for (uint64_t p = 0; p < kProfiles; ++p) append(p, 0);
  for (uint64_t n = 1; n < 4; ++n)
    for (uint64_t p = 0; p < kProfiles; ++p)
      if (grows(p)) append(p, n);
  for (uint64_t p = 0; p < kProfiles; ++p)
    if (grows(p)) open_months(p, 3);
  const size_t held = hot_->held_bytes();
  EXPECT_GT(held, stats().memory_bytes * 5 / 4 + (1 << 20));
  for (int i = 0; i < 400; ++i) hot_->make_room(1000);
  EXPECT_GE(stats().records, 2 * kProfiles);  // what has content is pinned
  EXPECT_LT(hot_->held_bytes(), stats().memory_bytes * 5 / 4 + (1 << 20));
  for (uint64_t p = 0; p < kProfiles; ++p) {
    check(p, grows(p) ? 4 : 1);
    if (HasFatalFailure()) return;
  }
}

TEST_F(HotTierTest, RecordsUsedLatelyOutliveThoseThatAreNot) {
  constexpr uint64_t kProfiles = 20000, kHot = 500;
  for (uint64_t p = 0; p < kProfiles; ++p) append(p, 0);
  RowLog log;
  hot_->hand_over(1, log);
  hot_->durable(1);
  hot_->make_room(1);  // all were used lately: the first turn of the hand only says so
  for (int round = 0; round < 20; ++round) {
    for (uint64_t p = 0; p < kHot; ++p) open(p);
    hot_->make_room(100);
  }
  EXPECT_LT(stats().memory_bytes, size_t(1) << 20);
  EXPECT_GT(stats().records, 0u);
  const uint64_t loads = stats().loads;
  for (uint64_t p = 0; p < kHot; ++p) open(p);
  EXPECT_EQ(stats().loads, loads);
}

TEST_F(HotTierTest, ANewProfileIsLookedForOnceAndItsMonthsNotAtAll) {
  append(1, 0);
  open_months(1, 12);
  EXPECT_EQ(stats().loads, 1u);
  EXPECT_EQ(stats().loads_found, 0u);
}

TEST_F(HotTierTest, AMonthThatIsNamedButNotStoredIsDamage) {
  append(1, 0);
  RowLog log;
  hot_->hand_over(1, log);
  std::string forever;
  ASSERT_TRUE(encode_appends(std::span(&log, 1), plan_, [&](const RecordKey& key, std::string_view bytes) {
                if (key.month == kForever) forever = bytes;
                return Status{};
              }).ok());
  class ForeverOnly : public DurableTier {
   public:
    explicit ForeverOnly(std::string bytes) : bytes_(std::move(bytes)) {}
    Status load(std::span<const RecordKey> keys, std::vector<std::string>& values) override {
      for (size_t i = 0; i < keys.size(); ++i) values[i] = keys[i].month == kForever ? bytes_ : "";
      return {};
    }
    std::string bytes_;
  } tier(forever);
  HotTier again(TallyOptions{}, plan_, tier);
  const Hash128 profile{mix64(1), 0};
  const uint64_t hash = HotTier::hash_of(kTenant, profile);
  Handle handle = again.open(hash, kTenant, profile);
  ASSERT_FALSE(again.need_forever(hash, handle));
  ASSERT_TRUE(again.load_needed().ok());
  ASSERT_TRUE(again.need_month(hash, handle, kMonth + 1));
  ASSERT_FALSE(again.need_month(hash, handle, kMonth));
  const Status status = again.load_needed();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("names it"), std::string::npos) << status.error().message;
}

}  // namespace
}  // namespace quipu
