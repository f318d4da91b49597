#include "kafka/pending_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quipu {
namespace {

using ::testing::ElementsAre;

KafkaRecord record(uint64_t offset, std::string_view value) {
  KafkaRecord record;
  record.offset = offset;
  record.value = value;
  return record;
}

std::vector<std::string> records_of(const Block& block) {
  std::vector<std::string> texts;
  for (BlockRecords records(block); records.next();) {
    EXPECT_EQ(records.line(), records.offset());
    texts.push_back(std::to_string(records.line()) + ":" + std::string(records.text()));
  }
  return texts;
}

// A byte weighs one.
class ByBytes : public LineWeigher {
 public:
  uint64_t of_line(std::string_view line) const override { return line.size(); }
  uint64_t of_text(std::string_view text) const override { return text.size(); }
};

TEST(PendingRecords, AllGoIntoOneBlockWithTheirOffsets) {
  BlockBuffers buffers;
  PendingRecords pending;
  EXPECT_FALSE(pending.has_block());
  pending.add(record(3, "{\n}"), "", true, buffers);
  pending.add(record(9, "[{},{}]"), "\"k\":1", true, buffers);
  pending.add(record(10, "[]"), "", true, buffers);
  ASSERT_TRUE(pending.has_block());
  const PendingRecords::Given given = pending.give(nullptr, 0);
  EXPECT_THAT(records_of(given.block), ElementsAre("3:{\n}", "9:{\"k\":1}", "9:{\"k\":1}"));
  EXPECT_EQ(given.next_offset, 10u);
  EXPECT_EQ(given.last, fingerprint_of(record(9, "[{},{}]")));
  EXPECT_FALSE(pending.has_block());
  EXPECT_EQ(pending.bytes(), 0u);
}

TEST(PendingRecords, ABlockWeighsNoMoreThanAllowedUnlessItIsOneRecord) {
  BlockBuffers buffers;
  PendingRecords pending;
  const ByBytes weigher;
  for (uint64_t i = 0; i < 5; ++i) pending.add(record(i, "{   }"), "", true, buffers);
  pending.add(record(5, "[{},{},{},{},{},{},{}]"), "", true, buffers);
  pending.add(record(6, "{}"), "", true, buffers);
  std::vector<uint64_t> weights;
  std::vector<std::string> texts;
  while (pending.has_block()) {
    PendingRecords::Given given = pending.give(&weigher, 12);
    weights.push_back(given.block.weight);
    for (const std::string& text : records_of(given.block)) texts.push_back(text);
    EXPECT_EQ(given.next_offset, given.block.numbered.back().number + 1);
  }
  EXPECT_THAT(weights, ElementsAre(10, 10, 5, 14, 3));
  EXPECT_EQ(texts.size(), 5u + 7 + 1);
  EXPECT_EQ(texts.back(), "6:{}");
}

TEST(PendingRecords, AValueStaysWholeWhereItIsNotToBeTakenApart) {
  BlockBuffers buffers;
  PendingRecords pending;
  pending.add(record(0, "[{},{}]"), "", false, buffers);
  pending.add(record(1, ""), "", false, buffers);
  EXPECT_THAT(records_of(pending.give(nullptr, 0).block), ElementsAre("0:[{},{}]", "1:"));
}

TEST(PendingRecords, BlocksStayGoodWhenMoreIsTaken) {
  BlockBuffers buffers;
  PendingRecords pending;
  pending.add(record(0, "{\"a\":1}"), "", true, buffers);
  const PendingRecords::Given first = pending.give(nullptr, 0);
  for (uint64_t i = 1; i < 1000; ++i) pending.add(record(i, "{\"b\":2}"), "", true, buffers);
  pending.give(nullptr, 0);
  EXPECT_THAT(records_of(first.block), ElementsAre("0:{\"a\":1}"));
}

TEST(PendingRecords, AFingerprintDependsOnAllThatMakesARecord) {
  KafkaRecord one = record(1, "v");
  one.key = "k";
  one.timestamp_ms = 5;
  const Hash128 hash = fingerprint_of(one);
  // It is stored: this value must stay.
  EXPECT_EQ(hash.lo, 1140384902819851791u);
  EXPECT_EQ(hash.hi, 13302969770040451697u);
  std::vector<KafkaRecord> others(7, one);
  others[0].offset = 2;
  others[1].value = "w";
  others[2].value = std::nullopt;
  others[3].key = "l";
  others[4].key = std::nullopt;
  others[5].timestamp_ms = 6;
  others[6].key = "v";
  others[6].value = "k";
  for (const KafkaRecord& other : others) EXPECT_NE(fingerprint_of(other), hash);
  KafkaRecord empty = one, none = one;
  empty.value = "";
  none.value = std::nullopt;
  EXPECT_NE(fingerprint_of(empty), fingerprint_of(none));
}

}  // namespace
}  // namespace quipu
