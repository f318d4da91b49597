#include "engine/dead_letters.h"

#include "engine/test_engine.h"

namespace quipu {
namespace {

std::string letter(std::string_view text, const std::string& detail = "/at: no time") {
  LineOutcome outcome;
  outcome.kind = LineOutcome::Kind::set_aside;
  outcome.reason = Reason::time_bad;
  outcome.detail = detail;
  std::string out;
  append_dead_letter("events.jsonl", 12, 345, outcome, text, out);
  return out;
}

DeadLetterFile open_letters(const std::string& path, uint64_t committed) {
  auto file = DeadLetterFile::open(path, committed);
  EXPECT_TRUE(file.ok()) << message_of(file);
  return std::move(file).value();
}

TEST(DeadLetters, AnEntryTellsPlaceReasonAndLine) {
  const std::string begin =
      "{\"source\":\"events.jsonl\",\"line\":12,\"offset\":345,\"reason\":\"time_bad\",\"detail\":";
  EXPECT_EQ(letter("{\"at\":\"x\"}"),
            begin + "\"/at: no time\",\"text\":\"{\\\"at\\\":\\\"x\\\"}\"}\n");
  EXPECT_EQ(letter("é\t"), begin + "\"/at: no time\",\"text\":\"é\\t\"}\n");
  EXPECT_EQ(letter("a\xff"), begin + "\"/at: no time\",\"base64\":\"Yf8=\"}\n");
  EXPECT_EQ(letter("", "\"quoted\""), begin + "\"\\\"quoted\\\"\",\"text\":\"\"}\n");
}

TEST(DeadLetters, ALongLineIsCutAndSaysSo) {
  const std::string whole(kDeadLetterTextBytes, 'x');
  EXPECT_EQ(letter(whole).find("\"cut\""), std::string::npos);
  const std::string cut = letter(whole + "y");
  EXPECT_NE(cut.find("\"cut\":true,\"text\":\"" + whole + "\"}"), std::string::npos);
  // Never within a character: what is left is still text.
  for (const std::string& character : {std::string("é"), std::string("日"), std::string("🦙")}) {
    for (size_t before = 0; before < character.size(); ++before) {
      const std::string head = std::string(kDeadLetterTextBytes - before, 'x');
      const std::string line = letter(head + character + "tail");
      EXPECT_NE(line.find("\"cut\":true,\"text\":\"" + head + "\"}"), std::string::npos)
          << character << " " << before;
    }
  }
  EXPECT_NE(
      letter(std::string(kDeadLetterTextBytes + 1, '\xff')).find("\"cut\":true,\"base64\":\""),
      std::string::npos);
}

TEST(DeadLetters, WhatNoCheckpointNamesIsCutOff) {
  TestFolder folder;
  const std::string path = folder / "dead-letter.jsonl";
  {
    DeadLetterFile file = open_letters(path, 0);
    EXPECT_TRUE(file.append_and_sync("one\n").ok());
    EXPECT_EQ(file.bytes(), 4u);
    EXPECT_TRUE(file.append_and_sync("").ok());
    EXPECT_TRUE(file.append_and_sync("never committed\n").ok());
  }
  EXPECT_EQ(read_test_file(path), "one\nnever committed\n");
  {
    DeadLetterFile file = open_letters(path, 4);
    EXPECT_EQ(file.bytes(), 4u);
    EXPECT_EQ(read_test_file(path), "one\n");
    EXPECT_TRUE(file.append_and_sync("two\n").ok());
    DeadLetterFile moved(std::move(file));
    EXPECT_TRUE(moved.append_and_sync("three\n").ok());
    EXPECT_EQ(moved.bytes(), 14u);
  }
  EXPECT_EQ(read_test_file(path), "one\ntwo\nthree\n");
}

TEST(DeadLetters, AFileShorterThanCommittedIsRefusedAndLeftAlone) {
  TestFolder folder;
  const std::string path = write_test_file(folder / "dead-letter.jsonl", "one\n");
  const std::string message = message_of(DeadLetterFile::open(path, 5));
  EXPECT_NE(message.find(path), std::string::npos) << message;
  EXPECT_NE(message.find("backup"), std::string::npos) << message;
  EXPECT_EQ(read_test_file(path), "one\n");
  EXPECT_FALSE(DeadLetterFile::open(folder / "no folder/dead-letter.jsonl", 0).ok());
}

}  // namespace
}  // namespace quipu
