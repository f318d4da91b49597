// Invariance: the same events in any order, split into any files and blocks, over any number of
// shards, with checkpoints, crashes and restarts anywhere, files that move in between, with any
// thresholds, budgets, chunk lengths and row forms: every answer equals the oracle's. Each stream
// is drawn from a printed seed.
//
// QUIPU_SEEDS (how many), QUIPU_FIRST_SEED and QUIPU_ORDERS (runs a stream) in the environment
// change how much is tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "invariance/oracle_tallies.h"
#include "invariance/store_run.h"
#include "oracle/oracle.h"
#include "oracle/stream.h"
#include "query/answer.h"

namespace quipu::test {
namespace {

// The system's zone files, with some zones under other rules: a newer tzdata, as far as it goes.
const std::string& other_zoneinfo() {
  static TemporaryFolder folder;
  static const std::string path = [] {
    namespace fs = std::filesystem;
    const std::string to = folder.path() + "/zoneinfo";
    fs::copy("/usr/share/zoneinfo", to,
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    auto swap = [&](const char* zone, const char* rules) {
      fs::remove(to + "/" + zone);
      fs::copy_file(std::string("/usr/share/zoneinfo/") + rules, to + "/" + zone);
    };
    swap("Europe/Berlin", "Europe/London");
    swap("America/Los_Angeles", "America/Phoenix");
    swap("Asia/Kolkata", "Asia/Kathmandu");
    swap("Pacific/Auckland", "Pacific/Chatham");
    return to;
  }();
  return path;
}

TEST(Invariance, EveryAnswerIsTheOraclesWhateverTheWay) {
  const uint64_t first = from_environment("QUIPU_FIRST_SEED", 1);
  const uint64_t seeds = from_environment("QUIPU_SEEDS", 12);
  const uint64_t orders = from_environment("QUIPU_ORDERS", 3);
  uint64_t runs = 0, restarts = 0, moves = 0, checkpoints = 0, lines = 0;
  for (uint64_t seed = first; seed < first + seeds && !::testing::Test::HasFailure(); ++seed) {
    std::mt19937_64 random(seed);
    oracle::StreamOptions options;
    options.events = 200 + int(random() % 1500);
    oracle::Stream stream = oracle::make_stream(seed, options);
    TemporaryFolder folder;
    write_file(folder.path() + "/plan.yaml", stream.plan);
    if (!stream.tenants_csv.empty()) write_file(folder.path() + "/tenants.csv", stream.tenants_csv);
    const bool two_rules = random() % 3 == 0;
    const size_t half = two_rules ? stream.lines.size() / 2 : stream.lines.size();

    oracle::Counter oracle(oracle::Plan::parse(stream.plan, stream.tenants_csv));
    for (size_t i = 0; i < stream.lines.size(); ++i) {
      if (i == half) oracle.set_zoneinfo(other_zoneinfo());
      oracle.add_line(stream.lines[i]);
    }
    const std::vector<std::string> right = oracle.export_lines();

    for (uint64_t order = 0; order < orders; ++order) {
      const Settings settings = draw_settings(random);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", order " + std::to_string(order) +
                   (two_rules ? ", two zone rules" : "") + ": " + settings.describe());
      if (order > 0) {
        std::shuffle(stream.lines.begin(), stream.lines.begin() + long(half), random);
        std::shuffle(stream.lines.begin() + long(half), stream.lines.end(), random);
      }
      const std::string run = folder.path() + "/run" + std::to_string(order);
      std::filesystem::create_directory(run);
      const std::vector<std::string> before(stream.lines.begin(),
                                            stream.lines.begin() + long(half));
      const std::vector<std::string> after(stream.lines.begin() + long(half), stream.lines.end());
      std::vector<Phase> phases{
          {split_into_files(run, "a", before, random), "", folder.path() + "/plan.yaml"}};
      if (two_rules)
        phases.push_back({split_into_files(run, "b", after, random), other_zoneinfo(),
                          folder.path() + "/plan.yaml"});
      const Outcome got = count_phases(run, phases, settings, random);
      EXPECT_EQ(first_differences(right, got.lines), "");
      expect_equal_tallies(oracle.tallies(), got.tallies);
      ++runs;
      restarts += got.restarts;
      moves += got.moves;
      checkpoints += got.checkpoints;
      lines += stream.lines.size();
      if (::testing::Test::HasFailure()) break;
    }
  }
  std::printf(
      "invariance: seeds %llu..%llu, %llu runs in different orders, %llu lines, %llu checkpoints, "
      "%llu restarts, %llu moves of files\n",
      (unsigned long long)first, (unsigned long long)(first + seeds - 1), (unsigned long long)runs,
      (unsigned long long)lines, (unsigned long long)checkpoints, (unsigned long long)restarts,
      (unsigned long long)moves);
}

// Hashes of four bits meet all the time: totals stay right, and whatever would show two values as
// one is refused.
TEST(SharedHashes, AnswersThatWouldShowTwoValuesAsOneAreRefusedAndCountingGoesOn) {
  TemporaryFolder folder;
  const std::string plan_text =
      "quipu: 1\nevent: {tenant: {const: t}, metric: {const: Opened}, profile: /who, time: /time}\n"
      "properties: {campaign: /campaign}\ncount:\n  - {metrics: \"*\", by: [[], campaign]}\n";
  std::string lines;
  for (int i = 0; i < 100; ++i) {
    lines += "{\"who\":\"p" + std::to_string(i % 7) + "\",\"campaign\":\"c" + std::to_string(i) +
             "\",\"time\":\"2026-03-01T10:00:00Z\"}\n";
  }
  write_file(folder.path() + "/events.jsonl", lines);
  EngineOptions options;
  options.data_folder = folder.path() + "/store";
  options.store.element_bits = 4;
  auto plan = Plan::parse(plan_text, "plan.yaml", folder.path());
  ASSERT_TRUE(plan.ok());
  auto engine = Engine::open(std::move(*plan), options);
  ASSERT_TRUE(engine.ok());
  auto summary = (*engine)->run({folder.path() + "/events.jsonl"}, {});
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->tallies.counted, 100u);
  auto snapshot = (*engine)->store().snapshot();
  auto view = StoreView::open((*engine)->catalogue(), *snapshot, (*engine)->store().hasher());
  ASSERT_TRUE(view.ok());
  Question question;
  question.metric = "Opened";
  question.in = "2026-03-01";
  auto total = answer(**view, question);
  ASSERT_TRUE(total.ok());
  EXPECT_EQ(total->groups[0].count[0], 100u);
  EXPECT_EQ(total->groups[0].unique[0], 7u);
  question.by = {"campaign"};
  auto grouped = answer(**view, question);
  ASSERT_FALSE(grouped.ok());
  EXPECT_NE(grouped.error().message.find("share one hash"), std::string::npos)
      << grouped.error().message;
  question.by.clear();
  // More than there are hashes, so that some must share one.
  std::vector<std::string> several;
  for (int i = 0; i < 20; ++i) several.push_back("c" + std::to_string(i));
  question.where = {{"campaign", Filter::Kind::any_of, several}};
  auto one = answer(**view, question);
  ASSERT_FALSE(one.ok());
  EXPECT_NE(one.error().message.find("share one hash"), std::string::npos) << one.error().message;
}

}  // namespace
}  // namespace quipu::test
