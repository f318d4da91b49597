// kill -9 at every step of a commit, in a process of its own: this program started again for the
// one disabled test at the end (a fork alone would lack RocksDB's threads).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "store/store_model.h"

extern char** environ;

namespace quipu {
namespace {

constexpr uint64_t kCommits = 4;
constexpr char kDataVariable[] = "QUIPU_STORE_TEST_DATA";

struct Child {
  int status = 0;
  bool killed() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
  bool succeeded() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
};

Child run_child(const char* test, std::map<std::string, std::string> variables) {
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e) environment.emplace_back(*e);
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  std::vector<char*> env, args;
  for (std::string& e : environment) env.push_back(e.data());
  env.push_back(nullptr);
  std::vector<std::string> arguments{
      "store_test", std::string("--gtest_filter=StoreChild.DISABLED_") + test,
      "--gtest_also_run_disabled_tests", "--gtest_brief=1", "--gtest_output="};
  for (std::string& a : arguments) args.push_back(a.data());
  args.push_back(nullptr);
  pid_t pid = 0;
  Child child;
  EXPECT_EQ(::posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, args.data(), env.data()), 0);
  EXPECT_EQ(::waitpid(pid, &child.status, 0), pid);
  return child;
}

TestWay way_of(const std::string& name) {
  return name == "batch" ? TestWay::batch : name == "files" ? TestWay::files : TestWay::mixed;
}

struct Step {
  const char* way;
  const char* point;
  bool committed;  // what was on its way is there after the crash
};

class StoreCrash : public testing::TestWithParam<Step> {};

TEST_P(StoreCrash, LeavesExactlyTheCheckpointBeforeOrAfter) {
  const Step step = GetParam();
  for (uint64_t pass = 1; pass <= 3; ++pass) {
    TestFolder folder;
    const uint64_t seed = 40 + pass;
    const Child child =
        run_child("Commits", {{kDataVariable, folder / "data"},
                              {"QUIPU_STORE_TEST_SEED", std::to_string(seed)},
                              {"QUIPU_STORE_TEST_WAY", step.way},
                              {"QUIPU_FAULT_AT", step.point + (":" + std::to_string(pass))}});
    ASSERT_TRUE(child.killed()) << step.point << " was not passed";
    StoreModel model;
    for (uint64_t n = 1; n < pass + (step.committed ? 1 : 0); ++n)
      model.next(seed, way_of(step.way));

    auto store = Store::open(folder / "data", test_options(pass == 1));
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ(model.difference(**store), "");
    EXPECT_TRUE(std::filesystem::is_empty(folder / "data/ingest"));
    while (model.checkpoint < kCommits)
      ASSERT_TRUE((*store)->commit(model.next(seed, way_of(step.way))).ok());
    EXPECT_EQ(model.difference(**store), "");
  }
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, StoreCrash,
                         testing::Values(Step{"batch", "commit.begin", false},
                                         Step{"batch", "commit.cells_written", false},
                                         Step{"batch", "commit.batch_begin", false},
                                         Step{"batch", "commit.batch_done", true},
                                         Step{"files", "commit.begin", false},
                                         Step{"files", "commit.cells_written", false},
                                         Step{"files", "commit.files_written", false},
                                         Step{"files", "commit.ingest_begin", false},
                                         Step{"files", "commit.ingest_done", true}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.way) + "_" + info.param.point;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

TEST(StoreCrash, AfterAWholeRunOfAnotherProcessEverythingIsThere) {
  TestFolder folder;
  ASSERT_TRUE(run_child("Commits", {{kDataVariable, folder / "data"},
                                    {"QUIPU_STORE_TEST_SEED", "7"},
                                    {"QUIPU_STORE_TEST_WAY", "mixed"}})
                  .succeeded());
  StoreModel model;
  while (model.checkpoint < kCommits) model.next(7, TestWay::mixed);
  auto store = Store::open(folder / "data", test_options(false));
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ(model.difference(**store), "");
  EXPECT_FALSE(run_child("Commits", {{kDataVariable, folder / "data"},
                                     {"QUIPU_STORE_TEST_SEED", "7"},
                                     {"QUIPU_STORE_TEST_WAY", "mixed"}})
                   .succeeded())
      << "another process opened a store that is in use";
}

#ifdef QUIPU_CANARY
TEST(StoreCrash, PositionsThatWereCommittedBeforeTheirCellsAreNoticed) {
  for (const char* way : {"batch", "files"}) {
    TestFolder folder;
    ASSERT_TRUE(run_child("Commits", {{kDataVariable, folder / "data"},
                                      {"QUIPU_STORE_TEST_SEED", "7"},
                                      {"QUIPU_STORE_TEST_WAY", way},
                                      {"QUIPU_PLANT", "positions_before_cells"},
                                      {"QUIPU_FAULT_AT", "commit.positions_only:2"}})
                    .killed());
    StoreModel one;
    one.next(7, way_of(way));
    StoreModel two = one;
    two.next(7, way_of(way));
    auto store = Store::open(folder / "data", test_options(false));
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_NE(one.difference(**store), "");
    EXPECT_NE(two.difference(**store), "");
  }
}
#endif

TEST(StoreChild, DISABLED_Commits) {
  const char* data = std::getenv(kDataVariable);
  if (!data) GTEST_SKIP() << "only for the tests that start this one";
  const uint64_t seed = std::stoull(std::getenv("QUIPU_STORE_TEST_SEED"));
  const TestWay way = way_of(std::getenv("QUIPU_STORE_TEST_WAY"));
  auto store = Store::open(data, test_options());
  if (!store.ok()) std::_Exit(1);
  StoreModel model;
  while (model.checkpoint < kCommits) {
    if (!(*store)->commit(model.next(seed, way)).ok()) std::_Exit(1);
  }
}

}  // namespace
}  // namespace quipu
