#include "store/state.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "store/commit_mark.h"
#include "store/store_model.h"

namespace quipu {
namespace {

TEST(State, ComesBackAsItWas) {
  CommittedState state;
  state.checkpoint = 300;
  state.time_s = -5;
  state.dead_letter_bytes = uint64_t(1) << 40;
  state.tallies.read = 10;
  state.tallies.counted = 7;
  state.tallies.duplicate = 3;
  const std::string bytes = encode_state(state, 299);
  EXPECT_EQ(bytes.substr(0, 4), "\1\xac\2\x09")
      << "version, checkpoint as a varint, time as a zigzag varint";
  CommittedState read;
  uint64_t commits = 0;
  ASSERT_TRUE(decode_state(bytes, read, commits));
  EXPECT_EQ(read.checkpoint, 300u);
  EXPECT_EQ(read.time_s, -5);
  EXPECT_EQ(read.dead_letter_bytes, uint64_t(1) << 40);
  EXPECT_EQ(read.tallies.read, 10u);
  EXPECT_EQ(read.tallies.duplicate, 3u);
  EXPECT_EQ(commits, 299u);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_state(std::string_view(bytes).substr(0, length), read, commits)) << length;
  }
  EXPECT_FALSE(decode_state("\2" + bytes.substr(1), read, commits)) << "another version";
}

TEST(State, FormatComesBackAsItWas) {
  StoreFormat format;
  format.element_bits = 12;
  for (size_t i = 0; i < format.secret.size(); ++i) format.secret[i] = uint8_t(i);
  const std::string bytes = encode_format(format);
  EXPECT_EQ(bytes.size(), 4 + 1 + kHashSecretBytes);
  EXPECT_EQ(bytes.substr(0, 7), std::string("\7\0\0\0\x0c\0\1", 7));
  StoreFormat read;
  ASSERT_TRUE(decode_format(bytes, read));
  EXPECT_EQ(read.version, kStoreVersion);
  EXPECT_EQ(read.element_bits, 12u);
  EXPECT_EQ(read.secret, format.secret);
  EXPECT_FALSE(decode_format(std::string_view(bytes).substr(0, bytes.size() - 1), read));
  EXPECT_FALSE(decode_format(bytes + "x", read));
  EXPECT_FALSE(decode_format("\1", read));
  ASSERT_TRUE(decode_format(std::string("\10\0\0\0", 4), read))
      << "of a later version only the number is read";
  EXPECT_EQ(read.version, 8u);
}

TEST(State, HashesComeBackAsTheyWere) {
  EXPECT_EQ(codes_key(258), std::string("code/\0\0\1\2", 9)) << "keys sort as numbers";
  EXPECT_EQ(profiles_key(258), std::string("profiles/\0\0\0\0\0\0\1\2", 17));
  const std::vector<uint64_t> hashes{1, uint64_t(1) << 63};
  const std::string bytes = encode_hashes(hashes);
  EXPECT_EQ(bytes, std::string("\1\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80", 17));
  std::vector<uint64_t> read;
  ASSERT_TRUE(decode_hashes(bytes, read));
  EXPECT_EQ(read, hashes);
  EXPECT_FALSE(decode_hashes("", read));
  EXPECT_FALSE(decode_hashes("\2" + bytes.substr(1), read)) << "another version";
  EXPECT_FALSE(decode_hashes(bytes.substr(0, 16), read)) << "cut";
}

TEST(CommitMark, RemembersTheLastCommitOverReopening) {
  TestFolder folder;
  const std::string path = folder / "committed";
  auto none = CommitMark::open(path);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  {
    auto mark = CommitMark::create(path, {5, 4});
    ASSERT_TRUE(mark.ok());
    for (uint64_t n = 5; n < 10; ++n) ASSERT_TRUE(mark->write({n + 1, n}).ok());
  }
  auto mark = CommitMark::open(path);
  ASSERT_TRUE(mark.ok() && mark->has_value());
  EXPECT_EQ((*mark)->value().checkpoint, 10u);
  EXPECT_EQ((*mark)->value().commits, 9u);
}

TEST(CommitMark, ATornWriteLeavesTheCommitBefore) {
  TestFolder folder;
  const std::string path = folder / "committed";
  for (uint64_t last : {6, 7}) {
    {
      auto mark = CommitMark::create(path, {4, 4});
      for (uint64_t n = 5; n <= last; ++n) ASSERT_TRUE(mark->write({n, n}).ok());
    }
    std::FILE* file = std::fopen(path.c_str(), "r+b");
    std::fseek(file, long(last % 2) * 4096 + 9, SEEK_SET);
    std::fputc(0xee, file);
    std::fclose(file);
    auto mark = CommitMark::open(path);
    ASSERT_TRUE(mark.ok() && mark->has_value());
    EXPECT_EQ((*mark)->value().commits, last - 1);
  }
  ASSERT_EQ(::truncate(path.c_str(), 20), 0);
  auto mark = CommitMark::open(path);
  ASSERT_FALSE(mark.ok());
  EXPECT_NE(mark.error().message.find("is damaged"), std::string::npos);
}

}  // namespace
}  // namespace quipu
