#include "bench/run_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "bench/line_file.h"
#include "bench/measure.h"

namespace quipu::bench {
namespace {

namespace fs = std::filesystem;

TEST(RunWatch, SeesEveryLineBecomeDurable) {
  const uint64_t n = 20000;
  const fs::path folder =
      fs::path(testing::TempDir()) / ("run_watch_test-" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string lines = folder / "lines.jsonl";
  write_line_files({}, {{lines, n}});
  EngineOptions options = engine_options({.memory_bytes = uint64_t(256) << 20}, folder / "store");
  options.checkpoint_blocks = 5;
  auto engine = open_engine(10, options);
  uint64_t calls = 0;
  RunWatch watch(*engine, std::chrono::milliseconds(1), [&](const RunWatch::Sample&) { ++calls; });
  const double begin_s = monotonic_s();
  auto summary = engine->run({lines}, {});
  const double end_s = monotonic_s();
  ASSERT_TRUE(summary.ok());
  watch.stop();

  EXPECT_EQ(calls, watch.samples().size());
  EXPECT_EQ(watch.samples().back().decoded, n);
  EXPECT_EQ(watch.samples().back().tallied, n);  // counted or duplicate: no line is set aside
  const CheckpointTotals totals = engine->checkpoint_totals();
  ASSERT_GE(totals.checkpoints, 5u);
  EXPECT_EQ(watch.commit_seconds().size(), totals.checkpoints);
  EXPECT_NEAR(std::accumulate(watch.commit_seconds().begin(), watch.commit_seconds().end(), 0.0),
              totals.commit_s, 1e-6);
  ASSERT_FALSE(watch.commits().empty());
  EXPECT_EQ(watch.commits().back().lines, n);
  EXPECT_EQ(watch.commits().back().checkpoint, totals.checkpoints);
  RunWatch::Commit before;
  for (const RunWatch::Commit& commit : watch.commits()) {
    EXPECT_GT(commit.lines, before.lines);
    EXPECT_GE(commit.at_s, before.at_s);
    EXPECT_GE(commit.at_s, begin_s);
    EXPECT_LE(commit.at_s, end_s + 1);
    before = commit;
  }
  engine.reset();
  fs::remove_all(folder);
}

}  // namespace
}  // namespace quipu::bench
