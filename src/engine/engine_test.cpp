#include "engine/engine.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/test_engine.h"

namespace quipu {
namespace {

RunSummary run_well(Engine& engine, const std::vector<std::string>& inputs,
                    const RunOptions& options = {}) {
  auto summary = engine.run(inputs, options);
  EXPECT_TRUE(summary.ok()) << message_of(summary);
  return summary.ok() ? std::move(*summary) : RunSummary();
}

// "line" of every dead letter.
std::vector<int> dead_lines(const TestFolder& folder) {
  std::istringstream text(read_test_file(folder / "store/dead-letter.jsonl"));
  std::vector<int> lines;
  for (std::string entry; std::getline(text, entry);)
    lines.push_back(std::stoi(entry.substr(entry.find("\"line\":") + 7)));
  std::sort(lines.begin(), lines.end());
  return lines;
}

// What the store keeps of its inputs, as it is stored.
std::map<std::string, std::string> input_rows(Engine& engine) {
  std::map<std::string, std::string> rows;
  const Status read =
      engine.store().snapshot()->scan_meta(kPositionPrefix, [&](auto key, auto value) {
        rows[std::string(key)] = value;
        return true;
      });
  EXPECT_TRUE(read.ok());
  return rows;
}

TEST(Engine, ReadIsCountedAndDuplicateAndSetAsideAndUnplanned) {
  TestFolder folder;
  std::string text = test_events(0, 100);
  text += test_events(90, 95);                                    // again
  text += test_event(100, "Viewed") + test_event(101, "Viewed");  // no rule counts it
  text += "\n  \n";                                               // not read
  text += test_event(102, "Bought", "yesterday") + "no json\n";   // lines 110 and 111
  text += test_event(103, "Bought", "2150-01-01T00:00:00Z");
  const std::string input = write_test_file(folder / "events.jsonl", text);
  auto engine = open_test_engine(test_engine_options(folder));
  const RunSummary summary = run_well(*engine, {input});
  const Tallies& t = summary.tallies;
  EXPECT_EQ(t.read, 110u);
  EXPECT_EQ(t.counted, 101u);
  EXPECT_EQ(t.duplicate, 5u);
  EXPECT_EQ(t.unplanned, 2u);
  EXPECT_EQ(t.set_aside[size_t(Reason::time_bad)], 1u);
  EXPECT_EQ(t.set_aside[size_t(Reason::not_json)], 1u);
  EXPECT_EQ(t.set_aside_total(), 2u);
  EXPECT_EQ(t.notes[size_t(Note::future)], 1u);
  EXPECT_EQ(dead_lines(folder), (std::vector<int>{110, 111}));
  EXPECT_FALSE(summary.stopped);
  EXPECT_TRUE(summary.finished_before.empty());
  EXPECT_EQ(summary.committed.checkpoint, engine->store().committed().checkpoint);
  EXPECT_EQ(summary.committed.tallies.read, 110u);
  EXPECT_EQ(engine->live().read, 110u);
  EXPECT_EQ(engine->live().counted, 101u);
  EXPECT_EQ(engine->live().duplicate, 5u);
  EXPECT_EQ(engine->live().set_aside, 2u);
  EXPECT_EQ(engine->live().unplanned, 2u);
}

TEST(Engine, AFinishedInputReadAgainChangesNothing) {
  TestFolder folder;
  const std::string input =
      write_test_file(folder / "events.jsonl", test_events(0, 50) + "no json\n");
  CommittedState first;
  std::map<std::string, std::string> rows;
  {
    auto engine = open_test_engine(test_engine_options(folder));
    first = run_well(*engine, {input}).committed;
    rows = input_rows(*engine);
    EXPECT_GE(rows.size(), 3u) << "of the path, the content, its beginnings";
    EXPECT_EQ(first.tallies.counted, 50u);
    // In the same process, and
    EXPECT_EQ(run_well(*engine, {input}).finished_before, std::vector<std::string>{input});
  }
  auto engine = open_test_engine(test_engine_options(folder));  // in another one.
  const RunSummary again = run_well(*engine, {input});
  EXPECT_EQ(again.finished_before, std::vector<std::string>{input});
  EXPECT_EQ(again.tallies.read, 0u);
  EXPECT_EQ(again.committed.checkpoint, first.checkpoint);
  EXPECT_EQ(input_rows(*engine), rows);
  EXPECT_EQ(again.committed.tallies.counted, 50u);
  EXPECT_EQ(again.committed.dead_letter_bytes, first.dead_letter_bytes);
  EXPECT_EQ(dead_lines(folder), std::vector<int>{51});

  // What has been added to it is counted, and that alone.
  write_test_file(input, test_events(50, 60), std::ios::app);
  const RunSummary grown = run_well(*engine, {input});
  EXPECT_EQ(grown.tallies.read, 10u);
  EXPECT_EQ(grown.tallies.counted, 10u);
  EXPECT_TRUE(grown.finished_before.empty());
}

TEST(Engine, InputsOfEqualContentAreRefusedUnlessAskedFor) {
  TestFolder folder;
  const std::string one = write_test_file(folder / "one.jsonl", test_events(0, 50));
  const std::string two = write_test_file(folder / "two.jsonl", test_events(0, 50));
  auto engine = open_test_engine(test_engine_options(folder));
  const std::string message = message_of(engine->run({one, two}, {}));
  EXPECT_NE(message.find(two), std::string::npos) << message;
  EXPECT_NE(message.find(one), std::string::npos) << message;
  EXPECT_NE(message.find("--moved"), std::string::npos) << message;
  EXPECT_EQ(message.find("--again"), std::string::npos) << message;
  engine.reset();
  engine = open_test_engine(test_engine_options(folder));
  EXPECT_EQ(run_well(*engine, {one}).committed.tallies.counted, 50u);
  EXPECT_FALSE(engine->run({two}, {}).ok());
  RunOptions again;
  again.again = true;
  const RunSummary summary = run_well(*engine, {two}, again);
  EXPECT_EQ(summary.tallies.duplicate, 50u) << "ids dedup all the same";
  EXPECT_EQ(summary.committed.tallies.counted, 50u);
}

TEST(Engine, StrictStopsAtTheFirstLineSetAsideAndNamesIt) {
  TestFolder folder;
  const std::string input = write_test_file(
      folder / "events.jsonl",
      test_events(0, 40) + "\n" + test_event(40, "Bought", "yesterday") + test_events(41, 60));
  {
    auto engine = open_test_engine(test_engine_options(folder));
    RunOptions strict;
    strict.strict = true;
    const std::string message = message_of(engine->run({input}, strict));
    EXPECT_EQ(message.find(input + ":42: time_bad: "), 0u) << message;
    // The run has failed: nothing is committed any more.
    EXPECT_EQ(engine->store().committed().checkpoint, 0u);
    EXPECT_FALSE(engine->checkpoint().ok());
    EXPECT_FALSE(engine->run({input}, {}).ok());
    EXPECT_EQ(read_test_file(folder / "store/dead-letter.jsonl"), "");
  }
  auto engine = open_test_engine(test_engine_options(folder));
  const RunSummary summary = run_well(*engine, {input});
  EXPECT_EQ(summary.tallies.read, 60u);
  EXPECT_EQ(summary.tallies.counted, 59u);
  EXPECT_EQ(dead_lines(folder), std::vector<int>{42});
}

TEST(Engine, AbandonedRunsGoOnFromTheLastCheckpoint) {
  TestFolder folder;
  std::string text;
  std::vector<int> bad;
  for (int n = 0; n < 600; ++n) {
    text += n % 10 == 3 ? "no json " + std::to_string(n) + "\n" : test_event(n);
    if (n % 10 == 3) bad.push_back(n + 1);
  }
  const std::string input = write_test_file(folder / "events.jsonl", text);
  EngineOptions options = test_engine_options(folder);
  options.block_bytes = 2048;
  options.checkpoint_blocks = 2;
  RunOptions run;
  run.abandon_after_blocks = 7;
  int abandoned = 0;
  for (bool done = false; !done;) {
    ASSERT_LT(abandoned, 100);
    auto engine = open_test_engine(options);
    done = run_well(*engine, {input}, run).committed.checkpoint > 0;
    abandoned += !done;
  }
  EXPECT_GT(abandoned, 1);
  auto engine = open_test_engine(options);
  const CommittedState state = engine->store().committed();
  EXPECT_EQ(state.tallies.read, 600u);
  EXPECT_EQ(state.tallies.counted, 540u);
  EXPECT_EQ(state.tallies.duplicate, 0u);
  EXPECT_EQ(dead_lines(folder), bad);
  EXPECT_EQ(state.dead_letter_bytes, read_test_file(folder / "store/dead-letter.jsonl").size());
}

TEST(Engine, AStoppedRunCommitsWhatItReadAndGoesOnLater) {
  TestFolder folder;
  const std::string one = write_test_file(folder / "one.jsonl", test_events(0, 50));
  const std::string two = write_test_file(folder / "two.jsonl", test_events(50, 90));
  auto engine = open_test_engine(test_engine_options(folder));
  StopFlag stop, later;
  stop.set();
  RunOptions options;
  options.stop = &stop;
  const RunSummary stopped = run_well(*engine, {one, two}, options);
  EXPECT_TRUE(stopped.stopped);
  EXPECT_EQ(stopped.tallies.read, 0u);
  options.stop = &later;
  const RunSummary whole = run_well(*engine, {one, two}, options);
  EXPECT_FALSE(whole.stopped);
  EXPECT_EQ(whole.tallies.counted, 90u);
}

TEST(Engine, ACheckpointMakesWhatCameDurableAndIsNoneWhenNothingCame) {
  TestFolder folder;
  const std::string input = write_test_file(folder / "events.jsonl", test_events(0, 200));
  EngineOptions options = test_engine_options(folder);
  options.block_bytes = 1024;
  {
    auto engine = open_test_engine(options);
    EXPECT_TRUE(engine->checkpoint().ok());
    EXPECT_EQ(engine->store().committed().checkpoint, 0u);
    RunOptions run;
    run.abandon_after_blocks = 5;
    run_well(*engine, {input}, run);
    EXPECT_TRUE(engine->checkpoint().ok());
    const CommittedState state = engine->store().committed();
    EXPECT_GE(state.checkpoint, 1u);
    EXPECT_GT(state.tallies.counted, 0u);
    EXPECT_LT(state.tallies.counted, 200u);
    EXPECT_TRUE(engine->checkpoint().ok());
    EXPECT_EQ(engine->store().committed().checkpoint, state.checkpoint);
    auto positions = engine->positions();
    ASSERT_TRUE(positions.ok());
    ASSERT_EQ(positions->size(), 1u);
    EXPECT_EQ((*positions)[0].lines, state.tallies.read);
    EXPECT_FALSE((*positions)[0].finished);
  }
  auto engine = open_test_engine(options);
  EXPECT_EQ(run_well(*engine, {input}).committed.tallies.counted, 200u);
  EXPECT_TRUE(engine->positions()->at(0).finished);
}

TEST(Engine, WhatIsAskedForFreshIsAsFreshAsAskedFor) {
  TestFolder folder;
  const std::string one = write_test_file(folder / "one.jsonl", test_events(0, 100));
  const std::string two = write_test_file(folder / "two.jsonl", test_events(100, 200));
  EngineOptions options = test_engine_options(folder);
  options.block_bytes = 1024;
  auto engine = open_test_engine(options);
  RunOptions run;
  run.abandon_after_blocks = 3;
  run_well(*engine, {one}, run);
  // Nothing is known to be durable yet, however old it may be.
  EXPECT_TRUE(engine->checkpoint_if_older(std::chrono::hours(1)).ok());
  EXPECT_EQ(engine->store().committed().tallies.read, uint64_t(engine->live().read));
  const uint64_t first = engine->store().committed().checkpoint;
  EXPECT_GE(first, 1u);
  EXPECT_TRUE(engine->checkpoint_if_older(std::chrono::hours(1)).ok());
  EXPECT_TRUE(engine->checkpoint_if_older(std::chrono::seconds(0)).ok());
  EXPECT_EQ(engine->store().committed().checkpoint, first) << "nothing came meanwhile";
  run.abandon_after_blocks = 6;
  run_well(*engine, {two}, run);
  EXPECT_TRUE(engine->checkpoint_if_older(std::chrono::seconds(0)).ok());
  EXPECT_GT(engine->store().committed().checkpoint, first);
  EXPECT_EQ(engine->store().committed().tallies.read, uint64_t(engine->live().read));
}

TEST(Engine, AChangedPlanIsCommittedThoughTheInputsHoldNothingNew) {
  TestFolder folder;
  const std::string input = write_test_file(folder / "events.jsonl", test_events(0, 50));
  const EngineOptions options = test_engine_options(folder);
  uint64_t before = 0;
  {
    auto engine = open_test_engine(options);
    before = run_well(*engine, {input}).committed.checkpoint;
    EXPECT_EQ(engine->catalogue().plan_versions().size(), 1u);
  }
  std::string changed = kTestPlan;
  changed.replace(changed.find("by: [[], colour]"), 16, "by: [[], colour], lifetime: yes");
  {
    auto engine = open_test_engine(options, changed);
    const RunSummary summary = run_well(*engine, {input});
    EXPECT_EQ(summary.finished_before, std::vector<std::string>{input});
    EXPECT_EQ(summary.committed.checkpoint, before + 1);
    EXPECT_EQ(run_well(*engine, {input}).committed.checkpoint, before + 1) << "once is enough";
  }
  auto engine = open_test_engine(options, changed);
  EXPECT_EQ(engine->catalogue().plan_versions().size(), 2u);
  EXPECT_EQ(run_well(*engine, {input}).committed.checkpoint, before + 1);
}

TEST(Engine, AFailureWakesWhoeverWaitsForStandardInput) {
  TestFolder folder;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int kept = ::dup(STDIN_FILENO);
  ASSERT_EQ(::dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  StopFlag stop;
  RunOptions options;
  options.strict = true;
  options.standard_input_name = "tap";
  options.stop = &stop;
  const std::string line = "no json\n";
  ASSERT_EQ(::write(ends[1], line.data(), line.size()), ssize_t(line.size()));
  {
    auto engine = open_test_engine(test_engine_options(folder));
    // The pipe stays open: without the failure this would wait for ever.
    const std::string message = message_of(engine->run({"-"}, options));
    EXPECT_NE(message.find("--strict stops"), std::string::npos) << message;
    EXPECT_TRUE(stop.is_set());
  }
  ::dup2(kept, STDIN_FILENO);
  for (int fd : {kept, ends[0], ends[1]}) ::close(fd);
}

TEST(Engine, RefusesTooLittleMemoryAndInputsThatAreNotThere) {
  TestFolder folder;
  EngineOptions options = test_engine_options(folder);
  options.memory_bytes = kMinMemoryBytes - 1;
  const std::string message = message_of(Engine::open(parse_test_plan(kTestPlan), options));
  EXPECT_NE(message.find("--memory"), std::string::npos) << message;
  EXPECT_NE(message.find("256M"), std::string::npos) << message;
  EXPECT_FALSE(std::filesystem::exists(options.data_folder)) << "refused before anything was made";

  auto engine = open_test_engine(test_engine_options(folder));
  const std::string absent = message_of(engine->run({folder / "none.jsonl"}, {}));
  EXPECT_NE(absent.find("none.jsonl"), std::string::npos) << absent;
}

}  // namespace
}  // namespace quipu
