#include "time/month_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <tuple>

namespace quipu {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;
using Rules = std::shared_ptr<const ZoneRules>;
using CalendarRules = MonthTable::CalendarRules;

Rules load(const std::string& name) {
  static std::map<std::string, Rules> cache;
  Rules& rules = cache[name];
  if (!rules) {
    auto loaded = load_zone(name);
    EXPECT_TRUE(loaded.ok()) << name;
    rules = std::make_shared<const ZoneRules>(*loaded);
  }
  return rules;
}

// ---- The naive way: what the contract says of every single quarter-hour ----

int64_t naive_month_begin(int month) {
  const int years = month >= 0 ? month / 12 : -1;
  const year_month_day first{std::chrono::year(1970 + years),
                             std::chrono::month(unsigned(month - years * 12 + 1)),
                             std::chrono::day(1)};
  return sys_days(first).time_since_epoch().count() * int64_t{86400};
}
int naive_slots(int month) {
  return int((naive_month_begin(month + 1) - naive_month_begin(month)) / 900);
}

using Key = std::tuple<int64_t, int64_t, int64_t>;

Key naive_key(Interval interval, WeekStart week_start, int64_t utc_s, int32_t offset) {
  const auto local = std::chrono::sys_seconds(std::chrono::seconds(utc_s + offset));
  const sys_days day = std::chrono::floor<days>(local);
  const year_month_day date(day);
  switch (interval) {
    case Interval::hour:
      return {day.time_since_epoch().count(), (local - day).count() / 3600, offset};
    case Interval::day:
      return {day.time_since_epoch().count(), 0, 0};
    case Interval::week: {
      sys_days first = day;
      while ((std::chrono::weekday(first).iso_encoding() - 1) != unsigned(week_start))
        first -= days(1);
      return {first.time_since_epoch().count(), 0, 0};
    }
    default:
      return {int(date.year()), unsigned(date.month()), 0};
  }
}

// Offsets of the quarter-hours of a month, with no ZoneRules search for each.
std::vector<int32_t> naive_offsets(const ZoneRules& rules, int month) {
  std::vector<int32_t> list;
  size_t next = 0;
  int32_t offset = rules.first_offset_s;
  for (int q = 0; q < naive_slots(month); ++q) {
    const int64_t at = naive_month_begin(month) + q * 900;
    while (next < rules.transitions.size() && rules.transitions[next].utc_s <= at)
      offset = rules.transitions[next++].offset_s;
    list.push_back(offset);
  }
  return list;
}

struct NaiveCalendar {
  std::vector<int32_t> offsets[5];  // by quarter-hour of the months from two before to two after
  bool whole_hours = true, half_hours = true, odd = false;
};

NaiveCalendar naive_calendar(const CalendarRules& c, int month) {
  NaiveCalendar n;
  for (int i = 0; i < 5 && month + i - 2 < kMonths; ++i)
    n.offsets[i] = naive_offsets(*c.rules[size_t(std::max(i, 2 - month))], month + i - 2);
  const auto& own = n.offsets[2];
  for (size_t q = 0; q < own.size(); ++q) {
    const bool change = q > 0 && own[q] != own[q - 1];
    if (own[q] % 3600 != 0 || (change && q % 4 != 0)) n.whole_hours = false;
    if (own[q] % 1800 != 0 || (change && q % 2 != 0)) n.half_hours = false;
    if (own[q] % 900 != 0) n.odd = true;
  }
  return n;
}

// A month's table against what is worked out for each of its quarter-hours.
class NaiveComparison {
 public:
  NaiveComparison(const MonthTable& table, int month, std::span<const CalendarRules> calendars)
      : table_(table), month_(month), calendars_(calendars), reached_(size_t(naive_slots(month))) {
    for (const CalendarRules& c : calendars) naive_.push_back(naive_calendar(c, month));
  }

  void compare_frames();
  void compare_buckets();
  void compare_reach();

 private:
  // A quarter-hour of a month beside the table's.
  struct Member {
    int relative, quarter;
    bool operator==(const Member&) const = default;
  };
  // All quarter-hours of every bucket, in order of time.
  using Members = std::map<Key, std::vector<Member>>;

  Members members_of(size_t c, Interval interval) const;
  void compare_interval(size_t c, Interval interval);
  void compare_pieces(const Bucket& bucket, const Bucket& shared,
                      std::vector<Member> expected) const;
  void compare_label(const Bucket& bucket, const Key& key, size_t c, Interval interval,
                     int q) const;
  void compare_first(const Bucket& bucket, const Member& first, size_t c) const;
  void compare_order(size_t c, Interval interval, size_t buckets) const;

  const MonthTable& table_;
  const int month_;
  const std::span<const CalendarRules> calendars_;
  std::vector<NaiveCalendar> naive_;
  std::vector<uint8_t> reached_;
};

void NaiveComparison::compare_frames() {
  bool whole = true, half = true;
  for (const NaiveCalendar& n : naive_) whole = whole && n.whole_hours, half = half && n.half_hours;
  ASSERT_EQ(table_.grain_quarters(), whole ? 4 : half ? 2 : 1);
  ASSERT_EQ(table_.month(), month_);
  ASSERT_EQ(table_.calendars(), int(calendars_.size()));

  // Frames and tags: decision 24.
  std::set<int> hour_frames;
  for (size_t c = 0; c < calendars_.size(); ++c) {
    const int frame = table_.frame(int(c), Interval::hour);
    ASSERT_LT(frame, table_.hour_frames());
    hour_frames.insert(frame);
    size_t lowest = 0;
    while (calendars_[lowest].calendar.zone != calendars_[c].calendar.zone) ++lowest;
    ASSERT_EQ(table_.frame_tag(frame), naive_[c].whole_hours ? 1u : 0x100u + lowest);
    for (Interval i : {Interval::day, Interval::week, Interval::month}) {
      ASSERT_EQ(table_.frame_tag(table_.frame(int(c), i)), 0x100u + 0x100u * unsigned(i) + c);
    }
  }
  ASSERT_EQ(int(hour_frames.size()), table_.hour_frames());
  ASSERT_EQ(table_.frames(), table_.hour_frames() + 3 * table_.calendars());

  for (int q = 0; q < naive_slots(month_); ++q) {
    bool odd = false;
    for (const NaiveCalendar& n : naive_) odd = odd || n.offsets[2][size_t(q)] % 900 != 0;
    ASSERT_EQ(table_.odd_offset(Slot(q)), odd);
  }
}

NaiveComparison::Members NaiveComparison::members_of(size_t c, Interval interval) const {
  const WeekStart week_start = calendars_[c].calendar.week_start;
  Members members;
  for (int relative = -2; relative <= 2; ++relative) {
    const auto& offsets = naive_[c].offsets[relative + 2];
    for (size_t q = 0; q < offsets.size(); ++q) {
      const int64_t at = naive_month_begin(month_ + relative) + int64_t(q) * 900;
      members[naive_key(interval, week_start, at, offsets[q])].push_back({relative, int(q)});
    }
  }
  return members;
}

void NaiveComparison::compare_pieces(const Bucket& bucket, const Bucket& shared,
                                     std::vector<Member> expected) const {
  std::vector<Member> found;
  bool other = false;
  for (int p = 0; p < bucket.pieces; ++p) {
    const SlotRange& r = bucket.ranges[size_t(p)];
    ASSERT_EQ(r, shared.ranges[size_t(p)]);
    ASSERT_LT(r.begin, r.end);
    other = other || r.month != 0;
    if (p > 0) {
      const SlotRange& before = bucket.ranges[size_t(p) - 1];
      ASSERT_TRUE(before.month < r.month || (before.month == r.month && before.end < r.begin));
    }
    for (int s = r.begin; s < r.end; ++s) found.push_back({r.month, s});
  }
  ASSERT_EQ(bucket.other_months, other);
  std::erase_if(expected, [&](const Member& m) { return month_ + m.relative < 0; });
  ASSERT_TRUE(found == expected);
}

void NaiveComparison::compare_label(const Bucket& bucket, const Key& key, size_t c,
                                    Interval interval, int q) const {
  if (interval == Interval::hour) {
    // By the month's own offsets alone.
    const int32_t offset = naive_[c].whole_hours ? 0 : naive_[c].offsets[2][size_t(q)];
    const int64_t local_s = naive_month_begin(month_) + q * 900 + offset;
    ASSERT_EQ(bucket.label,
              hour_label((local_s - ((local_s % 3600) + 3600) % 3600) / 3600, offset));
  } else if (interval == Interval::month) {
    ASSERT_EQ(bucket.label, std::get<0>(key) * 12 + std::get<1>(key) - 1);
  } else {
    ASSERT_EQ(bucket.label, std::get<0>(key));
  }
}

void NaiveComparison::compare_first(const Bucket& bucket, const Member& first, size_t c) const {
  const int32_t first_offset = naive_[c].offsets[first.relative + 2][size_t(first.quarter)];
  const int64_t first_quarter_s = naive_month_begin(month_ + first.relative) + first.quarter * 900;
  ASSERT_EQ(bucket.first_offset_s, first_offset);
  if (first_offset % 900 == 0) {
    ASSERT_EQ(bucket.first_s, first_quarter_s);
  } else {
    ASSERT_LE(bucket.first_s, first_quarter_s);
    ASSERT_GT(bucket.first_s, first_quarter_s - 900);
  }
}

// All of them, each once, in the order of their first slots.
void NaiveComparison::compare_order(size_t c, Interval interval, size_t buckets) const {
  const int frame = table_.frame(int(c), interval);
  std::vector<int64_t> labels;
  for (const Bucket& bucket : table_.buckets(int(c), interval)) labels.push_back(bucket.label);
  ASSERT_EQ(labels.size(), buckets);
  int at_slot = -1;
  for (int64_t label : labels) {
    int slot = 0;
    while (table_.label(frame, Slot(slot)) != label) ++slot;
    ASSERT_GT(slot, at_slot);
    at_slot = slot;
  }
}

void NaiveComparison::compare_interval(size_t c, Interval interval) {
  const WeekStart week_start = calendars_[c].calendar.week_start;
  const Members members = members_of(c, interval);
  const int frame = table_.frame(int(c), interval);
  ASSERT_EQ(table_.buckets(int(c), interval).size(), table_.buckets(frame).size());
  std::map<int64_t, Key> key_of_label;
  std::set<Key> met;
  Key last;
  for (int q = 0; q < naive_slots(month_); ++q) {
    const int64_t at = naive_month_begin(month_) + q * 900;
    const Key key = naive_key(interval, week_start, at, naive_[c].offsets[2][size_t(q)]);
    const std::vector<Member>& expected = members.at(key);
    for (const Member& m : expected)
      if (month_ + m.relative >= 0) reached_[size_t(q)] |= uint8_t(1 << (m.relative + 2));
    ASSERT_EQ(table_.label(frame, Slot(q)), table_.bucket(frame, Slot(q)).label);
    if (q > 0 && key == last) continue;
    last = key;
    met.insert(key);
    SCOPED_TRACE(testing::Message() << "slot " << q);
    const Bucket bucket = table_.bucket(int(c), interval, Slot(q));
    const Bucket shared = table_.bucket(frame, Slot(q));
    ASSERT_EQ(bucket.label, shared.label);
    ASSERT_EQ(q % table_.grain_quarters(), 0);
    ASSERT_TRUE(key_of_label.emplace(bucket.label, key).second ||
                key_of_label[bucket.label] == key);
    ASSERT_NO_FATAL_FAILURE(compare_pieces(bucket, shared, expected));
    ASSERT_NO_FATAL_FAILURE(compare_label(bucket, key, c, interval, q));
    ASSERT_NO_FATAL_FAILURE(compare_first(bucket, expected.front(), c));
  }
  compare_order(c, interval, met.size());
}

void NaiveComparison::compare_buckets() {
  for (size_t c = 0; c < calendars_.size(); ++c) {
    for (Interval interval : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
      SCOPED_TRACE(testing::Message() << "calendar " << c << " " << calendars_[c].calendar.zone
                                      << " interval " << int(interval));
      ASSERT_NO_FATAL_FAILURE(compare_interval(c, interval));
    }
  }
}

void NaiveComparison::compare_reach() {
  for (int q = 0; q < naive_slots(month_); ++q)
    ASSERT_EQ(table_.reach(Slot(q)), reached_[size_t(q)] | 1 << kMonthsAround) << q;
}

void compare_with_naive(const MonthTable& table, int month,
                        std::span<const CalendarRules> calendars) {
  NaiveComparison comparison(table, month, calendars);
  ASSERT_NO_FATAL_FAILURE(comparison.compare_frames());
  ASSERT_NO_FATAL_FAILURE(comparison.compare_buckets());
  comparison.compare_reach();
}

// The same bucket met from a month after it: one label, one tag, one first instant.
void compare_with_later(const MonthTable& table, const MonthTable& next) {
  const int away = next.month() - table.month();
  for (int c = 0; c < table.calendars(); ++c) {
    for (Interval interval : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
      for (const Bucket& bucket : table.buckets(c, interval)) {
        for (int p = 0; p < bucket.pieces; ++p) {
          if (bucket.ranges[size_t(p)].month != away) continue;
          const Bucket there = next.bucket(c, interval, bucket.ranges[size_t(p)].begin);
          ASSERT_EQ(there.label, bucket.label);
          ASSERT_EQ(next.frame_tag(next.frame(c, interval)),
                    table.frame_tag(table.frame(c, interval)));
          ASSERT_TRUE(there.other_months);
          ASSERT_EQ(there.pieces, bucket.pieces);
          ASSERT_EQ(there.first_s, bucket.first_s);
          ASSERT_EQ(there.first_offset_s, bucket.first_offset_s);
        }
      }
    }
  }
}

// Rules as another tzdata might have had them: shifted by whole quarter-hours from some time on, or
// with changes that the real ones lack. `wild`: by up to most of a day, so that local months begin
// and end in the UTC months beside theirs.
Rules other_rules(const ZoneRules& real, int month, bool wild, std::mt19937_64& rng) {
  ZoneRules rules = real;
  const int32_t shift = wild ? int32_t(rng() % 65) * 900 - 28800 : int32_t(rng() % 5) * 900 - 1800;
  const int64_t around = naive_month_begin(month);
  std::vector<ZoneTransition> list;
  for (ZoneTransition x : rules.transitions) {
    if (x.utc_s < around - 40 * 86400) list.push_back(x);
  }
  int32_t offset = list.empty() ? rules.first_offset_s : list.back().offset_s;
  int64_t at = std::max<int64_t>(around - 35 * 86400, -86400);
  for (int i = int(rng() % 4); i > 0; --i) {
    at += int64_t(1 + rng() % 2880) * 900;
    offset += i % 2 == 1 ? shift : -shift;
    if (offset != (list.empty() ? rules.first_offset_s : list.back().offset_s))
      list.push_back({at, offset});
  }
  rules.transitions = list;
  EXPECT_EQ(rules.fault().find("a day"), std::string::npos);
  return std::make_shared<const ZoneRules>(rules);
}

constexpr const char* kZones[] = {"UTC",
                                  "America/New_York",
                                  "Europe/Berlin",
                                  "Asia/Kolkata",
                                  "Asia/Kathmandu",
                                  "America/St_Johns",
                                  "Australia/Lord_Howe",
                                  "Pacific/Apia",
                                  "Pacific/Chatham",
                                  "Africa/Monrovia",
                                  "Africa/Casablanca",
                                  "Pacific/Kwajalein",
                                  "Europe/London",
                                  "Antarctica/Casey",
                                  "America/Sao_Paulo",
                                  "Asia/Pyongyang",
                                  "Pacific/Kiritimati",
                                  "Etc/GMT+12",
                                  "Australia/Eucla",
                                  "Antarctica/Troll",
                                  "America/Caracas",
                                  "Asia/Tokyo"};

TEST(MonthTable, IsWhatTheContractSaysOfEveryQuarterHour) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  for (int round = 0; round < 60 && !testing::Test::HasFatalFailure(); ++round) {
    std::vector<Calendar> calendars;
    for (int n = round % 20 == 0 ? 8 : 1 + int(rng() % 3); n > 0; --n) {
      calendars.push_back({"", kZones[rng() % std::size(kZones)], WeekStart(rng() % 7)});
    }
    int month = int(rng() % kMonths);
    if (round % 7 == 0) month = 0;
    if (round % 7 == 1) month = kMonths - 1;
    if (round % 7 > 2) {  // a month with or beside a transition
      const Rules rules = load(calendars[0].zone);
      if (!rules->transitions.empty()) {
        const int64_t at = rules->transitions[rng() % rules->transitions.size()].utc_s;
        month = month_of(
            std::clamp<int64_t>(at + int64_t(rng() % 3 - 1) * 20 * 86400, 0, kEndEventTimeS - 1));
      }
    }
    const bool versions = round % 2 == 1, wild = round % 4 == 1;
    std::string zones;
    // Rules of months month-2 .. month+4, one for all calendars of a zone.
    std::vector<std::map<std::string, Rules>> rules(7);
    for (const Calendar& c : calendars) {
      zones += " " + c.zone;
      for (auto& of_month : rules) {
        Rules& r = of_month[c.zone];
        if (!r)
          r = versions && rng() % 2 == 0 ? other_rules(*load(c.zone), month, wild, rng)
                                         : load(c.zone);
      }
    }
    SCOPED_TRACE(testing::Message()
                 << "month " << month << (versions ? " (versions)" : "") << zones);
    auto around = [&](size_t first) {
      std::vector<CalendarRules> list;
      for (const Calendar& c : calendars) {
        CalendarRules of{c, {}};
        for (size_t i = 0; i < of.rules.size(); ++i)
          // What was before 1970 is under the rules of January 1970.
          of.rules[i] = rules[std::max(first + i, size_t(std::max(0, 2 - month)))].at(c.zone);
        list.push_back(of);
      }
      return list;
    };
    const auto here = around(0);
    const auto table = MonthTable::build(MonthIndex(month), here);
    compare_with_naive(*table, month, here);
    for (int later : {1, 2})
      if (month + later < kMonths && !testing::Test::HasFatalFailure())
        compare_with_later(*table,
                           *MonthTable::build(MonthIndex(month + later), around(size_t(later))));
  }
}

std::shared_ptr<const MonthTable> build(int month, const std::vector<Calendar>& calendars) {
  std::vector<CalendarRules> list;
  for (const Calendar& c : calendars) list.push_back(CalendarRules::under(c, load(c.zone)));
  return MonthTable::build(MonthIndex(month), list);
}
MonthIndex month_index(int year, int month) { return MonthIndex((year - 1970) * 12 + month - 1); }

TEST(MonthTable, GrainFollowsTheZonesOfTheMonth) {
  const MonthIndex march = month_index(2013, 3);
  EXPECT_EQ(build(march, {{"", "America/New_York"}})->grain_quarters(), 4);
  EXPECT_EQ(build(march, {{"", "America/New_York"}, {"", "Asia/Kolkata"}})->grain_quarters(), 2);
  EXPECT_EQ(build(march, {{"", "Asia/Kathmandu"}})->grain_quarters(), 1);
  EXPECT_EQ(build(month_index(1980, 1), {{"", "Asia/Kathmandu"}})->grain_quarters(),
            2);  // +5:30 until 1986
  EXPECT_EQ(build(month_index(1970, 5), {{"", "Africa/Monrovia"}})->grain_quarters(), 1);
  const auto table = build(march, {{"", "Asia/Kolkata"}});
  EXPECT_EQ(table->round(7), 6);
}

TEST(MonthTable, WholeHourCalendarsShareTheUtcHours) {
  const auto table =
      build(month_index(2013, 3),
            {{"", "Asia/Kolkata"}, {"", "America/New_York"}, {"", "Asia/Kolkata"}, {"", "UTC"}});
  EXPECT_EQ(table->hour_frames(), 2);
  EXPECT_EQ(table->frame(0, Interval::hour), table->frame(2, Interval::hour));
  EXPECT_EQ(table->frame(1, Interval::hour), table->frame(3, Interval::hour));
  EXPECT_EQ(table->frame_tag(table->frame(2, Interval::hour)), 0x100u);
  EXPECT_EQ(table->frame_tag(table->frame(3, Interval::hour)), 1u);
  // Each sees the shared hours under its own offset.
  EXPECT_EQ(table->bucket(1, Interval::hour, 0).first_offset_s, -5 * 3600);
  EXPECT_EQ(table->bucket(3, Interval::hour, 0).first_offset_s, 0);
  EXPECT_EQ(table->bucket(1, Interval::hour, 0).label, table->bucket(3, Interval::hour, 0).label);
}

TEST(MonthTable, KnownDays) {
  // New York, 10 March 2013: a day of 23 hours that begins at 05:00 UTC.
  const auto ny = build(month_index(2013, 3), {{"", "America/New_York", WeekStart::sunday}});
  const Bucket day = ny->bucket(ny->frame(0, Interval::day), Slot((9 * 24 + 12) * 4));
  EXPECT_EQ(day.label, 15774);
  EXPECT_EQ(day.first_s, 1362891600);
  EXPECT_EQ(day.first_offset_s, -5 * 3600);
  EXPECT_EQ(day.pieces, 1);
  EXPECT_EQ(day.ranges[0].end - day.ranges[0].begin, 23 * 4);
  EXPECT_EQ(ny->bucket(ny->frame(0, Interval::week), Slot((9 * 24 + 12) * 4)).label,
            15774);  // a Sunday
  // Apia had no 30 December 2011.
  const auto apia = build(month_index(2011, 12), {{"", "Pacific/Apia"}});
  std::set<int64_t> labels;
  for (const Bucket& b : apia->buckets(apia->frame(0, Interval::day))) labels.insert(b.label);
  EXPECT_TRUE(labels.contains(15337));  // the 29th
  EXPECT_FALSE(labels.contains(15338));
  EXPECT_TRUE(labels.contains(15339));
  // The week in which 1970 begins starts in 1969, for display.
  const auto utc = build(0, {{"", "UTC"}});
  const Bucket week = utc->bucket(utc->frame(0, Interval::week), 0);
  EXPECT_EQ(week.label, -3);
  EXPECT_EQ(week.first_s, -3 * 86400);
  EXPECT_FALSE(week.other_months);
  const auto ny1970 = build(0, {{"", "America/New_York"}});
  EXPECT_EQ(ny1970->bucket(ny1970->frame(0, Interval::month), 0).label, 1969 * 12 + 11);
  EXPECT_EQ(ny1970->bucket(ny1970->frame(0, Interval::month), 0).first_s, -31 * 86400 + 5 * 3600);
}

TEST(MonthTable, EveryInstantHasItsMonthAndSlot) {
  for (int month = 0; month < kMonths; ++month) {
    ASSERT_EQ(month_begin_s(MonthIndex(month)), naive_month_begin(month));
    for (int64_t at = naive_month_begin(month); at < naive_month_begin(month + 1); at += 86400) {
      ASSERT_EQ(month_of(at), month);
      ASSERT_EQ(month_of(at + 86399), month);
    }
    ASSERT_EQ(slots_in(MonthIndex(month)), naive_slots(month));
  }
  EXPECT_EQ(month_begin_s(kMonths), kEndEventTimeS);
  EXPECT_EQ(slot_of(1, 31 * 86400 + 899), 0);
  EXPECT_EQ(slot_of(1, 31 * 86400 + 900), 1);
}

}  // namespace
}  // namespace quipu
