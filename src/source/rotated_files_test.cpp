// Which names a rotation leaves, and what is read of a file that is held while others write to it.
#include "source/rotated_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "source/held_file.h"
#include "source/scratch_files.h"

namespace quipu {
namespace {

TEST(RotatedFiles, AreToldByTheirNames) {
  for (const char* name : {"app.log.1", "app.log.12.gz", "app.log.old", "app.log-20260305",
                           "app.log-20260305-1741168800.zst", "app.log.2026-03-05_10:00",
                           "app.log.gz", "app-2026-03-05.log", "app.1.log", "app-20260305.log.gz"})
    EXPECT_TRUE(is_rotated_name("app.log", name)) << name;
  for (const char* name : {"app.log", "application.log", "app2.log", "app.log.bak", "app.log.1.tmp",
                           "app.log1", "app-error.log", "app-error.log.1", "other.log.1",
                           "app.json", "app..log", "app.log.", "log"})
    EXPECT_FALSE(is_rotated_name("app.log", name)) << name;
  EXPECT_TRUE(is_rotated_name("app-2026-03-05.log", "app-2026-03-04.log.gz"));
  EXPECT_FALSE(is_rotated_name("app-2026-03-05.log", "web-2026-03-04.log"));
  EXPECT_TRUE(is_rotated_name("access", "access.1"));
  EXPECT_FALSE(is_rotated_name("access", "access.log"));
}

TEST(RotatedFiles, AreListedByTimeWithoutWhatIsBeingCompressed) {
  ScratchFiles folder;
  const auto put = [&](const std::string& name, int second) {
    folder.write(name, "x\n");
    const auto time = std::filesystem::file_time_type(std::chrono::seconds(1'000'000 + second));
    std::filesystem::last_write_time(folder.path(name), time);
  };
  put("app.log", 9);
  put("app.log.1", 3);
  put("app.log.1.gz", 8);
  put("app.log.3.gz", 1);
  put("app.log.2", 3);
  put("web.log.1", 5);
  std::filesystem::create_directory(folder.path("app.log.7"));
  const auto files = rotated_files_of(folder.path("app.log"));
  ASSERT_TRUE(files.ok()) << files.error().message;
  std::vector<std::string> names;
  for (const RotatedFile& file : *files)
    names.push_back(std::filesystem::path(file.path).filename().string());
  EXPECT_EQ(names, (std::vector<std::string>{"app.log.3.gz", "app.log.2", "app.log.1"}));
  const auto none = rotated_files_of(folder.path("no folder/app.log"));
  ASSERT_TRUE(none.ok()) << none.error().message;
  EXPECT_TRUE(none->empty());
}

std::string read_some(RawInput& input, uint64_t offset) {
  std::string bytes(100, '\0');
  const auto n = input.read_at(offset, bytes.data(), bytes.size());
  EXPECT_TRUE(n.ok());
  bytes.resize(n.ok() ? *n : 0);
  return bytes;
}

TEST(HeldFile, EndsWhereOtherTextTookThePlaceOfWhatWasRead) {
  ScratchFiles folder;
  const std::string path = folder.path("app.log");
  folder.write("app.log", "one\n");
  auto file = HeldFile::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message;
  auto input = input_of(*file);
  EXPECT_EQ(read_some(*input, 0), "one\n");
  EXPECT_EQ(read_some(*input, 4), "");
  folder.write("app.log", "one\ntwo\n");  // the same file, cut short and written again
  EXPECT_EQ(read_some(*input, 4), "two\n");
  folder.write("app.log", "one\nTWO\nthree\n");
  EXPECT_EQ(read_some(*input, 8), "");
  EXPECT_EQ(read_some(*input, 0), "one\nTWO\nthree\n");
}

TEST(HeldFile, KnowsWhatBecameOfItsName) {
  ScratchFiles folder;
  folder.write("app.log", "one\n");
  auto file = HeldFile::open(folder.path("app.log"));
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto before = (*file)->state();
  ASSERT_TRUE(before.ok());
  std::filesystem::rename(folder.path("app.log"), folder.path("app.log.1"));
  EXPECT_EQ((*file)->path_now(), std::filesystem::canonical(folder.path("app.log.1")).string());
  const auto gone = state_of_path(folder.path("app.log"));
  ASSERT_TRUE(gone.ok());
  EXPECT_FALSE(gone->has_value());
  const auto there = state_of_path(folder.path("app.log.1"));
  ASSERT_TRUE(there.ok());
  EXPECT_EQ(**there, *before);
  std::filesystem::remove(folder.path("app.log.1"));
  EXPECT_EQ((*file)->state()->names, 0u);
  EXPECT_NE((*file)->path_now(), folder.path("app.log.1"));
}

TEST(HeldFile, IsARegularFile) {
  ScratchFiles folder;
  for (const std::string& path : {folder.path("none"), folder.path(".")}) {
    const auto file = HeldFile::open(path);
    ASSERT_FALSE(file.ok());
    EXPECT_NE(file.error().message.find(path), std::string::npos);
  }
}

}  // namespace
}  // namespace quipu
