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
  settings.engine.matrix_rows = std::array{1, 1, 2, 5, 40}[random() % 5];
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

}  // namespace
}  // namespace quipu::test
