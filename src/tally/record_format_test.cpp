#include "tally/record_format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "tally/record_words.h"

namespace quipu {
namespace {

struct Row {
  std::optional<MonthIndex> month;
  PlanVersion version;
  SelectorId metric;
  Slot slot;
  std::array<uint64_t, kMaxColumns> elements;
  bool operator==(const Row&) const = default;
};
struct Content {
  std::vector<Row> rows;
  std::vector<uint64_t> words;
  std::vector<std::pair<Slot, uint64_t>> slot_words;
  int full = 0;
  bool operator==(const Content&) const = default;
};

Content read(std::string_view bytes, const ElementCodes& codes, bool& corrupt) {
  Content c;
  RecordReader reader(bytes, codes);
  corrupt = false;
  while (true) {
    switch (reader.next()) {
      case RecordReader::Item::row: {
        c.rows.push_back(
            {reader.month(), reader.version(), reader.metric(), reader.slot(), reader.elements()});
        uint64_t filled = 0;
        for (int i = 0; i < kMaxColumns; ++i)
          filled |= uint64_t(reader.elements()[size_t(i)] != 0) << i;
        EXPECT_EQ(reader.filled(), filled);
        EXPECT_LT(reader.slot(), 2976);
        break;
      }
      case RecordReader::Item::word:
        c.words.push_back(reader.word());
        break;
      case RecordReader::Item::slot_word:
        EXPECT_LT(reader.slot(), 2976);
        c.slot_words.emplace_back(reader.slot(), reader.word());
        break;
      case RecordReader::Item::full:
        ++c.full;
        break;
      case RecordReader::Item::end:
        return c;
      case RecordReader::Item::corrupt:
        corrupt = true;
        EXPECT_NE(*reader.problem(), '\0');
        EXPECT_EQ(reader.next(), RecordReader::Item::corrupt);
        return c;
    }
  }
}

// A value of several segments, as checkpoints append them; cuts: where segments end.
std::string draw(std::mt19937_64& rng, ElementCodes& codes, Content& c, std::vector<size_t>& cuts) {
  std::string bytes;
  for (int segments = int(1 + rng() % 5); segments > 0; --segments) {
    if (rng() % 2) {
      const uint32_t n = uint32_t(1 + rng() % 6);
      const PlanVersion version = PlanVersion(1 + rng() % 65535);
      const auto month = rng() % 2 ? std::optional(MonthIndex(rng() % kMonths)) : std::nullopt;
      RowsWriter writer = month ? RowsWriter(bytes, codes, *month, version, n)
                                : RowsWriter(bytes, codes, version, n);
      std::array<uint64_t, kMaxColumns> elements{};
      for (uint32_t i = 0; i < n; ++i) {
        for (uint64_t& e : elements)
          if (rng() % 3 == 0) e = rng() % 3 == 0 ? 0 : rng() % 2 ? mix64(1 + rng() % 100) : rng();
        const Row row{month, version, SelectorId(uint32_t(1 + rng() % 0xFFFFFFFF)),
                      Slot(rng() % 2976), elements};
        writer.row(row.metric, row.slot, elements.data());
        c.rows.push_back(row);
      }
    } else if (rng() % 2) {
      std::vector<uint64_t> words(1 + rng() % 4);
      const Slot slot = Slot(rng() % 2976);
      for (uint64_t& w : words) c.slot_words.emplace_back(slot, w = rng());
      write_slot_words(bytes, slot, words);
    } else {
      std::vector<uint64_t> words(rng() % 5);
      for (uint64_t& w : words) w = rng();
      const bool full = rng() % 3 == 0 || words.empty();
      write_words(bytes, words, full);
      c.words.insert(c.words.end(), words.begin(), words.end());
      c.full += full;
    }
    cuts.push_back(bytes.size());
  }
  return bytes;
}

TEST(RecordFormat, WhatIsWrittenInSegmentsIsReadBack) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  ElementCodes codes;
  for (int i = 0; i < 500; ++i) {
    Content want;
    std::vector<size_t> cuts;
    const std::string bytes = draw(rng, codes, want, cuts);
    bool corrupt = true;
    EXPECT_EQ(read(bytes, codes, corrupt), want);
    EXPECT_FALSE(corrupt);
    // Cut anywhere but between segments, it is found to be damaged.
    const size_t cut = rng() % bytes.size();
    read(bytes.substr(0, cut), codes, corrupt);
    EXPECT_EQ(corrupt, cut != 0 && std::find(cuts.begin(), cuts.end(), cut) == cuts.end());
    // Other bytes are read to an end, whatever it is.
    std::string damaged = bytes;
    for (int k = int(rng() % 4); k >= 0; --k) damaged[rng() % damaged.size()] = char(rng());
    read(damaged, codes, corrupt);
  }
  EXPECT_GT(codes.size(), 50u) << "elements that come again and again have codes";
}

TEST(RecordFormat, NothingNewWritesNothing) {
  std::string bytes;
  write_words(bytes, {}, false);
  EXPECT_EQ(bytes, "");
}

TEST(RecordFormat, UnknownVersionsAndImpossibleValuesAreCorrupt) {
  const std::string good(
      "\x21\x01\x01\x05\x02\x01\x00"
      "abcdefgh",
      15);
  const ElementCodes codes;
  bool corrupt;
  EXPECT_EQ(read(good, codes, corrupt).rows.size(), 1u);
  EXPECT_FALSE(corrupt);
  const auto with = [&](size_t at, uint8_t byte) {
    std::string bytes = good;
    bytes[at] = char(byte);
    read(bytes, codes, corrupt);
    return corrupt;
  };
  EXPECT_TRUE(with(0, 0x31));  // format version 3
  EXPECT_TRUE(with(0, 0x26));  // an unknown kind
  EXPECT_TRUE(with(1, 0));     // plan version 0
  EXPECT_TRUE(with(2, 0));     // no rows
  EXPECT_TRUE(with(2, 2));     // a row too few
  EXPECT_TRUE(with(3, 0));     // no metric
  EXPECT_TRUE(with(4, 1));     // slot -1
  EXPECT_TRUE(with(5, 3));     // an element too few
  EXPECT_TRUE(with(6, 2));     // a code that was not given
  EXPECT_FALSE(with(7, 0));

  const std::string of_month(
      "\x24\xD8\x04\x01\x01\x05\x02\x01\x00"
      "abcdefgh",
      17);
  ASSERT_EQ(read(of_month, codes, corrupt).rows.size(), 1u);
  EXPECT_EQ(read(of_month, codes, corrupt).rows[0].month, MonthIndex(600));
  EXPECT_FALSE(corrupt);
  // The month of the forever record; the first that is none; one far from any.
  for (const char* month : {"\xFF\xFF\x03", "\xC8\x15", "\xFF\x56"}) {
    read("\x24" + std::string(month) + of_month.substr(3), codes, corrupt);
    EXPECT_TRUE(corrupt);
  }
  read("\x24\xC7\x15" + of_month.substr(3), codes, corrupt);  // the last month
  EXPECT_FALSE(corrupt);

  const std::string of_slot(
      "\x25\x9F\x17\x01"
      "abcdefgh",
      12);
  EXPECT_EQ(read(of_slot, codes, corrupt).slot_words.size(), 1u);
  EXPECT_FALSE(corrupt);
  for (const auto& [at, byte] : {std::pair(1, '\xA0'), std::pair(3, '\0'), std::pair(3, '\2')}) {
    std::string bytes = of_slot;  // a slot of no month; no words; a word too few
    bytes[size_t(at)] = byte;
    read(bytes, codes, corrupt);
    EXPECT_TRUE(corrupt);
  }
}

TEST(RecordFormat, TheBytesAreThoseOfTheGoldenFile) {
  std::string bytes;
  {
    ElementCodes codes;
    ASSERT_TRUE(codes.restore(std::vector<uint64_t>{11, 12, 13}));
    RowsWriter writer(bytes, codes, 3, 2);
    std::array<uint64_t, kMaxColumns> elements{};
    elements[0] = 0x0102030405060708;
    elements[8] = 13;
    elements[9] = 0xFFFFFFFFFFFFFFFF;
    writer.row(SelectorId(300), 2975, elements.data());
    elements[9] = 0;
    writer.row(SelectorId(1), 4, elements.data());
  }
  const uint64_t value =
      combine64(combine64(value_hash_seed(SelectorId(7), DimensionId(9)), 11), 13);
  const std::vector<uint64_t> words = {1, value, lifetime_word(value)};
  write_words(bytes, words, false);
  write_words(bytes, {words.data(), 1}, true);
  write_slot_words(bytes, 2975, words);
  std::ifstream file("tests/fuzz/record/golden_v2", std::ios::binary);
  ASSERT_TRUE(file) << "run from the project's folder";
  EXPECT_EQ(bytes, std::string(std::istreambuf_iterator<char>(file), {}));
}

TEST(RecordFormat, ChunksAreNamedByTheFirstBitsOfTheirWords) {
  EXPECT_EQ(chunk_path(0xABCDEF0123456789, 0), 0u);
  EXPECT_EQ(chunk_path(0xABCDEF0123456789, 1), 0xAu);
  EXPECT_EQ(chunk_path(0xABCDEF0123456789, 3), 0xABCu);
  EXPECT_EQ(chunk_path(0xABCDEF0123456789, 8), 0xABCDEF01u);
}

TEST(RecordFormat, MessagesNameARecordSoThatItCanBeFound) {
  EXPECT_EQ(describe({56 * 12 + 2, TenantId(3), {2, 1}, 0, 0}),
            "tenant 3, profile 00000000000000010000000000000002, month 2026-03");
  EXPECT_EQ(describe({kForever, TenantId(3), {2, 1}, 2, 0x0a}),
            "tenant 3, profile 00000000000000010000000000000002, ids and lifetime, chunk 2/0a");
}

}  // namespace
}  // namespace quipu
