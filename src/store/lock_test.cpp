// Who may enter a store's folder and open it, and what a backup leaves.
#include "store/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "store/store_model.h"

namespace quipu {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string error_of(const std::string& folder, const StoreOptions& options) {
  auto store = Store::open(folder, options);
  return store.ok() ? "" : store.error().message;
}

unsigned mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

TEST(StoreLock, IsHeldByOneAndNamesItsProcess) {
  TestFolder folder;
  EXPECT_EQ(StoreLock::holder(folder.path()), "another process");
  {
    auto one = StoreLock::take(folder.path());
    ASSERT_TRUE(one.ok() && *one);
    auto two = StoreLock::take(folder.path());
    ASSERT_TRUE(two.ok());
    EXPECT_FALSE(*two);
    EXPECT_EQ(StoreLock::holder(folder.path()), "process " + std::to_string(::getpid()));
    StoreLock moved = std::move(**one);
    EXPECT_FALSE(*StoreLock::take(folder.path()));
  }
  auto later = StoreLock::take(folder.path());
  EXPECT_TRUE(later.ok() && *later);
  std::ofstream(folder / "lock") << "12";
  EXPECT_EQ(StoreLock::holder(folder.path()), "another process") << "half a number is none";
  EXPECT_FALSE(StoreLock::take(folder / "none").ok());
}

TEST(StoreLock, IsTakenBeforeTheDatabaseIsTouched) {
  TestFolder folder;
  ASSERT_EQ(error_of(folder / "data", test_options()), "");
  auto lock = StoreLock::take(folder / "data");
  ASSERT_TRUE(lock.ok() && *lock);
  // A database that cannot be read is not even looked at.
  fs::rename(folder / "data/db", folder / "aside");
  const std::string error = error_of(folder / "data", test_options(false));
  EXPECT_THAT(error, HasSubstr("is in use by process " + std::to_string(::getpid())));
  EXPECT_FALSE(fs::exists(folder / "data/db"));
}

TEST(StoreLock, IsWaitedForAWhileAndAsLongAsThatIsWanted) {
  TestFolder folder;
  StoreOptions options = test_options();
  auto store = Store::open(folder / "data", options);
  ASSERT_TRUE(store.ok());
  options.lock_wait_ms = 60'000;
  int asked = 0;
  options.keep_waiting = [&] { return ++asked < 3; };
  EXPECT_THAT(error_of(folder / "data", options), HasSubstr("is in use"));
  EXPECT_EQ(asked, 3);
  options.keep_waiting = nullptr;
  std::thread closes([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    store->reset();
  });
  EXPECT_EQ(error_of(folder / "data", options), "");
  closes.join();
}

TEST(StoreFolder, IsMadePrivateIfItIsAStoreOrEmptyAndElseRefused) {
  TestFolder folder;
  fs::create_directory(folder / "data");
  ::chmod((folder / "data").c_str(), 0755);
  EXPECT_EQ(error_of(folder / "data", test_options()), "");
  EXPECT_EQ(mode_of(folder / "data"), 0700u);
  for (unsigned open : {0701u, 0740u, 0777u}) {
    ::chmod((folder / "data").c_str(), open);
    EXPECT_EQ(error_of(folder / "data", test_options(false)), "");
    EXPECT_EQ(mode_of(folder / "data"), 0700u);
  }
  fs::create_directory(folder / "shared");
  std::ofstream(folder / "shared/file") << "text";
  ::chmod((folder / "shared").c_str(), 0755);
  EXPECT_THAT(error_of(folder / "shared", test_options()), HasSubstr("its owner's alone"));
  EXPECT_EQ(mode_of(folder / "shared"), 0755u);
  EXPECT_FALSE(fs::exists(folder / "shared/lock"));
  ::chmod((folder / "shared").c_str(), 0700);
  EXPECT_EQ(error_of(folder / "shared", test_options()), "");
}

TEST(StoreFolder, IsNotWrittenToWhereNoStoreIs) {
  TestFolder folder;
  EXPECT_THAT(error_of(folder.path(), test_options(false)), HasSubstr("no store in"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Backup, LooksLikeAStoreOnlyOnceAllBesideItIsCopied) {
  TestFolder folder;
  StoreModel model;
  auto store = Store::open(folder / "data", test_options());
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->commit(model.next(2, TestWay::mixed)).ok());
  std::string error;
  const auto copies = [&](const std::string& to) -> Status {
    // Committed meanwhile: not in the copy.
    StoreModel later = model;
    EXPECT_TRUE((*store)->commit(later.next(3, TestWay::files)).ok());
    error = error_of(to, test_options(false));
    std::ofstream(to + "/beside") << "text";
    return {};
  };
  ASSERT_TRUE((*store)->backup(folder / "copy", copies).ok());
  EXPECT_THAT(error, HasSubstr("no store in"));
  EXPECT_TRUE(fs::exists(folder / "copy/beside"));
  EXPECT_EQ(mode_of(folder / "copy"), 0700u);
  auto copy = Store::open(folder / "copy", test_options(false));
  ASSERT_TRUE(copy.ok()) << copy.error().message;
  EXPECT_EQ(model.difference(**copy), "");
}

TEST(Backup, ThatFailsLeavesNothing) {
  TestFolder folder;
  auto store = Store::open(folder / "data", test_options());
  ASSERT_TRUE(store.ok());
  const Status failed =
      (*store)->backup(folder / "copy", [](const std::string&) { return Status(Error{"no"}); });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message, "no");
  EXPECT_FALSE(fs::exists(folder / "copy"));
}

}  // namespace
}  // namespace quipu
