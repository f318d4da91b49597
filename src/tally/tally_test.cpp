#include "tally/tally.h"

#include <gtest/gtest.h>

#include <deque>

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
  for (const Calendar& c : calendars) rules.push_back({c, zone(c.zone), zone(c.zone), zone(c.zone)});
  return MonthTable::build(month, rules);
}

std::vector<Calendar> draw_calendars(Rng& rng) {
  static const std::vector<std::string> zones = {"UTC", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
                                                 "Pacific/Auckland", "Pacific/Apia", "America/St_Johns"};
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
    first_month_ = chance(rng_, 20) ? MonthIndex(41 * 12 + 10) : MonthIndex(kMarch2026 + draw(rng_, 12));  // 2011-11
    for (uint32_t t = 1; t <= 2; ++t) {
      const auto calendars = draw_calendars(rng_);
      for (MonthIndex m = first_month_; m < first_month_ + kMonthsMet; ++m) months_[{t, m}] = table(m, calendars);
    }
    profiles_ = 1 + draw(rng_, 12);
    values_ = 2 + draw(rng_, 6);
    versions_.push_back(draw_plan(rng_));
    restart();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      const uint32_t what = draw(rng_, 100);
      if (what < 70) batch();
      else if (what < 82) hand_over();
      else if (what < 94) commit();
      else if (what < 97) restart();
      else new_version();
    }
    EXPECT_EQ(tier_.asked_twice, 0);
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
    o.variant = int(draw(rng_, 4));
    return o;
  }

  void restart() {
    tally_.reset();
    in_flight_.clear();
    counter_ = committed_;
    compiled_ = compile(versions_);
    tally_ = std::make_unique<Tally>(draw_options(), compiled_->plan, tier_);
    memberships_ = 0;
  }

  void new_version() {
    if (versions_.size() == 5) return;
    versions_.push_back(chance(rng_, 50) ? draw_plan(rng_) : changed(versions_[draw(rng_, uint32_t(versions_.size()))]));
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
    e.slot = Slot(where == 0 ? int(draw(rng_, uint32_t(slots)))
                             : where == 1 ? int(draw(rng_, 60)) : slots - 1 - int(draw(rng_, 60)));
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

  void batch() {
    std::vector<EventModel> events;
    const uint32_t count = draw(rng_, chance(rng_, 20) ? 100 : 12);
    for (uint32_t i = 0; i < count; ++i) {
      if (!events.empty() && chance(rng_, 10)) {  // the same again, perhaps with another content
        events.push_back(events[draw(rng_, uint32_t(events.size()))]);
        if (chance(rng_, 50)) events.back().rows = draw_event().rows;
      } else {
        events.push_back(draw_event());
      }
    }
    EventBatch batch;
    batch.columns = uint32_t(versions_.back().columns.size());
    for (const EventModel& e : events) add_event(e, versions_.back(), *compiled_, months_, batch);

    const Status status = tally_->add(batch, result_);
    ASSERT_TRUE(status.ok()) << status.error().message;
    size_t at = 0;
    uint64_t counted = 0;
    for (uint32_t i = 0; i < events.size(); ++i) {
      const auto expected = counter_.count(events[i], versions_.back(), *compiled_, months_);
      if (!expected) continue;
      ++counted;
      const size_t blocks = batch.events[i].metric->blocks;
      for (uint32_t r = 0; r < expected->size(); ++r, ++at) {
        ASSERT_LT(at, result_.rows.size());
        ASSERT_EQ(result_.rows[at].event, i);
        ASSERT_EQ(result_.rows[at].row, r);
        const auto& want = (*expected)[r];
        ASSERT_LE(result_.rows[at].bitmaps + want.size(), result_.bitmaps.size());
        const std::vector<uint64_t> got(result_.bitmaps.begin() + result_.rows[at].bitmaps,
                                        result_.bitmaps.begin() + result_.rows[at].bitmaps + ptrdiff_t(want.size()));
        ASSERT_EQ(got, want) << "event " << i << " row " << r;
        for (size_t b = 0; b < blocks; ++b) memberships_ += uint64_t(__builtin_popcountll(want[b]));
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
    in_flight_.push_back({epoch_, encode_appends(std::move(logs), compiled_->plan), counter_});
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
  TallyResult result_;
  uint64_t epoch_ = 0, memberships_ = 0;
};

TEST(Tally, EveryBitmapIsThatOfANaiveCounterWhateverTheBatchesHandOversAndRestarts) {
  const char* wanted = std::getenv("QUIPU_SEED");
  const uint64_t first = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
  const char* lives = std::getenv("QUIPU_LIVES");
  const int count = lives != nullptr ? std::atoi(lives) : 60;
  for (uint64_t seed = first; seed < first + uint64_t(count); ++seed) {
    SCOPED_TRACE(testing::Message() << "QUIPU_SEED=" << seed);
    Life(seed).run(60);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace quipu
