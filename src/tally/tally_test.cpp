#include "tally/tally.h"

#include <gtest/gtest.h>

#include <deque>

#include "tally/appends.h"
#include "tally/record_format.h"
#include "tally/tally_model.h"

namespace quipu {
namespace {

using namespace tally_model;

constexpr MonthIndex kMarch2026 = 56 * 12 + 2;

std::shared_ptr<const ZoneRules> zone(const std::string& name) {
  static std::map<std::string, std::shared_ptr<const ZoneRules>> known;
  auto& rules = known[name];
  if (rules == nullptr) rules = std::make_shared<ZoneRules>(std::move(load_zone(name)).value());
  return rules;
}

std::shared_ptr<const MonthTable> table(MonthIndex month, const std::vector<Calendar>& calendars) {
  std::vector<MonthTable::CalendarRules> rules;
  for (const Calendar& c : calendars)
    rules.push_back(MonthTable::CalendarRules::under(c, zone(c.zone)));
  return MonthTable::build(month, rules);
}

std::vector<Calendar> draw_calendars(Rng& rng) {
  static const std::vector<std::string> zones = {
      "UTC",          "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Auckland",
      "Pacific/Apia", "America/St_Johns"};
  std::vector<Calendar> calendars;
  const uint32_t count = 1 + draw(rng, 3);
  for (uint32_t c = 0; c < count; ++c)
    calendars.push_back({"c" + std::to_string(c), zones[draw(rng, uint32_t(zones.size()))],
                         WeekStart(draw(rng, 7))});
  return calendars;
}

// One store's life: plan versions, batches, hand-overs, commits and restarts in any order.
class Life {
 public:
  explicit Life(uint64_t seed) : rng_(seed) {
    first_month_ = chance(rng_, 20) ? MonthIndex(41 * 12 + 10)
                                    : MonthIndex(kMarch2026 + draw(rng_, 12));  // 2011-11
    for (uint32_t t = 1; t <= 2; ++t) {
      const auto calendars = draw_calendars(rng_);
      for (MonthIndex m = first_month_; m < first_month_ + kMonthsMet; ++m)
        months_[{t, m}] = table(m, calendars);
    }
    profiles_ = 1 + draw(rng_, 12);
    values_ = 2 + draw(rng_, 6);
    versions_.push_back(draw_plan(rng_));
    restart();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      const uint32_t what = draw(rng_, 100);
      if (what < 70)
        batch();
      else if (what < 82)
        hand_over();
      else if (what < 94)
        commit();
      else if (what < 97)
        restart();
      else
        new_version();
    }
    finish();
    EXPECT_EQ(tier_.asked_twice, 0);
    EXPECT_EQ(tier_.absent_months, 0);
    EXPECT_EQ(tier_.wrongly_first, 0u);
    EXPECT_EQ(tier_.wrongly_whole, 0u);
    EXPECT_EQ(tier_.out_of_order, 0);
    EXPECT_EQ(tier_.words_in_full, 0);
    EXPECT_EQ(tier_.corrupt, 0);
  }

  // What the lives of a run came across, so that the test cannot pass by idleness.
  struct Met {
    uint64_t evictions = 0, found = 0, words = 0, inlined_rows = 0, whole = 0, kept = 0;
    int deepest = 0;
  };
  void add_to(Met& met) const {
    met.evictions += evictions_;
    met.found += found_;
    met.words += words_;
    met.kept += kept_;
    met.inlined_rows += tier_.inlined_rows;
    met.whole += tier_.whole;
    met.deepest = std::max(met.deepest, tier_.deepest);
  }

 private:
  static constexpr int kMonthsMet = 3;

  TallyOptions draw_options() {
    TallyOptions o;
    const size_t budgets[] = {0, 3000, 40000, size_t(1) << 22};
    o.memory_bytes = budgets[draw(rng_, 4)];
    const int rows[] = {1, 2, 3, 5, 8, 9, 17, 64, 128};
    o.matrix_rows = rows[draw(rng_, 9)];
    const int words[] = {2, 3, 8, 30, 100, 1024};
    o.chunk_words = words[draw(rng_, 6)];
    o.deep_chunk_words = draw(rng_, 2) == 0 ? o.chunk_words : words[draw(rng_, 6)];
    const int inlined[] = {0, 1, 2, 5, 8, 32};
    o.inlined_rows = inlined[draw(rng_, 6)];
    const int whole[] = {0, 300, 2048, 1 << 16};
    o.whole_bytes = whole[draw(rng_, 4)];
    o.variant = int(draw(rng_, 4));
    return o;
  }

  // All is durable: a tally without memory keeps nothing, and its numbers come back to zero.
  void finish() {
    if (testing::Test::HasFailure()) return;
    hand_over();
    while (!in_flight_.empty()) commit();
    take_stats();
    if (options_.memory_bytes != 0) return;
    // A batch looks at about as many places as the indexes have slots (of 8 bytes), and at 65,536
    // at most; an index of a few slots has 64 places all the same. Two rounds, since a record in
    // use gets a second chance.
    for (uint64_t i = 4 * (tally_->stats().memory_bytes / 8) / 65536 + 16; i > 0; --i)
      ASSERT_TRUE(tally_->tally_batch(EventBatch(), result_).ok());
    const TallyStats s = tally_->stats();
    EXPECT_EQ(s.records, 0u);
    EXPECT_EQ(s.rows, 0u);
    EXPECT_EQ(s.words, 0u);
  }

  void take_stats() {
    const TallyStats s = tally_->stats();
    evictions_ += s.evictions;
    found_ += s.loads_found;
    words_ += s.words;
    EXPECT_LE(s.loads_found, s.loads);
  }

  void restart() {
    if (tally_ != nullptr) take_stats();
    tally_.reset();
    in_flight_.clear();
    counter_ = committed_;
    compiled_ = compile(versions_);
    announced_.reset();
    options_ = draw_options();
    tally_ = std::make_unique<Tally>(options_, compiled_->plan, tier_);
    memberships_ = 0;
  }

  void new_version() {
    if (versions_.size() == 5) return;
    versions_.push_back(chance(rng_, 50)
                            ? draw_plan(rng_)
                            : changed(versions_[draw(rng_, uint32_t(versions_.size()))]));
    restart();
  }
  PlanModel changed(PlanModel plan) {
    std::shuffle(plan.columns.begin(), plan.columns.end(), rng_);
    for (Section& s : plan.sections)
      for (Dimension& d : s.dimensions) {
        if (chance(rng_, 10)) d.unique = !d.unique;
        if (chance(rng_, 10)) d.lifetime = !d.lifetime;
      }
    return plan;
  }

  EventModel draw_event() {
    EventModel e;
    e.tenant = 1 + draw(rng_, 2);
    if (!chance(rng_, 10)) e.profile = chance(rng_, 40) ? 0 : draw(rng_, profiles_);
    do e.metric = 1 + draw(rng_, kMetrics);
    while (compiled_->metrics[e.metric - 1] == nullptr);
    if (!chance(rng_, 15)) e.id = draw(rng_, 3000);
    e.month = MonthIndex(first_month_ + draw(rng_, kMonthsMet));
    const int slots = slots_in(e.month);
    const uint32_t where = draw(rng_, 4);  // mostly near the edges
    e.slot = Slot(where == 0   ? int(draw(rng_, uint32_t(slots)))
                  : where == 1 ? int(draw(rng_, 60))
                               : slots - 1 - int(draw(rng_, 60)));
    if (where == 2) e.slot = Slot(rng_() % 2 ? 0 : slots - 1);
    const uint32_t rows = chance(rng_, 80) ? 1 : 1 + draw(rng_, 6);
    std::set<std::vector<uint64_t>> distinct;
    for (uint32_t r = 0; r < rows; ++r) {
      std::vector<uint64_t> row;
      for (int p = 0; p < kProperties; ++p) row.push_back(draw(rng_, values_));
      if (r > 0 && chance(rng_, 70)) {  // arrays share what is no array
        row = e.rows[0];
        row[draw(rng_, kProperties)] = draw(rng_, values_);
      }
      if (distinct.insert(row).second) e.rows.push_back(row);
    }
    return e;
  }

  struct Drawn {
    std::vector<EventModel> events;
    EventBatch batch;
  };
  Drawn draw_batch() {
    Drawn drawn;
    std::vector<EventModel>& events = drawn.events;
    const uint32_t count = draw(rng_, chance(rng_, 20) ? 100 : 12);
    for (uint32_t i = 0; i < count; ++i) {
      if (!events.empty() && chance(rng_, 10)) {  // the same again, perhaps with another content
        events.push_back(events[draw(rng_, uint32_t(events.size()))]);
        if (chance(rng_, 50)) events.back().rows = draw_event().rows;
      } else {
        events.push_back(draw_event());
      }
    }
    drawn.batch.columns = uint32_t(versions_.back().columns.size());
    for (const EventModel& e : events)
      add_event(e, versions_.back(), *compiled_, months_, drawn.batch);
    return drawn;
  }

  // Mostly the one that was announced with the last, with or without commits between.
  void batch() {
    const Drawn now = announced_ && chance(rng_, 80) ? std::move(*announced_) : draw_batch();
    const auto& [events, batch] = now;
    announced_.reset();
    if (chance(rng_, 70)) announced_ = draw_batch();

    const Status status =
        tally_->tally_batch(batch, result_, announced_ ? &announced_->batch : nullptr);
    ASSERT_TRUE(status.ok()) << status.error().message;
    size_t at = 0;
    uint64_t counted = 0;
    for (uint32_t i = 0; i < events.size(); ++i) {
      const auto expected = counter_.count(events[i], versions_.back(), *compiled_, months_);
      if (!expected) continue;
      ++counted;
      const size_t blocks = batch.events[i].metric->bitmap_words;
      for (uint32_t r = 0; r < expected->size(); ++r, ++at) {
        ASSERT_LT(at, result_.rows.size());
        ASSERT_EQ(result_.rows[at].event, i);
        ASSERT_EQ(result_.rows[at].row, r);
        const auto& want = (*expected)[r];
        ASSERT_LE(result_.rows[at].bitmaps + want.size(), result_.bitmaps.size());
        const std::vector<uint64_t> got(
            result_.bitmaps.begin() + result_.rows[at].bitmaps,
            result_.bitmaps.begin() + result_.rows[at].bitmaps + ptrdiff_t(want.size()));
        ASSERT_EQ(got, want) << "event " << i << " row " << r;
        for (size_t b = 0; b < blocks; ++b) memberships_ += uint64_t(__builtin_popcountll(want[b]));
        const uint64_t* kept = result_.rows[at].kept;
        if (kept == nullptr) continue;
        ++kept_;
        for (uint8_t column : batch.events[i].metric->columns)
          ASSERT_EQ(*kept++, batch.row_elements(batch.events[i], r)[column])
              << "event " << i << " row " << r;
      }
    }
    ASSERT_EQ(at, result_.rows.size());
    ASSERT_EQ(counted, result_.counted);
    ASSERT_EQ(events.size() - counted, result_.duplicates);
    ASSERT_EQ(tally_->stats().memberships, memberships_);
  }

  void hand_over() {
    std::vector<RowLog> logs(1);
    const bool nothing = tally_->pending_bytes() == 0;
    tally_->hand_over(++epoch_, logs[0]);
    ASSERT_EQ(nothing, logs[0].empty());
    ASSERT_EQ(tally_->pending_bytes(), 0u);
    in_flight_.push_back({epoch_, appends_of(logs, compiled_->plan, tier_.codes), counter_});
  }

  void commit() {
    if (in_flight_.empty()) return;
    tier_.commit(in_flight_.front().appends);
    committed_ = std::move(in_flight_.front().counter);
    tally_->durable(in_flight_.front().epoch);
    in_flight_.pop_front();
  }

  struct InFlight {
    uint64_t epoch;
    std::vector<RecordAppend> appends;
    Counter counter;
  };
  Rng rng_;
  MonthIndex first_month_ = 0;
  Months months_;
  uint32_t profiles_ = 0, values_ = 0;
  std::vector<PlanModel> versions_;
  std::unique_ptr<Compiled> compiled_;
  MemoryTier tier_;
  Counter counter_, committed_;
  std::deque<InFlight> in_flight_;
  std::unique_ptr<Tally> tally_;
  std::optional<Drawn> announced_;
  TallyResult result_;
  TallyOptions options_;
  uint64_t epoch_ = 0, memberships_ = 0, evictions_ = 0, found_ = 0, words_ = 0, kept_ = 0;
};

TEST(Tally, EveryBitmapIsThatOfANaiveCounterWhateverTheBatchesHandOversAndRestarts) {
  const char* wanted = std::getenv("QUIPU_SEED");
  const uint64_t first =
      wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
  const char* lives = std::getenv("QUIPU_LIVES");
  const int count = lives != nullptr ? std::atoi(lives) : 24;
  Life::Met met;
  for (uint64_t seed = first; seed < first + uint64_t(count); ++seed) {
    SCOPED_TRACE(testing::Message() << "QUIPU_SEED=" << seed);
    Life life(seed);
    life.run(50);
    life.add_to(met);
    if (HasFailure()) return;
  }
  if (lives != nullptr) return;
  EXPECT_GT(met.evictions, 1000u);
  EXPECT_GT(met.found, 1000u);
  EXPECT_GT(met.words, 1000u);
  EXPECT_GT(met.kept, 1000u);
  EXPECT_GT(met.inlined_rows, 100u);
  EXPECT_GT(met.whole, 10u);
  EXPECT_GE(met.deepest, 2);
}

// A plan of one metric in one calendar, for tests by hand.
class ByHand : public testing::Test {
 protected:
  ByHand() {
    months_[{1, kMarch2026}] = table(kMarch2026, {{"UTC", "UTC", WeekStart::monday}});
    months_[{1, kMarch2026 + 1}] = table(kMarch2026 + 1, {{"UTC", "UTC", WeekStart::monday}});
    Section section{1, false, false, {1}, {}};
    for (int p = 0; p < 10; ++p) {
      Dimension d{uint32_t(p) + 1, {}, std::nullopt, true, false};
      if (p > 0) d.properties = {p % kProperties};
      if (p > kProperties) d.properties = {0, p - kProperties};
      section.dimensions.push_back(d);
    }
    section.dimensions[0].lifetime = true;
    for (int d = 0; d < kDefinitions; ++d) model_.columns.push_back(d);
    model_.sections.push_back(section);
    compiled_ = compile({model_});
  }
  EventModel event(std::optional<uint64_t> profile, std::optional<uint64_t> id, Slot slot,
                   std::vector<uint64_t> row = {1, 1, 1, 1, 1, 1}) {
    return {1, profile, 1, id, kMarch2026, slot, {row}};
  }
  void add(Tally& tally, const std::vector<EventModel>& events) {
    EventBatch batch;
    batch.columns = kDefinitions;
    for (const EventModel& e : events) add_event(e, model_, *compiled_, months_, batch);
    const Status status = tally.tally_batch(batch, result_);
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  // Bit 0 (the metric alone) of each frame, then of first ever: "hdwm" + "e".
  std::string first(size_t row) const {
    std::string out;
    for (size_t f = 0; f < 5; ++f)
      out += result_.bitmaps[result_.rows[row].bitmaps + f] & 1 ? "hdwme"[f] : '-';
    return out;
  }
  void commit(Tally& tally, MemoryTier& tier, uint64_t epoch) {
    std::vector<RowLog> logs(1);
    tally.hand_over(epoch, logs[0]);
    tier.commit(appends_of(logs, compiled_->plan, tier.codes));
    tally.durable(epoch);
  }
  Months months_;
  PlanModel model_;
  std::unique_ptr<Compiled> compiled_;
  TallyResult result_;
};

TEST_F(ByHand, AProfilesFirstEventsOfHourDayWeekMonthAreFoundInAnyOrder) {
  MemoryTier tier;
  Tally tally({}, compiled_->plan, tier);
  const Slot monday_10 = 8 * 96 + 40;  // 2026-03-09
  add(tally, {event(7, 1, monday_10), event(7, 2, monday_10 + 3), event(7, 3, monday_10 + 4),
              event(7, 4, monday_10 - 4), event(7, 5, monday_10 + 96), event(7, 6, monday_10 - 96),
              event(8, 7, monday_10)});
  ASSERT_EQ(result_.rows.size(), 7u);
  EXPECT_EQ(first(0), "hdwme");
  EXPECT_EQ(first(1), "-----");
  EXPECT_EQ(first(2), "h----");
  EXPECT_EQ(first(3), "h----");
  EXPECT_EQ(first(4), "hd---");
  EXPECT_EQ(first(5), "hdw--");
  EXPECT_EQ(first(6), "hdwme");
}

TEST_F(ByHand, AWeekIsLookedUpInBothMonthsItLiesIn) {
  MemoryTier tier;
  Tally tally({}, compiled_->plan, tier);
  EventModel april = event(7, 1, 40);  // Wednesday 1 April
  april.month = kMarch2026 + 1;
  add(tally, {april, event(7, 2, 30 * 96 + 40),
              event(7, 3, 28 * 96 + 40)});  // Tuesday before, Sunday before
  EXPECT_EQ(first(0), "hdwme");
  EXPECT_EQ(first(1), "hd-m-");
  EXPECT_EQ(first(2), "hdw--");
}

TEST_F(ByHand, AnIdIsCountedOnceForItsProfileAndWithoutProfileOnceForItsTenant) {
  MemoryTier tier;
  Tally tally({}, compiled_->plan, tier);
  add(tally, {event(7, 1, 0), event(7, 1, 900), event(8, 1, 0), event({}, 1, 0), event({}, 1, 4),
              event({}, {}, 0), event({}, {}, 0)});
  EXPECT_EQ(result_.counted, 5u);
  EXPECT_EQ(result_.duplicates, 2u);
  ASSERT_EQ(result_.rows.size(), 5u);
  EXPECT_EQ(result_.rows[1].event, 2u);
  for (size_t row : {2u, 3u, 4u}) EXPECT_EQ(first(row), "-----");
}

TEST_F(ByHand, ARecordStaysInMemoryUntilItsCommitIsDurable) {
  MemoryTier tier;
  TallyOptions options;
  options.memory_bytes = 0;
  Tally tally(options, compiled_->plan, tier);
  add(tally, {event(7, 1, 0)});
  std::vector<RowLog> logs(1);
  tally.hand_over(1, logs[0]);
  for (int i = 0; i < 5; ++i) add(tally, {event(7, 1, 0)});
  EXPECT_EQ(result_.duplicates, 1u);
  EXPECT_EQ(tally.stats().loads_found, 0u);
  EXPECT_EQ(tally.stats().rows, 1u);
  tier.commit(appends_of(logs, compiled_->plan, tier.codes));
  tally.durable(1);
  for (int i = 0; i < 5; ++i) add(tally, {});
  EXPECT_EQ(tally.stats().records, 0u);
  add(tally, {event(7, 1, 0), event(7, 2, 0)});
  EXPECT_EQ(result_.duplicates, 1u);
  EXPECT_EQ(first(0), "-----");
  EXPECT_GT(tally.stats().loads_found, 0u);
}

TEST_F(ByHand, AProfileWithTwoEventsAMonthTakesLessThan300Bytes) {
  MemoryTier tier;
  Tally tally({}, compiled_->plan, tier);
  constexpr uint64_t kProfiles = 20000;
  for (uint64_t p = 0; p < kProfiles; ++p)
    add(tally, {event(p, 2 * p, 8 * 96), event(p, 2 * p + 1, 9 * 96, {2, 2, 2, 2, 2, 2})});
  EXPECT_EQ(tally.stats().rows, 2 * kProfiles);
  EXPECT_LT(double(tally.stats().memory_bytes) / kProfiles, 300);
}

TEST_F(ByHand, DamagedRecordsAreAnErrorThatNamesThemAndSaysWhatToDo) {
  for (const int inlined : {0, 1, 8}) {
    TallyOptions options;
    options.inlined_rows = inlined;
    MemoryTier tier;
    {
      Tally tally(options, compiled_->plan, tier);
      add(tally, {event(7, 1, 0), event(7, 2, 500)});
      commit(tally, tier, 1);
    }
    ASSERT_EQ(tier.records.size(), inlined == 8 ? 1u : 2u);
    const auto whole = tier.records;
    for (const auto& [key, value] : whole) {
      for (size_t cut = 1; cut < value.size(); ++cut) {
        tier.records = whole;
        tier.records[key].resize(cut);
        Tally tally(options, compiled_->plan, tier);
        EventBatch batch;
        batch.columns = kDefinitions;
        add_event(event(7, 1, 0), model_, *compiled_, months_, batch);
        const Status status = tally.tally_batch(batch, result_);
        ASSERT_FALSE(status.ok()) << inlined << " inlined, cut at " << cut;
        EXPECT_NE(status.error().message.find("tenant 1, profile "), std::string::npos);
        EXPECT_NE(status.error().message.find("quipu audit"), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace quipu
