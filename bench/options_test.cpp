#include "bench/options.h"

#include <gtest/gtest.h>

namespace quipu::bench {
namespace {

struct Values {
  uint64_t lines = 7, bytes = uint64_t(3) << 20;
  unsigned shards = 1;
  int fanout = 10;
  double age_s = 60;
  std::string folder = "/tmp";
  std::vector<int> list = {1, 2};
};

void read(Values& v, std::vector<std::string> words) {
  OptionTable table("program", "What it does.");
  table.add("--lines", "a number", v.lines);
  table.add_mib("--mb", "a size", v.bytes);
  table.add("--shards", "a number", v.shards);
  table.add("--fanout", "a number", v.fanout);
  table.add("--age", "seconds", v.age_s);
  table.add("--folder", "a text", v.folder);
  table.add("--list", "numbers", v.list);
  words.insert(words.begin(), "program");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  table.read(int(argv.size()), argv.data());
}

TEST(OptionTable, SetsWhatIsGivenAndKeepsDefaults) {
  Values v;
  read(v, {"--lines", "18446744073709551615", "--mb", "512", "--age", "0.25", "--folder", "x y",
           "--list", "300"});
  EXPECT_EQ(v.lines, UINT64_MAX);
  EXPECT_EQ(v.bytes, uint64_t(512) << 20);
  EXPECT_EQ(v.age_s, 0.25);
  EXPECT_EQ(v.folder, "x y");
  EXPECT_EQ(v.list, std::vector<int>{300});
  EXPECT_EQ(v.shards, 1u);
  EXPECT_EQ(v.fanout, 10);
  read(v, {"--list", "1,10,100", "--shards", "4", "--fanout", "25"});
  EXPECT_EQ(v.list, (std::vector<int>{1, 10, 100}));
  EXPECT_EQ(v.shards, 4u);
  EXPECT_EQ(v.fanout, 25);
}

TEST(OptionTableDeathTest, RefusesWhatItDoesNotKnow) {
  Values v;
  auto exits = testing::ExitedWithCode(2);
  EXPECT_EXIT(read(v, {"--line", "1"}), exits, "unknown option --line");
  EXPECT_EXIT(read(v, {"--lines"}), exits, "--lines needs a value");
  EXPECT_EXIT(read(v, {"--lines", "1k"}), exits, "--lines does not take 1k");
  EXPECT_EXIT(read(v, {"--lines", "-1"}), exits, "--lines does not take -1");
  EXPECT_EXIT(read(v, {"--list", "1,"}), exits, "--list does not take 1,");
  EXPECT_EXIT(read(v, {"--list", ""}), exits, "--list does not take");
}

TEST(OptionTableDeathTest, HelpNamesOptionsAndDefaults) {
  Values v;
  // Help goes to standard output; the exit status is all that a death test sees of it.
  EXPECT_EXIT(read(v, {"--help"}), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace quipu::bench
