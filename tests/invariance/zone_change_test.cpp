// Zone rules that change while a store grows: random streams whose events lie at the edges of
// months, counted under one folder of zone files after the other. A month of a tenant stays under
// the rules it was first counted under; its neighbours may come later, under others, or never.
// Every answer is the oracle's, over any shards, sizes, crashes and restarts; profiles go on beyond
// the matrix, tenants have up to eight calendars. Each stream is drawn from a printed seed.
//
// QUIPU_SEEDS (how many), QUIPU_FIRST_SEED and QUIPU_ORDERS (runs a stream) in the environment
// change how much is tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "invariance/made_zones.h"
#include "invariance/oracle_tallies.h"
#include "invariance/store_run.h"
#include "oracle/oracle.h"
#include "oracle/stream.h"
#include "query/buckets.h"

namespace quipu::test {
namespace {

// Of the random streams.
constexpr const char* kZones[] = {"Asia/Kolkata",        "Asia/Kathmandu",      "Europe/Berlin",
                                  "America/New_York",    "America/Los_Angeles", "Pacific/Auckland",
                                  "Australia/Lord_Howe", "America/St_Johns",    "Antarctica/Casey",
                                  "Africa/Cairo",        "Pacific/Apia",        "Africa/Monrovia"};
constexpr int64_t kDayS = 86400;

// Offsets that change every few weeks, now and then for some hours only, also near the begin of a
// month. `wild`: from one side of Greenwich to the other.
MadeZone draw_zone(bool wild, std::mt19937_64& random) {
  const auto below = [&](uint64_t n) { return int64_t(random() % n); };
  const int64_t step = std::array{3600, 3600, 1800, 900}[size_t(below(4))];
  const int64_t widest = wild ? 14 * 3600 : 2 * 3600;
  const int64_t middle = wild ? 0 : (below(2) ? 1 : -1) * (3 + below(9)) * 3600;
  std::vector<int32_t> offsets;
  for (int i = 0; i < 12; ++i)
    offsets.push_back(
        int32_t(middle + (below(uint64_t(2 * widest / step + 1)) - widest / step) * step));
  MadeZone zone{offsets[0], {}};
  for (int64_t at = below(60) * kDayS; at < 230 * 365 * kDayS; at += (18 + below(54)) * kDayS) {
    const int64_t from = zone.changes.empty() ? zone.first_offset_s : zone.changes.back().second;
    const int64_t change_s = at + below(96) * 900 + (below(8) == 0 ? 60 : 0);
    const int64_t to = offsets[size_t(below(offsets.size()))];
    zone.changes.emplace_back(change_s, int32_t(to));
    if (below(4)) continue;
    // Back after a while: no change may cross the one before it by the local clock.
    zone.changes.emplace_back(change_s + std::abs(to - from) + (1 + below(20)) * 900,
                              int32_t(from));
    at += 36 * kDayS;
  }
  return zone;
}

// Folders of zone files: the system's, the system's under each other's names, and made ones.
class ZoneFolders {
 public:
  explicit ZoneFolders(const std::string& at) : at_(at) {}
  std::string draw(std::mt19937_64& random) {
    const std::string folder = at_ + "/zones" + std::to_string(++drawn_);
    const int kind = int(random() % 4);
    if (kind == 0) return "/usr/share/zoneinfo";
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file("/usr/share/zoneinfo/UTC", folder + "/UTC");
    for (const char* zone : kZones) {
      if (kind > 1) {
        write_zone(folder, zone, draw_zone(kind == 3, random));
        continue;
      }
      std::filesystem::create_directories(std::filesystem::path(folder + "/" + zone).parent_path());
      std::filesystem::copy_file(
          std::string("/usr/share/zoneinfo/") + kZones[random() % std::size(kZones)],
          folder + "/" + zone);
    }
    return folder;
  }

 private:
  std::string at_;
  int drawn_ = 0;
};

// Each month begins to come in some phase; its lines go to that one or later ones.
std::vector<std::vector<std::string>> draw_phases(const oracle::Stream& stream, size_t phases,
                                                  std::mt19937_64& random) {
  std::vector<std::vector<std::string>> drawn(phases);
  std::map<int64_t, size_t> first;
  for (size_t i = 0; i < stream.lines.size(); ++i) {
    const size_t from = first.try_emplace(stream.months[i], random() % phases).first->second;
    drawn[from + random() % (phases - from)].push_back(stream.lines[i]);
  }
  return drawn;
}

Settings draw_small_matrices(std::mt19937_64& random) {
  Settings settings = draw_settings(random);
  settings.engine.tally.matrix_rows = std::array{1, 1, 2, 5, 40}[random() % 5];
  return settings;
}

TEST(ZoneChange, EveryAnswerIsTheOraclesWhateverRulesItsMonthsAreUnder) {
  const uint64_t first = from_environment("QUIPU_FIRST_SEED", 1);
  const uint64_t seeds = from_environment("QUIPU_SEEDS", 25);
  const uint64_t orders = from_environment("QUIPU_ORDERS", 2);
  uint64_t runs = 0, restarts = 0, checkpoints = 0, lines = 0, answers = 0;
  for (uint64_t seed = first; seed < first + seeds && !::testing::Test::HasFailure(); ++seed) {
    std::mt19937_64 random(seed ^ 0x70e5);
    oracle::StreamOptions options;
    options.events = 100 + int(random() % 700);
    options.edge_share = 0.8;
    options.calendars = random() % 4 == 0 ? 8 : 0;
    const oracle::Stream stream = oracle::make_stream(seed, options);
    TemporaryFolder folder;
    write_file(folder.path() + "/plan.yaml", stream.plan);
    if (!stream.tenants_csv.empty()) write_file(folder.path() + "/tenants.csv", stream.tenants_csv);
    std::vector<std::vector<std::string>> phases = draw_phases(stream, 2 + random() % 3, random);
    ZoneFolders folders(folder.path());
    std::vector<std::string> zones;
    for (size_t p = 0; p < phases.size(); ++p) zones.push_back(folders.draw(random));

    oracle::Counter oracle(oracle::Plan::parse(stream.plan, stream.tenants_csv));
    for (size_t p = 0; p < phases.size(); ++p) {
      oracle.set_zoneinfo(zones[p]);
      for (const std::string& line : phases[p]) oracle.add_line(line);
    }
    const std::vector<std::string> right = oracle.export_lines();

    for (uint64_t order = 0; order < orders; ++order) {
      const Settings settings = draw_small_matrices(random);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", order " + std::to_string(order) + ", " +
                   std::to_string(phases.size()) + " phases: " + settings.describe());
      const std::string run = folder.path() + "/run" + std::to_string(order);
      std::filesystem::create_directory(run);
      std::vector<Phase> to_count;
      for (size_t p = 0; p < phases.size(); ++p) {
        if (order > 0) std::shuffle(phases[p].begin(), phases[p].end(), random);
        if (phases[p].empty()) continue;
        to_count.push_back(
            {split_into_files(run, "phase" + std::to_string(p) + "-", phases[p], random), zones[p],
             folder.path() + "/plan.yaml"});
        lines += phases[p].size();
      }
      // Months that were never counted are under the newest rules, also where nothing came.
      if (phases.back().empty())
        to_count.push_back({{}, zones.back(), folder.path() + "/plan.yaml"});
      const Outcome got = count_phases(run, to_count, settings, random);
      EXPECT_EQ(first_differences(right, got.lines), "");
      expect_equal_tallies(oracle.tallies(), got.tallies);
      ++runs;
      restarts += got.restarts;
      checkpoints += got.checkpoints;
      answers += right.size();
      if (::testing::Test::HasFailure()) break;
    }
  }
  std::printf(
      "zone changes: seeds %llu..%llu, %llu runs in different orders, %llu lines, %llu answers, "
      "%llu checkpoints, %llu restarts\n",
      (unsigned long long)first, (unsigned long long)(first + seeds - 1), (unsigned long long)runs,
      (unsigned long long)lines, (unsigned long long)answers, (unsigned long long)checkpoints,
      (unsigned long long)restarts);
}

// Lines counted under one folder of zone files after the other, and one bucket asked for.
class MonthRules : public ::testing::Test {
 protected:
  struct Event {
    std::string at, who = "p", colour = "red";
  };
  // Calendars of the zone Asia/Kolkata.
  void count(const std::vector<Event>& events, const MadeZone& zone) {
    const std::string n = std::to_string(++runs_);
    const std::string zones = folder_->path() + "/zones" + n;
    write_zone(zones, "Asia/Kolkata", zone);
    write_zone(zones, "UTC", {});
    std::string lines;
    for (const Event& e : events)
      lines +=
          "{\"who\":\"" + e.who + "\",\"colour\":\"" + e.colour + "\",\"at\":\"" + e.at + "\"}\n";
    write_file(folder_->path() + "/" + n + ".jsonl", lines);
    auto plan = Plan::parse(
        "quipu: 1\nevent: {tenant: {const: t}, metric: {const: Opened}, profile: /who, time: /at}\n"
        "properties: {colour: /colour}\ncalendars: {default: [{zone: Asia/Kolkata}]}\n"
        "count: [{metrics: \"*\", by: [[], colour]}]\n",
        "plan.yaml", folder_->path(), zones);
    ASSERT_TRUE(plan.ok());
    EngineOptions options;
    options.data_folder = folder_->path() + "/store";
    options.zoneinfo_dir = zones;
    if (matrix_rows_) options.tally.matrix_rows = matrix_rows_;
    engine_.reset();
    auto engine = Engine::open(std::move(*plan), options);
    ASSERT_TRUE(engine.ok()) << engine.error().message;
    engine_ = std::move(*engine);
    auto summary = engine_->run({folder_->path() + "/" + n + ".jsonl"}, {});
    ASSERT_TRUE(summary.ok());
    ASSERT_EQ(summary->tallies.counted, events.size());
  }
  // "count unique" of the total in a bucket, by its interval and first instant.
  std::string bucket(const std::string& interval, const std::string& first) {
    const std::string text = "\"by\":{},\"calendar\":\"Asia/Kolkata\",\"interval\":\"" + interval +
                             "\",\"bucket\":\"" + first + "\",\"count\":";
    std::string found;
    for (const std::string& line : sorted_export(*engine_)) {
      const size_t at = line.find(text);
      if (at == std::string::npos) continue;
      const std::string numbers = line.substr(at + text.size());
      found += numbers.substr(0, numbers.find(',')) + " " +
               numbers.substr(numbers.rfind(':') + 1, numbers.size() - numbers.rfind(':') - 2);
    }
    return found;
  }

  // A new store. matrix_rows 0: the default.
  void start(int matrix_rows) {
    engine_.reset();
    folder_ = std::make_unique<TemporaryFolder>();
    matrix_rows_ = matrix_rows;
  }

  std::unique_ptr<TemporaryFolder> folder_ = std::make_unique<TemporaryFolder>();
  std::unique_ptr<Engine> engine_;
  int runs_ = 0, matrix_rows_ = 0;
};

TEST_F(MonthRules, AnHourThatBeginsInAMonthNeverCountedIsTheSameUnderOtherRulesOfIt) {
  // Words, as the profile has more than the 384 rows of a matrix.
  std::vector<Event> march{{"2026-03-01T00:05:00Z"}};
  for (int i = 1; i <= 400; ++i)
    march.push_back({"2026-03-" + std::string(i % 20 < 5 ? "0" : "") + std::to_string(5 + i % 20) +
                         "T10:00:00Z",
                     "p", "c" + std::to_string(i)});
  std::rotate(march.begin(), march.begin() + 1, march.end());
  count(march, MadeZone{19800, {}});
  EXPECT_EQ(bucket("hour", "2026-03-01T05:00:00+05:30"), "1 1");
  count({{"2026-03-01T00:06:00Z"}}, MadeZone{20700, {}});
  EXPECT_EQ(bucket("hour", "2026-03-01T05:30:00+05:30"), "2 1") << "its first instant in March";
  count({{"2026-03-01T00:07:00Z"}, {"2026-02-28T23:45:00Z", "q"}}, MadeZone{19800, {}});
  EXPECT_EQ(bucket("hour", "2026-03-01T05:00:00+05:30"), "4 2") << "February came";
}

TEST_F(MonthRules, AWeekOverTheMonthsEdgeIsCutUnderThePinOfEach) {
  for (int rows : {0, 1}) {
    SCOPED_TRACE(rows);
    start(rows);
    // April under an hour east, March under two: this Sunday evening is of the week before.
    count({{"2026-04-05T22:30:00Z"}}, MadeZone{3600, {}});
    count({{"2026-03-31T12:00:00Z"}}, MadeZone{7200, {}});
    EXPECT_EQ(bucket("week", "2026-03-30T00:00:00+02:00"), "2 1");
    EXPECT_EQ(bucket("month", "2026-04-01T00:00:00+02:00"), "1 1");
  }
}

TEST_F(MonthRules, ALocalTimeInAQuestionIsReadUnderTheRulesOfItsMonth) {
  count({{"2026-04-05T22:30:00Z"}}, MadeZone{3600, {}});
  count({{"2026-07-05T22:30:00Z"}}, MadeZone{10800, {}});
  count({{"2026-08-05T22:30:00Z"}}, MadeZone{3600, {}});
  count({{"2026-02-05T22:30:00Z"}}, MadeZone{-7200, {}});
  auto snapshot = engine_->store().snapshot();
  auto view = StoreView::open(engine_->catalogue(), *snapshot, engine_->store().hasher());
  ASSERT_TRUE(view.ok());
  const TenantId tenant = *engine_->catalogue().find_tenant("t");
  const auto bound = [&](const std::string& text) {
    auto parsed = parse_bound(**view, tenant, 0, text);
    return parsed.ok() ? format_instant(*parsed, 0).substr(0, 16) : parsed.error().message;
  };
  EXPECT_EQ(bound("2026-04-05T23:30"), "2026-04-05T22:30") << "pinned an hour east";
  EXPECT_EQ(bound("2026-04-01T00:30"), "2026-03-31T23:30") << "in neither: by April's";
  EXPECT_EQ(bound("2026-04-01T01:30"), "2026-04-01T00:30");
  EXPECT_EQ(bound("2026-05-01T00:30"), "2026-05-01T02:30") << "never counted: the newest";
  EXPECT_EQ(bound("2026-08-01T02:30"), "2026-08-01T01:30");
  EXPECT_EQ(bound("2026-08-01T00:30"), "2026-07-31T21:30") << "in July, so under its rules";
  EXPECT_EQ(bound("2026-07-01T02:30"), "2026-06-30T23:30") << "in neither: by July's";
  EXPECT_EQ(bound("2026-06-30T23:30"), "2026-07-01T01:30") << "in neither: by June's";
  EXPECT_EQ(bound("2026-07-01T03:00"), "2026-07-01T00:00") << "pinned three hours east";
  EXPECT_EQ(bound("2026-05-01T00:30"), "2026-05-01T02:30");
  EXPECT_EQ(bound("2026-03-31T22:30"), "2026-04-01T00:30") << "in neither: by March's";
  EXPECT_EQ(bound("2026-02-28T23:30"), "2026-03-01T01:30");
  EXPECT_EQ(bound("2026-04-05T23:30Z"), "2026-04-05T23:30");
  EXPECT_EQ(bound("1969-12-31T23:30"), "1970-01-01T01:30");
}

TEST_F(MonthRules, ZonesThatNoCalendarCanFollowAreRefused) {
  int folders = 0;  // one for each: a zone file is read once in a process
  const auto refused = [&](const MadeZone& zone) {
    const std::string zones = folder_->path() + "/zones" + std::to_string(++folders);
    write_zone(zones, "UTC", {});
    write_zone(zones, "Asia/Kolkata", zone);
    auto plan = Plan::parse(
        "quipu: 1\nevent: {tenant: {const: t}, metric: {const: Opened}, time: /at}\n"
        "calendars: {default: [{zone: Asia/Kolkata}]}\ncount: [{metrics: \"*\", by: [[]]}]\n",
        "plan.yaml", folder_->path(), zones);
    return plan.ok() ? "" : plan.error().message;
  };
  EXPECT_EQ(refused({0, {{kDayS, 3600}, {9 * kDayS, 0}, {18 * kDayS, 3600}}}), "");
  const std::string many =
      refused({0, {{kDayS, 3600}, {9 * kDayS, 0}, {18 * kDayS, 3600}, {27 * kDayS, 0}}});
  EXPECT_NE(many.find("Asia/Kolkata has more than 3 changes of its offset within 35 days"),
            std::string::npos)
      << many;
  EXPECT_NE(refused({25 * 3600, {}}), "");
}

// January an hour east of Greenwich, February in it, March an hour west: the local February begins
// in January and ends in March.
TEST_F(MonthRules, ALocalMonthOverThreeUtcMonthsIsOneMonth) {
  const std::vector<std::pair<Event, int>> parts{{{"2026-01-31T23:30:00Z"}, 3600},
                                                 {{"2026-02-10T12:00:00Z", "q"}, 0},
                                                 {{"2026-03-01T00:30:00Z"}, -3600}};
  std::vector<size_t> order{0, 1, 2};
  do {
    for (int rows : {0, 1}) {
      SCOPED_TRACE(std::to_string(order[0]) + std::to_string(order[1]) + std::to_string(order[2]) +
                   ", rows " + std::to_string(rows));
      start(rows);
      for (size_t part : order) {
        const auto& [event, offset_s] = parts[part];
        // With a row before it, so that it goes into words if there is room for one row.
        const std::string day = event.at.substr(0, 8) + "15T12:00:00Z";
        count({{day, event.who, "blue"}, event}, MadeZone{offset_s, {}});
      }
      EXPECT_EQ(bucket("month", "2026-02-01T00:00:00+01:00"), "4 2");
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace quipu::test
