#include "store/commit_mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "store/store_model.h"

namespace quipu {
namespace {

constexpr size_t kSlotBytes = 4096;

void flip(const std::string& path, size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(std::streamoff(at));
  const char byte = char(file.get() ^ 1);
  file.seekp(std::streamoff(at));
  file.put(byte);
}

CommitMark::Value value_in(const std::string& path) {
  auto mark = CommitMark::open(path);
  EXPECT_TRUE(mark.ok() && *mark);
  return mark.ok() && *mark ? (*mark)->value() : CommitMark::Value{};
}

TEST(CommitMark, ATornOrDamagedWriteLeavesTheOneBefore) {
  for (uint64_t last : {5u, 6u}) {
    for (size_t byte : {0u, 8u, 16u, 24u}) {  // magic, checkpoint, commits, check
      TestFolder folder;
      const std::string path = folder / "committed";
      {
        auto mark = CommitMark::create(path, {10, 1});
        ASSERT_TRUE(mark.ok());
        for (uint64_t n = 2; n <= last; ++n) ASSERT_TRUE(mark->write({10 * n, n}).ok());
        EXPECT_EQ(mark->value().commits, last);
      }
      EXPECT_EQ(value_in(path).commits, last);
      EXPECT_EQ(value_in(path).checkpoint, 10 * last);
      flip(path, (last % 2) * kSlotBytes + byte);
      EXPECT_EQ(value_in(path).commits, last - 1);
      flip(path, ((last - 1) % 2) * kSlotBytes + byte);
      auto none = CommitMark::open(path);
      ASSERT_FALSE(none.ok());
      EXPECT_THAT(none.error().message, testing::HasSubstr("is damaged"));
    }
  }
}

TEST(CommitMark, ThatIsBehindIsBroughtUpToItsDatabase) {
  TestFolder folder;
  const std::string path = folder / "data/committed";
  StoreModel model;
  std::string before;
  {
    auto store = Store::open(folder / "data", test_options());
    ASSERT_TRUE(store.ok());
    for (int n = 0; n < 3; ++n) {
      std::ifstream file(path, std::ios::binary);
      before.assign(std::istreambuf_iterator<char>(file), {});
      ASSERT_TRUE((*store)->commit(model.next(5, TestWay::mixed)).ok());
      EXPECT_EQ(value_in(path).commits, model.checkpoint);
    }
  }
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      << before;  // killed before it was written
  EXPECT_EQ(value_in(path).commits, 2u);
  ASSERT_TRUE(Store::open(folder / "data", test_options(false)).ok());
  EXPECT_EQ(value_in(path).commits, 3u);
  EXPECT_EQ(value_in(path).checkpoint, 3u);
  std::filesystem::remove(path);
  ASSERT_TRUE(Store::open(folder / "data", test_options(false)).ok());
  EXPECT_EQ(value_in(path).commits, 3u) << "made anew";
}

}  // namespace
}  // namespace quipu
