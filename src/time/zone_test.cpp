#include "time/zone.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

namespace quipu {
namespace {

const char* const kZones[] = {"UTC",
                              "America/New_York",
                              "America/Los_Angeles",
                              "America/Sao_Paulo",
                              "America/St_Johns",
                              "America/Halifax",
                              "America/Mexico_City",
                              "America/Santiago",
                              "America/Nuuk",
                              "America/Caracas",
                              "America/Argentina/San_Luis",
                              "America/Asuncion",
                              "America/Phoenix",
                              "Europe/Berlin",
                              "Europe/London",
                              "Europe/Dublin",
                              "Europe/Moscow",
                              "Europe/Istanbul",
                              "Europe/Lisbon",
                              "Africa/Casablanca",
                              "Africa/El_Aaiun",
                              "Africa/Cairo",
                              "Africa/Monrovia",
                              "Africa/Nairobi",
                              "Asia/Kolkata",
                              "Asia/Kathmandu",
                              "Asia/Tehran",
                              "Asia/Gaza",
                              "Asia/Pyongyang",
                              "Asia/Tokyo",
                              "Asia/Colombo",
                              "Asia/Jerusalem",
                              "Australia/Sydney",
                              "Australia/Lord_Howe",
                              "Australia/Eucla",
                              "Antarctica/Troll",
                              "Antarctica/Casey",
                              "Pacific/Apia",
                              "Pacific/Kwajalein",
                              "Pacific/Chatham",
                              "Pacific/Auckland",
                              "Pacific/Kiritimati",
                              "Pacific/Norfolk",
                              "Etc/GMT+12",
                              "EST5EDT"};

ZoneRules load(const std::string& name) {
  auto rules = load_zone(name);
  EXPECT_TRUE(rules.ok()) << rules.error().message;
  return rules.value();
}

std::string scratch(const std::string& name) {
  return testing::TempDir() + "quipu_zone_" + std::to_string(::getpid()) + "_" + name;
}

// Runs a Python program over lines of input; nothing if there is no python3 with zoneinfo.
std::vector<std::string> run_python(const std::string& program, const std::string& input) {
  const std::string script = scratch("script.py"), in = scratch("in"), out = scratch("out");
  std::ofstream(script) << program;
  std::ofstream(in) << input;
  std::vector<std::string> lines;
  const std::string tzpath = std::getenv("TZDIR") ? std::getenv("TZDIR") : "/usr/share/zoneinfo";
  if (std::system("python3 -c 'import zoneinfo' 2>/dev/null") == 0) {
    const std::string command =
        "PYTHONTZPATH=" + tzpath + " python3 " + script + " <" + in + " >" + out;
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream result(out);
    for (std::string line; std::getline(result, line);) lines.push_back(line);
  }
  for (const std::string& file : {script, in, out}) std::filesystem::remove(file);
  return lines;
}

TEST(Zone, OffsetsAreThoseOfPythonsZoneinfo) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  // The offset of a quarter-hour is the one in force at its end: so is a transition inside it taken
  // at its start.
  std::vector<std::pair<std::string, int64_t>> asked;
  std::vector<int32_t> ours;
  std::ostringstream input;
  for (const char* name : kZones) {
    const ZoneRules rules = load(name);
    auto ask = [&](int64_t t) {
      if (t < kMinEventTimeS || t >= kEndEventTimeS) return;
      asked.emplace_back(name, t);
      ours.push_back(rules.offset_at(t));
      input << name << " " << t - t % 900 + 899 << "\n";
    };
    for (int i = 0; i < 200; ++i) ask(int64_t(rng() % uint64_t(kEndEventTimeS)));
    for (int64_t t = 0; t < kEndEventTimeS; t += 17 * 86400 + int64_t(rng() % 5000000)) ask(t);
    for (const ZoneTransition& x : rules.transitions) {
      for (int64_t away : {-900, -1, 0, 1, 899, 900}) ask(x.utc_s + away);
    }
  }
  const auto answers = run_python(R"(
import sys, datetime, zoneinfo
epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
zones = {}
for line in sys.stdin:
    name, t = line.split()
    zone = zones.setdefault(name, zoneinfo.ZoneInfo(name))
    moment = (epoch + datetime.timedelta(seconds=int(t))).astimezone(zone)
    print(int(moment.utcoffset().total_seconds()))
)",
                                  input.str());
  if (answers.empty())
    GTEST_SKIP() << "no python3 with zoneinfo here: offsets are not compared with it";
  ASSERT_EQ(answers.size(), asked.size());
  EXPECT_GT(asked.size(), 40u * 200);
  for (size_t i = 0; i < asked.size(); ++i) {
    ASSERT_EQ(std::to_string(ours[i]), answers[i]) << asked[i].first << " at " << asked[i].second;
  }
}

TEST(Zone, LocalTimesResolveAsPythonsFoldZero) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  std::vector<int64_t> ours;
  std::vector<std::pair<std::string, int64_t>> asked;
  std::ostringstream input;
  // Zones whose transitions were never inside a quarter-hour, so that rounding does not matter.
  for (const char* name :
       {"America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia",
        "Africa/Casablanca", "Pacific/Kwajalein", "America/Sao_Paulo", "Pacific/Chatham"}) {
    const ZoneRules rules = load(name);
    auto ask = [&](int64_t local_s) {
      if (local_s < 2 * 86400 || local_s >= kEndEventTimeS - 2 * 86400) return;
      asked.emplace_back(name, local_s);
      ours.push_back(resolve_local(rules, local_s).utc_s);
      input << name << " " << local_s << "\n";
    };
    for (int i = 0; i < 100; ++i) ask(int64_t(rng() % uint64_t(kEndEventTimeS)));
    for (const ZoneTransition& x : rules.transitions) {
      for (int i = 0; i < 4; ++i) ask(x.utc_s + x.offset_s + int64_t(rng() % 14400) - 7200);
      ask(x.utc_s + x.offset_s);
      ask(x.utc_s + x.offset_s - 1);
    }
  }
  const auto answers = run_python(R"(
import sys, datetime, zoneinfo
epoch = datetime.datetime(1970, 1, 1)
zones = {}
for line in sys.stdin:
    name, t = line.split()
    zone = zones.setdefault(name, zoneinfo.ZoneInfo(name))
    local = (epoch + datetime.timedelta(seconds=int(t))).replace(tzinfo=zone, fold=0)
    print(int(t) - int(local.utcoffset().total_seconds()))
)",
                                  input.str());
  if (answers.empty())
    GTEST_SKIP() << "no python3 with zoneinfo here: local times are not compared with it";
  ASSERT_EQ(answers.size(), asked.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    ASSERT_EQ(std::to_string(ours[i]), answers[i])
        << asked[i].first << " local " << asked[i].second;
  }
}

TEST(Zone, ALocalTimeIsOnceTwiceOrSkippedAsCountingInstantsSays) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  int twice = 0, skipped = 0;
  for (const char* name : kZones) {
    const ZoneRules rules = load(name);
    for (int i = 0; i < 60; ++i) {
      int64_t near = int64_t(rng() % uint64_t(kEndEventTimeS - 20 * 86400)) + 10 * 86400;
      if (!rules.transitions.empty() && i % 4 > 0)
        near = rules.transitions[rng() % rules.transitions.size()].utc_s;
      const int64_t local = near + rules.offset_at(near) + int64_t(rng() % 400) * 60 - 200 * 60;
      // Every instant whose wall clock shows `local`, by trying every minute of two days.
      std::vector<int64_t> instants;
      for (int64_t second_of_offset : {0, 30}) {
        for (int64_t offset = -86400 + second_of_offset; offset < 86400; offset += 60) {
          if (rules.offset_at(local - offset) == offset) instants.push_back(local - offset);
        }
      }
      std::sort(instants.begin(), instants.end());
      const ResolvedLocal r = resolve_local(rules, local);
      SCOPED_TRACE(testing::Message() << name << " local " << local);
      if (instants.empty()) {
        ASSERT_EQ(r.kind, LocalKind::skipped);
        // Ahead by the gap: the clock then shows as much later as the gap is long.
        const int64_t shown = r.utc_s + rules.offset_at(r.utc_s);
        int64_t gap_at = r.utc_s;
        while (rules.offset_at(gap_at - 1) == rules.offset_at(r.utc_s)) --gap_at;
        ASSERT_EQ(shown - local, rules.offset_at(gap_at) - rules.offset_at(gap_at - 1));
        ++skipped;
      } else {
        ASSERT_EQ(r.kind, instants.size() > 1 ? LocalKind::twice : LocalKind::unique);
        ASSERT_EQ(r.utc_s, instants[0]);
        twice += instants.size() > 1;
      }
    }
  }
  EXPECT_GT(twice, 20);
  EXPECT_GT(skipped, 20);
}

TEST(Zone, RulesAreRoundedRisingAndChangeSomething) {
  for (const char* name : kZones) {
    const ZoneRules rules = load(name);
    int32_t offset = rules.first_offset_s;
    int64_t last = kMinEventTimeS - 2 * 86400 - 1;
    for (const ZoneTransition& x : rules.transitions) {
      EXPECT_EQ(x.utc_s % 900, 0) << name;
      EXPECT_GT(x.utc_s, last) << name;
      EXPECT_NE(x.offset_s, offset) << name;
      EXPECT_LT(x.utc_s, kEndEventTimeS + 2 * 86400);
      last = x.utc_s;
      offset = x.offset_s;
    }
  }
}

TEST(Zone, KnownOddities) {
  // St. John's changed at 00:01 until 2011: 2010-03-14T03:31Z, taken at 03:30.
  const ZoneRules st_johns = load("America/St_Johns");
  EXPECT_EQ(st_johns.offset_at(1268537400 - 1), -12600);
  EXPECT_EQ(st_johns.offset_at(1268537400), -9000);
  // Monrovia was at -0:44:30 until 1972.
  EXPECT_EQ(load("Africa/Monrovia").offset_at(0), -2670);
  EXPECT_EQ(load("Africa/Monrovia").offset_at(100000000), 0);
  // Far in the future the rules go on.
  EXPECT_EQ(load("America/New_York").offset_at(7255526400 - 150 * 86400), -4 * 3600);
  EXPECT_EQ(load("America/New_York").offset_at(7255526400), -5 * 3600);
  EXPECT_GT(load("America/New_York").transitions.size(), 450u);
  EXPECT_TRUE(load("UTC").transitions.empty());
  EXPECT_TRUE(load("Etc/GMT+12").transitions.empty());
  EXPECT_EQ(load("Etc/GMT+12").first_offset_s, -12 * 3600);
}

TEST(Zone, AFolderOfItsOwnIsReadInsteadOfTheSystems) {
  const std::string folder = scratch("zones");
  std::filesystem::create_directories(folder + "/Europe");
  std::filesystem::copy_file("/usr/share/zoneinfo/Asia/Tokyo", folder + "/Europe/Berlin");
  auto rules = load_zone("Europe/Berlin", folder);
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  EXPECT_EQ(rules->offset_at(1600000000), 9 * 3600);
  EXPECT_EQ(load("Europe/Berlin").offset_at(1600000000), 2 * 3600);
  auto missing = load_zone("Europe/London", folder);
  ASSERT_FALSE(missing.ok());
  // Damaged: cut in the middle.
  std::filesystem::resize_file(folder + "/Europe/Berlin", 60);
  std::filesystem::copy_file(folder + "/Europe/Berlin", folder + "/Europe/Paris");
  auto damaged = load_zone("Europe/Paris", folder);
  ASSERT_FALSE(damaged.ok());
  EXPECT_NE(damaged.error().message.find("damaged"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(Zone, AnUnknownNameIsAnErrorThatNamesNearOnes) {
  auto message = [](const std::string& name) {
    auto rules = load_zone(name);
    EXPECT_FALSE(rules.ok()) << name;
    return rules.ok() ? "" : rules.error().message;
  };
  EXPECT_NE(message("Europe/Berln").find("Europe/Berlin"), std::string::npos);
  EXPECT_NE(message("europe/berlin").find("Europe/Berlin"), std::string::npos);
  EXPECT_NE(message("New York").find("America/New_York"), std::string::npos);
  EXPECT_NE(message("Nothing at all like it").find("Europe/Berlin"), std::string::npos);
  for (const char* name :
       {"", "/usr/share/zoneinfo/UTC", "../zoneinfo/UTC", "Europe/../UTC", "Europe//Berlin",
        "Europe", "Europe/", "./UTC", "zone.tab", "tzdata.zi", "localtime", "posix/UTC",
        "right/UTC", "file:UTC", "libc:localtime", "Fixed/UTC+05:00:00", "UTC\n"}) {
    message(name);
  }
  message(std::string("UTC\0", 4));
  message(std::string(100000, 'x'));
}

TEST(Zone, StoredRulesAreReadBack) {
  for (const char* name : kZones) {
    const ZoneRules rules = load(name);
    std::string bytes;
    encode_zone(rules, bytes);
    auto back = decode_zone(bytes);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, rules);
  }
}

TEST(Zone, DamagedBytesGiveAnErrorOrValidRules) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 rng(seed);
  std::string bytes;
  encode_zone(load("Africa/Casablanca"), bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_zone(std::string_view(bytes).substr(0, cut)).ok());
  EXPECT_FALSE(decode_zone(bytes + "x").ok());
  for (int i = 0; i < 3000; ++i) {
    std::string changed = bytes;
    for (uint32_t n = 1 + rng() % 3; n > 0; --n) changed[rng() % changed.size()] = char(rng());
    auto rules = decode_zone(changed);
    if (!rules.ok()) continue;
    int64_t last = kMinEventTimeS - 2 * 86400 - 1;
    for (const ZoneTransition& x : rules->transitions) {
      ASSERT_GT(x.utc_s, last);
      ASSERT_EQ(x.utc_s % 900, 0);
      last = x.utc_s;
    }
    ASSERT_LT(last, kEndEventTimeS + 2 * 86400);
  }
  std::string other_version = bytes;
  other_version[0] = 2;
  EXPECT_NE(decode_zone(other_version).error().message.find("version 2"), std::string::npos);
}

TEST(Zone, OffsetsOfADayAndManyChangesWithinAMonthAreFaults) {
  constexpr int64_t kDay = 86400;
  ZoneRules rules{"Etc/Here", 86399, {{0, -86399}, {12 * kDay, 0}, {24 * kDay, 900}}};
  EXPECT_EQ(rules.fault(), "");
  rules.transitions.push_back({35 * kDay, 0});
  EXPECT_EQ(rules.fault(), "");
  std::string good, bad;
  encode_zone(rules, good);
  EXPECT_TRUE(decode_zone(good).ok());
  rules.transitions.back().utc_s -= 900;
  EXPECT_NE(rules.fault().find("3 changes"), std::string::npos) << rules.fault();
  encode_zone(rules, bad);
  EXPECT_FALSE(decode_zone(bad).ok());
  for (int32_t wide : {86400, -86400}) {
    EXPECT_NE((ZoneRules{"", wide, {}}.fault()), "");
    EXPECT_NE((ZoneRules{"", 0, {{900, wide}}}.fault()), "");
  }
}

TEST(Zone, UtcIsWhatItIsWhateverItsFileSays) {
  const std::string folder = scratch("utc");
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file("/usr/share/zoneinfo/Asia/Tokyo", folder + "/UTC");
  EXPECT_EQ(load_zone("UTC", folder).value(), (ZoneRules{"UTC", 0, {}}));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace quipu
