#include "bench/workload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace quipu::bench {
namespace {

uint64_t fnv1a(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : bytes) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

std::vector<std::string> lines_of(const WorkloadOptions& options, int n) {
  Workload workload(options);
  std::vector<std::string> lines;
  for (int i = 0; i < n; ++i) {
    std::string line;
    workload.next(line);
    EXPECT_EQ(line.back(), '\n');
    line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

// The text or number of a field; names are distinct in a line.
std::string field(const std::string& line, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  size_t from = line.find(key);
  if (from == std::string::npos) return "";
  from += key.size();
  if (line[from] == '"') return line.substr(from + 1, line.find('"', from + 1) - from - 1);
  return line.substr(from, line.find_first_of(",}", from) - from);
}

TEST(Workload, FirstThousandLinesOfSeedOneAreTheseBytes) {
  Workload workload({});
  std::string bytes;
  for (int i = 0; i < 1000; ++i) workload.next(bytes);
  EXPECT_EQ(fnv1a(bytes), 0xcfb1ff1d3b415b80u);
}

TEST(Workload, AnotherSeedGivesOtherLines) {
  EXPECT_NE(lines_of({}, 10), lines_of({.seed = 2}, 10));
}

TEST(Workload, ProportionsAreAsStated) {
  const WorkloadOptions options;
  const int n = 150000;
  const std::vector<std::string> lines = lines_of(options, n);
  std::unordered_map<std::string, int> last;  // line -> where it stood last
  std::map<std::string, int> metrics, tenants;
  std::set<std::string> ids;
  size_t bytes = 0;
  int repeats = 0, events = 0, hours = 0, days = 0, years = 0, values = 0;
  for (int i = 0; i < n; ++i) {
    const std::string& line = lines[i];
    bytes += line.size() + 1;
    const auto [seen, fresh] = last.try_emplace(line, i);
    if (!fresh) {
      EXPECT_LE(i - seen->second, static_cast<int>(kRepeatWindow));
      seen->second = i;
      ++repeats;
      continue;
    }
    ++events;
    EXPECT_TRUE(ids.insert(field(line, "unique_id")).second);
    ++metrics[field(line, "metric")];
    ++tenants[field(line, "tenant")];
    const std::string metric = field(line, "metric"), value = field(line, "value");
    EXPECT_EQ(!value.empty(), metric == "Placed Order" || metric == "Viewed Product");
    if (!value.empty()) {
      EXPECT_EQ(value.find('.'), value.size() - 3);
      ++values;
    }
    const int64_t behind_s =
        options.base_s + i / static_cast<int>(options.rate) - std::stoll(field(line, "time"));
    EXPECT_GE(behind_s, 0);
    const int64_t day_s = 86400;
    if (behind_s <= 60) continue;
    if (behind_s >= 3600 && behind_s <= 12 * 3600) {
      ++hours;
    } else if (behind_s >= day_s && behind_s <= 20 * day_s) {
      ++days;
    } else {
      EXPECT_GE(behind_s, 365 * day_s);
      EXPECT_LE(behind_s, 5 * 365 * day_s);
      ++years;
    }
  }
  EXPECT_NEAR(static_cast<double>(bytes) / n, 500, 50);
  EXPECT_NEAR(static_cast<double>(repeats) / n, 0.03, 0.003);
  EXPECT_NEAR(static_cast<double>(hours) / events, 0.08, 0.004);
  EXPECT_NEAR(static_cast<double>(days) / events, 0.019, 0.002);
  EXPECT_NEAR(static_cast<double>(years) / events, 0.001, 0.0005);
  EXPECT_EQ(metrics.size(), 8u);
  EXPECT_NEAR(static_cast<double>(metrics["Opened Email"]) / events, 0.38, 0.01);
  EXPECT_NEAR(static_cast<double>(metrics["Placed Order"]) / events, 0.02, 0.002);
  EXPECT_NEAR(static_cast<double>(values) / events, 0.09, 0.005);
  double harmonic = 0;
  for (uint32_t k = 1; k <= options.tenants; ++k) harmonic += 1.0 / k;
  EXPECT_NEAR(static_cast<double>(tenants["t0"]) / events, 1 / harmonic, 0.01);
  EXPECT_NEAR(static_cast<double>(tenants["t1"]) / events, 0.5 / harmonic, 0.01);
}

TEST(Workload, PropertiesAreZipfOfTheirCardinality) {
  const std::vector<std::string> lines = lines_of({}, 60000);
  for (int p : {0, 7, 12, 18, 23}) {
    const std::string name = std::string("p") + (p < 10 ? "0" : "") + std::to_string(p);
    std::map<std::string, int> seen;
    for (const std::string& line : lines) ++seen[field(line, name)];
    EXPECT_LE(seen.size(), kCardinalities[p]);
    double total = 0;
    for (uint32_t k = 1; k <= kCardinalities[p]; ++k) total += std::pow(k, -0.8);
    EXPECT_NEAR(seen[name + "-0"] / 60000.0, 1 / total, 0.02) << name;
    EXPECT_NEAR(seen[name + "-1"] / 60000.0, std::pow(2, -0.8) / total, 0.02) << name;
  }
}

TEST(Workload, ASessionKeepsItsFirstTwelveProperties) {
  // So many profiles that one hardly begins two sessions: its lines are one session.
  const std::vector<std::string> lines = lines_of({.tenants = 3, .profiles = 1000000000000}, 40000);
  std::map<std::string, std::set<std::string>> kept;
  std::map<std::string, std::set<std::string>> events;
  for (const std::string& line : lines) {
    const std::string profile = field(line, "profile");
    const size_t from = line.find("\"p00\""), to = line.find(",\"p12\"");
    kept[profile].insert(line.substr(from, to - from));
    events[profile].insert(line);
  }
  double sum = 0;
  for (const auto& [profile, properties] : kept) {
    EXPECT_EQ(properties.size(), 1u) << profile;
    EXPECT_LE(events[profile].size(), 7u);
    sum += static_cast<double>(events[profile].size());
  }
  // Sessions cut by the first and last line make the mean a little smaller than 4.
  EXPECT_NEAR(sum / static_cast<double>(kept.size()), 3.85, 0.2);
}

TEST(Workload, ALineMayTakeSecondsOfEventTime) {
  const WorkloadOptions options{.profiles = 1000, .line_s = 31};
  const std::vector<std::string> lines = lines_of(options, 3000);
  int in_time = 0;
  for (int i = 0; i < 3000; ++i) {
    const int64_t behind_s = options.base_s + 31 * int64_t(i) - std::stoll(field(lines[i], "time"));
    in_time += behind_s >= 0 && behind_s <= 60;
  }
  // 90% of the 97% that are no repeats.
  EXPECT_NEAR(in_time, 0.873 * 3000, 100);
}

TEST(Workload, WithManyValuesEachEventHasAnotherAndAllElseIsTheSame) {
  const std::vector<std::string> few = lines_of({.tenants = 1}, 3000);
  const std::vector<std::string> many = lines_of({.tenants = 1, .values = 1000}, 3000);
  std::set<std::string> values;
  for (size_t i = 0; i < few.size(); ++i) {
    const std::string value = field(many[i], "p00");
    values.insert(value);
    std::string same = many[i];
    same.replace(same.find(value), value.size(), field(few[i], "p00"));
    EXPECT_EQ(same, few[i]);
  }
  EXPECT_EQ(values.size(), 1000u);
}

TEST(Workload, APreloadIsOneSessionForEachOldProfile) {
  const int n = 40000;
  const std::vector<std::string> lines = lines_of({.preload = n}, n + 20000);
  std::map<std::string, std::set<std::string>> kept, events;
  for (int i = 0; i < n; ++i) {
    const std::string& line = lines[i];
    const std::string profile = field(line, "profile");
    ASSERT_EQ(profile[0], 'o');
    const size_t from = line.find("\"p00\""), to = line.find(",\"p12\"");
    kept[profile].insert(field(line, "tenant") + line.substr(from, to - from));
    events[profile].insert(line);
  }
  for (const auto& [profile, properties] : kept) {
    EXPECT_EQ(properties.size(), 1u) << profile;
    EXPECT_LE(events[profile].size(), 7u);
  }
  // 0.97 * 40,000 events in sessions of 4, of which the open ones at the begin and at the end are
  // cut.
  EXPECT_GT(kept.size(), 9600u);
  EXPECT_LT(kept.size(), 9600u + kOpenSessions + 200);
  // Behind it sessions that were open go on, and no other is of an old profile.
  int old = 0;
  for (int i = n; i < n + 20000; ++i) {
    const std::string profile = field(lines[i], "profile");
    if (profile[0] != 'o') continue;
    const bool repeat = events[profile].contains(lines[i]);
    events[profile].insert(lines[i]);
    old += !repeat;
    EXPECT_LE(events[profile].size(), 7u);
  }
  EXPECT_GT(old, 0);
  EXPECT_LE(old, int(kOpenSessions) * 6);
}

TEST(Workload, ColdEventsAreOfOldProfilesDrawnUniformly) {
  const int n = 40000, m = 40000;
  for (uint32_t percent : {20u, 100u}) {
    const WorkloadOptions options{.preload = n, .cold_percent = percent};
    const std::vector<std::string> lines = lines_of(options, n + m);
    EXPECT_EQ(lines, lines_of(options, n + m));
    std::set<std::string> seen(lines.begin(), lines.begin() + n), old;
    std::map<std::string, std::set<std::string>> tenants;
    for (int i = 0; i < n; ++i) {
      old.insert(field(lines[i], "profile"));
      tenants[field(lines[i], "profile")].insert(field(lines[i], "tenant"));
    }
    int cold = 0, events = 0, unknown = 0;
    double sum = 0;
    std::set<std::string> drawn;
    // The second half, when the sessions of the preload are over.
    for (int i = n; i < n + m; ++i) {
      const bool repeat = !seen.insert(lines[i]).second;
      if (i < n + m / 2 || repeat) continue;
      ++events;
      const std::string profile = field(lines[i], "profile");
      if (profile[0] != 'o') continue;
      ++cold;
      unknown += !old.contains(profile);
      tenants[profile].insert(field(lines[i], "tenant"));
      drawn.insert(profile);
      sum += std::stod(profile.substr(1));
    }
    EXPECT_NEAR(static_cast<double>(cold) / events, percent / 100.0, 0.012);
    EXPECT_LE(unknown,
              cold / 20);  // those whose sessions had not yet sent anything when the preload ended
    EXPECT_NEAR(sum / cold / static_cast<double>(old.size()), 0.5, 0.03);
    // Of N profiles drawn `cold` times uniformly, N (1 - e^(-cold/N)) are met.
    const double profiles = static_cast<double>(old.size());
    EXPECT_NEAR(static_cast<double>(drawn.size()), profiles * (1 - std::exp(-cold / profiles)),
                profiles / 20);
    for (const auto& [profile, of] : tenants) EXPECT_EQ(of.size(), 1u) << profile;
  }
}

TEST(Workload, WithoutAPreloadThereAreNoColdEvents) {
  EXPECT_EQ(lines_of({.cold_percent = 50}, 2000), lines_of({}, 2000));
}

TEST(AliasTable, DrawsEachValueByItsWeight) {
  const AliasTable table({1, 0, 5, 2, 2});
  Random random(7);
  std::array<int, 5> seen{};
  for (int i = 0; i < 100000; ++i) ++seen[table.draw(random)];
  EXPECT_NEAR(seen[0], 10000, 500);
  EXPECT_EQ(seen[1], 0);
  EXPECT_NEAR(seen[2], 50000, 800);
  EXPECT_NEAR(seen[3], 20000, 700);
  EXPECT_NEAR(seen[4], 20000, 700);
}

TEST(WorkloadPlan, HasExactlyFDimensions) {
  for (int fanout : {1, 2, 25, 26, 100, 300}) {
    const std::string plan = workload_plan(fanout);
    const size_t from = plan.find("by: [") + 5, to = plan.find("], sum:");
    const std::string by = plan.substr(from, to - from);
    int dimensions = 1, depth = 0;
    for (char c : by) {
      depth += (c == '[') - (c == ']');
      dimensions += c == ',' && depth == 0;
    }
    EXPECT_EQ(dimensions, fanout);
  }
  EXPECT_EQ(workload_plan(1).find("properties:"), std::string::npos);
  EXPECT_NE(workload_plan(27).find("p23, [p00, p01], [p00, p02]], sum"), std::string::npos);
}

}  // namespace
}  // namespace quipu::bench
