#include "tally/hot_tier.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tally/appends.h"
#include "tally/record_words.h"

namespace quipu {
namespace {

class MapTier : public DurableTier {
 public:
  std::unique_ptr<Load> begin_load(std::span<const RecordKey> keys) override {
    std::vector<std::string> values(keys.size());
    loads += 1;
    for (size_t i = 0; i < keys.size(); ++i) {
      std::string key;
      keys[i].append_to(key);
      const auto it = records.find(key);
      values[i] = it == records.end() ? "" : it->second;
    }
    return std::make_unique<LoadedAtOnce>(std::move(values));
  }
  const ElementCodes& element_codes() const override { return codes; }
  ElementCodes codes;
  std::map<std::string, std::string> records;
  int loads = 0;
};

constexpr MonthIndex kMonth = 600;
constexpr RecordWrite kAppend = RecordWrite::append, kFirst = RecordWrite::first,
                      kWhole = RecordWrite::whole;
constexpr TenantId kTenant{1};

class HotTierTest : public testing::Test {
 protected:
  HotTierTest() {
    options_.memory_bytes = size_t(1) << 20;
    options_.inlined_rows = 8;
    for (uint32_t c = 1; c <= 6; ++c) plan_.columns.push_back(PropertyId(c));
    plan_.version_columns = {{}, {0, 1, 2, 3, 4, 5}};
    hot_ = std::make_unique<HotTier>(options_, plan_, tier_);
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
                 0x3F, row(p, n).data());
    hot_->insert(handle, hot_->record(handle, kForever), mix64(p) + n);
  }
  void check(uint64_t p, uint64_t rows) {
    const Handle handle = open(p);
    const MonthRecord* month = hot_->month_record(hot_->record(handle, kMonth));
    ASSERT_NE(month, nullptr);
    const MatrixView view = month->view();
    ASSERT_EQ(view.rows, rows);
    for (uint32_t r = 0; r < rows; ++r) {
      const uint64_t* column = view.tile(r / kTileRows) + r % kTileRows;
      ASSERT_EQ(meta_slot(*column), r);
      for (uint32_t c = 0; c < 6; ++c) ASSERT_EQ(column[(c + 1) * view.lanes], row(p, r)[c]);
      ASSERT_TRUE(hot_->contains(handle, hot_->record(handle, kForever), mix64(p) + r));
    }
    ASSERT_FALSE(hot_->contains(handle, hot_->record(handle, kForever), mix64(p) + rows));
  }
  // Everything so far into the tier; then on with an empty memory.
  void commit_and_forget() {
    std::vector<RowLog> logs(1);
    hot_->hand_over(++epoch_, logs[0]);
    commit(logs);
    hot_ = std::make_unique<HotTier>(options_, plan_, tier_);
  }
  void commit(const std::vector<RowLog>& logs) {
    written_.clear();
    for (const RecordAppend& append : appends_of(logs, plan_, tier_.codes)) {
      std::string key;
      append.key.append_to(key);
      std::string& record = tier_.records[key];
      if (append.how == kWhole) record.clear();
      record += append.bytes;
      written_.push_back(append.how);
    }
  }
  TallyStats stats() {
    TallyStats s;
    hot_->add_stats(s);
    return s;
  }

  std::vector<RecordWrite> written_;  // by the last commit, in the order of keys
  uint64_t epoch_ = 0;
  TallyOptions options_;
  CompiledPlan plan_;
  MapTier tier_;
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

TEST_F(HotTierTest, WhatWaitsToBeDurableStaysAndGoesOnceItIsHoweverLongAgoTheHandCameBy) {
  constexpr uint64_t kProfiles = 20000, kAbsent = 500;
  const auto turn = [&] {
    for (int i = 0; i < 8; ++i) {
      for (uint64_t p = 0; p < kAbsent; ++p)
        open(kProfiles + p);  // what can go, so that the hand does not rest
      hot_->make_room(1000);
    }
  };
  for (uint64_t later : {1, 2, 63, 64, 65, 127, 128, 129, 200, 255, 256, 257, 400}) {
    hot_ = std::make_unique<HotTier>(options_, plan_, tier_);
    for (uint64_t p = 0; p < kProfiles; ++p) append(p, 0);
    turn();
    RowLog log;
    hot_->hand_over(1, log);
    turn();
    EXPECT_GT(stats().evictions, kAbsent);
    EXPECT_GE(stats().records, 2 * kProfiles);
    for (uint64_t epoch = 2; epoch <= later; ++epoch) hot_->hand_over(epoch, log);
    for (uint64_t epoch = 1; epoch <= later; ++epoch) hot_->durable(epoch);
    turn();
    EXPECT_LT(stats().memory_bytes, size_t(1) << 20) << later << " generations later";
  }
}

TEST_F(HotTierTest, ANewProfileIsLookedForOnceAndItsMonthsNotAtAll) {
  append(1, 0);
  open_months(1, 12);
  EXPECT_EQ(stats().loads, 1u);
  EXPECT_EQ(stats().loads_found, 0u);
}

TEST_F(HotTierTest, WhatWasReadAheadIsNotReadAgain) {
  for (uint64_t p = 1; p <= 3; ++p) append(p, 0);
  commit_and_forget();
  tier_.loads = 0;
  for (uint64_t p : {1, 2, 1, 4}) {  // the last is new
    const Hash128 profile{mix64(p), 0};
    hot_->ask_ahead(HotTier::hash_of(kTenant, profile), kTenant, profile);
  }
  hot_->begin_ahead();
  EXPECT_EQ(tier_.loads, 1);
  check(1, 1);
  check(2, 1);
  open(4);
  EXPECT_EQ(tier_.loads, 1);
  EXPECT_EQ(stats().loads, 3u);
  EXPECT_EQ(stats().loads_found, 2u);
  check(3, 1);
  EXPECT_EQ(tier_.loads, 2);
  hot_->forget_ahead();
  hot_->begin_ahead();
  EXPECT_EQ(tier_.loads, 2);
}

// Its month's rows will be in the forever record once they are durable, and gone from memory: what
// was read before would lack them.
TEST_F(HotTierTest, AForeverRecordIsNotReadAheadWhileAMonthOfTheProfileIsInMemory) {
  append(1, 0);
  commit_and_forget();
  TallyOptions none;
  none.memory_bytes = 0;
  hot_ = std::make_unique<HotTier>(none, plan_, tier_);
  const Handle handle = open(1);
  hot_->append(handle, hot_->record(handle, kMonth), row_meta(SelectorId(1), Slot(1), 1), 0x3F,
               0x3F, row(1, 1).data());
  for (int i = 0; i < 4; ++i) hot_->make_room(1);
  ASSERT_EQ(stats().records, 1u) << "the month alone is left";
  tier_.loads = 0;
  const Hash128 profile{mix64(1), 0};
  hot_->ask_ahead(HotTier::hash_of(kTenant, profile), kTenant, profile);
  hot_->begin_ahead();
  EXPECT_EQ(tier_.loads, 0);
}

TEST_F(HotTierTest, AProfileOfFewEventsIsOneRecordAndReadAtOnceOfMoreItHasTheMonthsToo) {
  uint64_t events = 0;
  for (const auto& [until, records] : {std::pair(8, 1u), std::pair(12, 2u), std::pair(15, 2u)}) {
    while (events < uint64_t(until)) append(1, events++);
    commit_and_forget();
    EXPECT_EQ(tier_.records.size(), records);
    check(1, events);
    EXPECT_EQ(stats().loads, records);
  }
}

TEST_F(HotTierTest, WhatWasReadIsWrittenWholeOnceItIsAddedTo) {
  append(1, 0);
  append(2, 0);
  commit_and_forget();
  EXPECT_EQ(written_, (std::vector{kFirst, kFirst}));
  open(2);  // read only
  append(1, 1);
  commit_and_forget();
  EXPECT_EQ(written_, std::vector{kWhole});
  append(1, 2);
  commit_and_forget();
  EXPECT_EQ(written_, std::vector{kWhole});
  check(1, 3);
  check(2, 1);
  append(1, 3);  // after the record came in: the log of this epoch holds that too
  std::vector<RowLog> logs(1);
  hot_->hand_over(++epoch_, logs[0]);
  append(1, 4);  // in an epoch in which it was not read
  commit(logs);
  EXPECT_EQ(written_, std::vector{kWhole});
  commit_and_forget();
  EXPECT_EQ(written_, std::vector{kAppend});
  check(1, 5);
  for (uint64_t n = 5; n < 12; ++n) append(1, n);  // more than eight go into the month's own record
  commit_and_forget();
  EXPECT_EQ(written_, (std::vector{kFirst, kWhole}));
  append(1, 12);
  commit_and_forget();
  EXPECT_EQ(written_,
            (std::vector{kWhole, kWhole}));  // the month, and a word of the forever record
  check(1, 13);
}

TEST_F(HotTierTest, WhatIsLongIsAddedTo) {
  for (const int most : {0, 300}) {
    options_.whole_bytes = most;
    tier_.records.clear();
    hot_ = std::make_unique<HotTier>(options_, plan_, tier_);
    uint64_t appended = 0;
    for (uint64_t n = 0; n < 8; ++n) {
      const size_t stored = tier_.records.empty() ? 0 : tier_.records.begin()->second.size();
      append(1, n);
      commit_and_forget();
      if (n != 0) {
        EXPECT_EQ(written_, std::vector{stored <= size_t(most) ? kWhole : kAppend}) << n;
      }
      appended += written_[0] == kAppend;
    }
    EXPECT_EQ(appended == 7, most == 0);
    EXPECT_GT(appended, 0u);
    check(1, 8);
  }
}

// Rows of a month in memory may be on their way into the forever record that is read for another.
TEST_F(HotTierTest, ARecordIsNotWrittenWholeFromWhatWasReadWhileMoreWasOnItsWay) {
  options_.memory_bytes = 0;
  hot_ = std::make_unique<HotTier>(options_, plan_, tier_);
  append(1, 0);
  commit_and_forget();
  append(1, 1);
  std::vector<RowLog> logs(1);
  hot_->hand_over(++epoch_, logs[0]);
  commit(logs);
  hot_->durable(epoch_);
  hot_->append(open(1), hot_->record(open(1), kMonth), row_meta(SelectorId(1), Slot(2), 1), 0x3F,
               0x3F, row(1, 2).data());
  std::vector<RowLog> second(1);
  hot_->hand_over(++epoch_, second[0]);            // the row alone is on its way
  for (int i = 0; i < 8; ++i) hot_->make_room(0);  // so the words are forgotten and the row is not
  const uint64_t before = stats().loads_found;
  append(1, 3);
  EXPECT_GT(stats().loads_found, before) << "nothing was read again";
  commit(second);
  EXPECT_EQ(written_, std::vector{kAppend});
  commit_and_forget();
  EXPECT_EQ(written_, std::vector{kAppend});
  hot_->insert(open(1), hot_->record(open(1), kForever),
               mix64(1) + 2);  // which it was not given with its row
  check(1, 4);
}

TEST_F(HotTierTest, AProfileOfManyWordsHasNoRowsInItsForeverRecord) {
  const Handle handle = open(1);
  for (uint64_t n = 0; n < 16; ++n)
    hot_->insert(handle, hot_->record(handle, kForever), mix64(77 + n));
  append(1, 0);
  commit_and_forget();
  EXPECT_EQ(tier_.records.size(), 2u);
  check(1, 1);
}

// Each is found out, not counted on.
TEST_F(HotTierTest, AMonthThatIsNamedButNotStoredIsDamage) {
  for (uint64_t n = 0; n < 9; ++n) append(1, n);  // one more than the forever record takes
  commit_and_forget();
  ASSERT_EQ(tier_.records.size(), 2u);
  tier_.records.erase(tier_.records.begin());  // months come before forever records
  const Hash128 profile{mix64(1), 0};
  const uint64_t hash = HotTier::hash_of(kTenant, profile);
  Handle handle = hot_->open(hash, kTenant, profile);
  ASSERT_FALSE(hot_->need_forever(hash, handle));
  ASSERT_TRUE(hot_->load_needed().ok());
  handle = hot_->open(hash, kTenant, profile);
  ASSERT_TRUE(hot_->need_month(hash, handle, kMonth + 1));
  ASSERT_FALSE(hot_->need_month(hash, handle, kMonth));
  const Status status = hot_->load_needed();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("forever record names it"), std::string::npos)
      << status.error().message;
}

TEST_F(HotTierTest, RowsThatTheForeverRecordNamesAndDoesNotHoldOrTheOtherWayRoundAreDamage) {
  append(1, 0);
  commit_and_forget();
  ASSERT_EQ(tier_.records.size(), 1u);
  std::string& stored = tier_.records.begin()->second;
  std::string rows, words;
  RowsWriter(rows, tier_.codes, kMonth, 1, 1).row(SelectorId(1), 0, row(1, 0).data());
  write_words(words, std::array{inlined_month_word(kMonth)}, false);
  const std::string of_the_key(rows.substr(0, 1).replace(0, 1, "\x21") + rows.substr(3));
  const auto load = [&] {
    hot_ = std::make_unique<HotTier>(options_, plan_, tier_);
    const Hash128 profile{mix64(1), 0};
    const uint64_t hash = HotTier::hash_of(kTenant, profile);
    Handle handle = hot_->open(hash, kTenant, profile);
    hot_->need_forever(hash, handle);
    Status status = hot_->load_needed();
    if (!status.ok()) return status.error().message;
    handle = hot_->open(hash, kTenant, profile);
    hot_->need_month(hash, handle, kMonth);
    status = hot_->load_needed();
    return status.ok() ? std::string() : status.error().message;
  };
  stored = rows + words;
  EXPECT_EQ(load(), "");
  stored = rows;
  EXPECT_NE(load().find("rows of a month that it does not name"), std::string::npos);
  stored = words;
  EXPECT_NE(load().find("no rows of a month that it names"), std::string::npos);
  stored = of_the_key + words;
  EXPECT_NE(load().find("rows of no month"), std::string::npos);
}

}  // namespace
}  // namespace quipu
