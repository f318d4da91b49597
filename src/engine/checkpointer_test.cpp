// When checkpoints begin, what they cover, and what they leave behind.
#include "engine/checkpointer.h"

#include <thread>

#include "engine/test_engine.h"

namespace quipu {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Blocks of about a dozen lines.
EngineOptions small_blocks(const TestFolder& folder) {
  EngineOptions options = test_engine_options(folder);
  options.block_bytes = 1024;
  options.checkpoint_age_s = 3600;
  return options;
}

std::string many_blocks(const TestFolder& folder, int events = 3000) {
  return write_test_file(folder / "events.jsonl", test_events(0, events));
}

void wait_for_checkpoint(Engine& engine, uint64_t number) {
  const auto begin = Clock::now();
  while (engine.store().committed().checkpoint < number && seconds_since(begin) < 60)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GE(engine.store().committed().checkpoint, number);
}

TEST(Checkpointer, CommitsWhatIsThereWhenNothingMoreComes) {
  TestFolder folder;
  auto engine = open_test_engine(small_blocks(folder));
  RunOptions run;
  run.abandon_after_blocks = 3;
  ASSERT_TRUE(engine->run({many_blocks(folder)}, run).ok());
  wait_for_checkpoint(*engine, 1);
  EXPECT_EQ(engine->store().committed().tallies.read, uint64_t(engine->live().read));
  EXPECT_EQ(engine->live().durable_epoch, engine->store().committed().checkpoint);
}

// With its age, the size of the hot tier, or nothing but the end as its reason.
TEST(Checkpointer, BeginsByAgeAndWhenTheHotTierIsOverItsBudget) {
  const auto checkpoints = [](double age_s, size_t hot_bytes, int events) {
    TestFolder folder;
    EngineOptions options = small_blocks(folder);
    options.checkpoint_age_s = age_s;
    options.hot_bytes = hot_bytes;
    auto engine = open_test_engine(options);
    EXPECT_TRUE(engine->run({many_blocks(folder, events)}, {}).ok());
    return engine->checkpoint_totals().checkpoints;
  };
  EXPECT_GT(checkpoints(0, 0, 60'000), 1u);
  // So many that batches are full, and tallied, before the end.
  EXPECT_GT(checkpoints(3600, 1, 60'000), 1u);
  EXPECT_EQ(checkpoints(3600, 0, 60'000), 1u);
}

TEST(Checkpointer, BeginsAtOnceAfterAsManyBlocksAsAskedForAndCountsThemAnew) {
  TestFolder folder;
  EngineOptions options = small_blocks(folder);
  options.checkpoint_blocks = 10;
  auto engine = open_test_engine(options);
  const auto begin = Clock::now();
  ASSERT_TRUE(engine->run({many_blocks(folder, 9000)}, {}).ok());
  const double took_s = seconds_since(begin);
  const uint64_t checkpoints = engine->checkpoint_totals().checkpoints;
  EXPECT_GT(checkpoints, 30u);
  EXPECT_LT(checkpoints, 120u) << "some 900 blocks";
  EXPECT_LT(took_s, double(checkpoints) * kIdleCheckpointS) << "none waits until nothing comes";
}

TEST(Checkpointer, TellsEachTimeHowMuchSpaceItNeedsFromWhatWasWrittenBefore) {
  TestFolder folder;
  auto engine = open_test_engine(test_engine_options(folder));
  uint64_t space[2];
  for (int run = 0; run < 2; ++run) {
    std::string text;
    for (int n = 0; n < 150'000; ++n) text += test_event(7 * (run * 150'000 + n));  // one profile
    const std::string input =
        write_test_file(folder / ("events" + std::to_string(run) + ".jsonl"), text);
    const uint64_t before = engine->checkpoint_totals().space_bytes;
    ASSERT_TRUE(engine->run({input}, {}).ok());
    space[run] = engine->checkpoint_totals().space_bytes - before;
  }
  EXPECT_LT(space[1] * 10, space[0] * 9) << "the cells were few";
}

TEST(Engine, OneFileUnderTwoSpellingsIsCountedOnce) {
  TestFolder folder;
  const std::string input = write_test_file(folder / "events.jsonl", test_events(0, 500));
  auto engine = open_test_engine(test_engine_options(folder));
  ASSERT_TRUE(engine->run({input}, {}).ok());
  write_test_file(input, test_events(500, 700), std::ios::app);
  std::filesystem::create_directory(folder / "side");
  auto summary = engine->run({input, folder / "side/../events.jsonl"}, {});
  ASSERT_TRUE(summary.ok()) << message_of(summary);
  EXPECT_EQ(summary->tallies.read, 200u);
  EXPECT_EQ(summary->tallies.duplicate, 0u);
  EXPECT_EQ(summary->finished_before.size(), 1u);
}

TEST(Engine, AnErrorOfALaterInputSaysThatTheFirstIsCommitted) {
  TestFolder folder;
  const std::string one = write_test_file(folder / "one.jsonl", test_events(0, 50));
  auto engine = open_test_engine(test_engine_options(folder));
  const std::string message = message_of(engine->run({one, "-"}, {}));  // it has no name
  EXPECT_NE(message.find("--as NAME"), std::string::npos) << message;
  EXPECT_NE(message.find("what was read before is counted and committed"), std::string::npos)
      << message;
  EXPECT_EQ(engine->store().committed().tallies.counted, 50u);
  const std::string again = message_of(engine->run({"-"}, {}));
  EXPECT_EQ(again.find("what was read before"), std::string::npos) << again;
}

}  // namespace
}  // namespace quipu
