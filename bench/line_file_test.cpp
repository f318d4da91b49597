#include "bench/line_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace quipu::bench {
namespace {

namespace fs = std::filesystem;

TEST(LineFiles, PartsAreOneWorkloadAndAreKept) {
  const fs::path folder =
      fs::path(testing::TempDir()) / ("line_file_test-" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string first = folder / "a", second = folder / "b";
  write_line_files({.seed = 3}, {{first, 700}, {second, 5000}});
  auto text = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  Workload workload({.seed = 3});
  std::string right;
  for (int i = 0; i < 700; ++i) workload.next(right);
  EXPECT_EQ(text(first), right);
  right.clear();
  for (int i = 0; i < 5000; ++i) workload.next(right);
  EXPECT_EQ(text(second), right);
  std::ofstream(second) << "mine";
  write_line_files({.seed = 3}, {{first, 700}, {second, 5000}});
  EXPECT_EQ(text(second), "mine");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace quipu::bench
