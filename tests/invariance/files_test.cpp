// Files of text as they come, of any ends of lines and with headers of their own: counted in one
// command or while they grow, by any number of decoders, in blocks of any size, with crashes and
// restarts anywhere, every answer equals the oracle's of the whole files. Each stream is drawn from
// a printed seed; QUIPU_SEEDS and QUIPU_FIRST_SEED change how much is tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "invariance/oracle_tallies.h"
#include "invariance/store_run.h"
#include "oracle/delimited_stream.h"
#include "oracle/oracle.h"

namespace quipu::test {
namespace {

// Counts the files as they are now, with crashes on the way.
void count(const std::string& folder, const std::string& plan_text,
           const std::vector<std::string>& files, bool complete, const Settings& settings,
           std::mt19937_64& random, Outcome& outcome) {
  while (true) {
    EngineOptions options = settings.engine;
    options.data_folder = folder + "/store";
    auto plan = Plan::parse(plan_text, "plan.yaml", folder);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    auto engine = Engine::open(std::move(*plan), options);
    ASSERT_TRUE(engine.ok()) << engine.error().message;
    RunOptions run;
    run.complete = complete;
    run.anyway = true;
    if (settings.restart_every_blocks && random() % 3 != 0)
      run.abandon_after_blocks = 1 + random() % (8 * settings.restart_every_blocks);
    auto summary = (*engine)->run(files, run);
    ASSERT_TRUE(summary.ok()) << summary.error().message;
    if (run.abandon_after_blocks) {
      ++outcome.restarts;
      if (random() % 2 == 0) {
        ASSERT_TRUE((*engine)->checkpoint().ok());
      }
      continue;
    }
    outcome.tallies = (*engine)->store().committed().tallies;
    outcome.lines = sorted_export(**engine);
    return;
  }
}

TEST(Files, AnswersAreTheOraclesWhateverTheirTextAndHoweverTheyGrow) {
  const uint64_t first = from_environment("QUIPU_FIRST_SEED", 1);
  const uint64_t seeds = from_environment("QUIPU_SEEDS", 60);
  uint64_t records = 0, restarts = 0;
  for (uint64_t seed = first; seed < first + seeds && !::testing::Test::HasFailure(); ++seed) {
    std::mt19937_64 random(seed);
    const oracle::FileStream stream = oracle::make_file_stream(seed);
    Settings settings = draw_settings(random);
    settings.engine.block_bytes = size_t(std::vector<int>{1, 30, 200, 8192}[random() % 4]);
    const bool complete = random() % 2 == 0;
    const int growths = int(random() % 3);
    SCOPED_TRACE("seed " + std::to_string(seed) + " (" + stream.describe + "), " +
                 (complete ? "complete, " : "") + std::to_string(growths) +
                 " growths: " + settings.describe() + "\n" + stream.plan);
    TemporaryFolder folder;
    std::vector<std::string> names;
    std::vector<size_t> written;
    oracle::Counter right(oracle::Plan::parse(stream.plan));
    for (size_t f = 0; f < stream.files.size(); ++f) {
      names.push_back(folder.path() + "/f" + std::to_string(f));
      written.push_back(0);
      right.add_file(stream.files[f], complete);
    }
    Outcome got;
    for (int growth = 0; growth <= growths && !::testing::Test::HasFatalFailure(); ++growth) {
      for (size_t f = 0; f < names.size(); ++f) {
        const size_t rest = stream.files[f].size() - written[f];
        written[f] += growth == growths ? rest : random() % (rest + 1);
        write_file(names[f], stream.files[f].substr(0, written[f]));
      }
      count(folder.path(), stream.plan, names, complete && growth == growths, settings, random,
            got);
    }
    EXPECT_EQ(first_differences(right.export_lines(), got.lines), "");
    expect_equal_tallies(right.tallies(), got.tallies);
    records += got.tallies.read;
    restarts += got.restarts;
  }
  std::printf("files: seeds %llu..%llu, %llu records, %llu restarts\n", (unsigned long long)first,
              (unsigned long long)(first + seeds - 1), (unsigned long long)records,
              (unsigned long long)restarts);
}

}  // namespace
}  // namespace quipu::test
