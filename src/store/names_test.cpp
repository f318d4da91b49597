#include "store/names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <set>
#include <utility>

#include "base/bytes.h"

namespace quipu {
namespace {

using Texts = std::vector<std::string>;
using NameSet = std::set<std::pair<uint64_t, std::string>>;

std::string key_of(int prefix_bits, uint64_t element) {
  std::string key;
  name_key(TenantId(1), PropertyId(0x0203), prefix_bits, element).append_to(key);
  return key;
}

std::string encoded(const NameSet& names) {
  std::vector<Name> views;
  for (const auto& [element, text] : names) views.push_back({element, text});
  return encode_names(views);
}

NameSet decoded(std::string_view row) {
  const auto names = decode_names(row);
  EXPECT_TRUE(names.has_value());
  NameSet set;
  for (const Name& name : names.value_or(std::vector<Name>()))
    EXPECT_TRUE(set.emplace(name.element, name.text).second);
  return set;
}

// A row of these parts, whether they fit each other or not.
std::string row_of(uint8_t version, uint32_t n, const std::vector<uint64_t>& elements,
                   const std::vector<uint32_t>& ends, std::string_view texts) {
  std::string row;
  ByteWriter w(row);
  w.u8(version);
  w.le32(n);
  for (uint64_t element : elements) w.le64(element);
  for (uint32_t end : ends) w.le32(end);
  w.bytes(texts);
  return row;
}

uint64_t printed_seed() {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

// Up to `most` names: few elements, so that some have several texts, and texts of any bytes, some
// empty.
NameSet draw(std::mt19937_64& random, size_t most) {
  NameSet names;
  const size_t count = 1 + random() % most;
  while (names.size() < count) {
    const uint64_t element = std::vector<uint64_t>{0, ~uint64_t(0), random() % 8,
                                                   random() % 8 << 61, random()}[random() % 5];
    std::string text(random() % 3 ? random() % 6 : random() % 300, '\0');
    for (char& c : text) c = char(random());
    names.emplace(element, text);
  }
  return names;
}

TEST(Names, HaveTheStoredBytes) {
  EXPECT_EQ(key_of(24, 0x1122334455667788), std::string("\0\0\0\1\0\0\2\3\x18\x11\x22\x33\0", 13));
  const Name names[] = {
      {0x1122334455667788, "a"}, {0x1122334455667788, "bc"}, {0xff00000000000001, ""}};
  EXPECT_EQ(encode_names(names),
            std::string(
                "\2\3\0\0\0"
                "\x88\x77\x66\x55\x44\x33\x22\x11\x88\x77\x66\x55\x44\x33\x22\x11\1\0\0\0\0\0\0\xff"
                "\1\0\0\0\3\0\0\0\3\0\0\0"
                "abc",
                44));
}

TEST(Names, AKeyHoldsTheFirstBitsOfTheElement) {
  const auto prefix = [](int bits, uint64_t element) {
    return name_key(TenantId(1), PropertyId(2), bits, element).prefix;
  };
  EXPECT_EQ(prefix(0, ~uint64_t(0)), 0u);
  EXPECT_EQ(prefix(2, ~uint64_t(0)), 0xc0000000u);
  EXPECT_EQ(prefix(2, 0x7fffffffffffffff), 0x40000000u);
  EXPECT_EQ(prefix(24, 0x123456789abcdef0), 0x12345600u);
  EXPECT_EQ(prefix(32, 0x123456789abcdef0), 0x12345678u);
}

TEST(Names, KeysOfAPropertyLieTogetherShortPrefixesFirst) {
  std::vector<std::string> keys;
  for (int bits : {0, 2, 24, 32}) {
    for (uint64_t element : {uint64_t(0), ~uint64_t(0)}) {
      if (bits > 0 || element == 0) keys.push_back(key_of(bits, element));
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 7u);
}

TEST(Names, AKeyTellsItsLengthToItsOwnTenantAndPropertyOnly) {
  for (int bits : {0, 2, 24, 32})
    EXPECT_EQ(prefix_bits_of(key_of(bits, 7), TenantId(1), PropertyId(0x0203)), bits);
  EXPECT_EQ(prefix_bits_of(key_of(2, 7), TenantId(2), PropertyId(0x0203)), std::nullopt);
  EXPECT_EQ(prefix_bits_of(key_of(2, 7), TenantId(1), PropertyId(0x0204)), std::nullopt);
  EXPECT_EQ(prefix_bits_of(key_of(2, 7).substr(0, 8), TenantId(1), PropertyId(0x0203)),
            std::nullopt);
  EXPECT_EQ(prefix_bits_of(std::string("\0", 1), TenantId(0), PropertyId(0)), std::nullopt)
      << "the count of commits";
}

TEST(Names, OfARowAreReadBackAndFoundByTheirElements) {
  const uint64_t seed = printed_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    const NameSet names = draw(random, 60);
    const std::string row = encoded(names);
    ASSERT_EQ(decoded(row), names);
    std::set<uint64_t> elements{0, ~uint64_t(0), 1,
                                random()};  // and their neighbours, mostly absent
    for (const auto& name : names) elements.insert({name.first, name.first + 1, name.first - 1});
    for (uint64_t element : elements) {
      Texts expected{"there before"}, found{"there before"};
      for (const auto& name : names) {
        if (name.first == element) expected.push_back(name.second);
      }
      ASSERT_TRUE(find_names(row, element, found));
      ASSERT_EQ(found, expected) << element;
    }
  }
}

TEST(Names, MergeToTheUnionInWhateverOrderAndGrouping) {
  const uint64_t seed = printed_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    NameSet all;
    std::vector<std::string> rows;
    for (uint64_t i = 0, count = 1 + random() % (round % 10 == 0 ? 90 : 9); i < count; ++i) {
      NameSet some = draw(random, 12);
      if (!all.empty() && random() % 2) some.insert(*all.begin());  // met before
      all.insert(some.begin(), some.end());
      rows.push_back(encoded(some));
    }
    while (rows.size() > 1) {  // merge a random run into one
      const size_t begin = random() % rows.size(), count = 1 + random() % (rows.size() - begin);
      const std::vector<std::string_view> views(rows.begin() + long(begin),
                                                rows.begin() + long(begin + count));
      auto merged = merge_names(views);
      ASSERT_TRUE(merged.has_value());
      rows.erase(rows.begin() + long(begin), rows.begin() + long(begin + count));
      rows.insert(rows.begin() + long(random() % (rows.size() + 1)), *merged);
    }
    ASSERT_EQ(rows[0], encoded(all));
  }
}

TEST(Names, KeepTheEmptyTextAndAnyBytes) {
  const NameSet names{{5, ""}, {5, std::string("\0\xff", 2)}, {6, ""}};
  EXPECT_EQ(decoded(encoded(names)), names);
  EXPECT_EQ(decoded(encoded({{5, ""}})), (NameSet{{5, ""}})) << "a row without a byte of text";
}

TEST(Names, CorruptRowsAreRefused) {
  const std::string good = row_of(2, 3, {1, 1, 2}, {1, 2, 3}, "abc");
  ASSERT_TRUE(decode_names(good).has_value());
  std::vector<std::pair<std::string, std::string>> corrupt{
      {"version before", row_of(1, 3, {1, 1, 2}, {1, 2, 3}, "abc")},
      {"version after", row_of(3, 3, {1, 1, 2}, {1, 2, 3}, "abc")},
      {"elements fall", row_of(2, 3, {1, 2, 1}, {1, 2, 3}, "abc")},
      {"texts fall", row_of(2, 3, {1, 1, 2}, {1, 2, 3}, "bac")},
      {"a name twice", row_of(2, 3, {1, 1, 2}, {1, 2, 3}, "aac")},
      {"ends fall", row_of(2, 3, {1, 2, 3}, {2, 1, 3}, "abc")},
      {"an end past the texts", row_of(2, 3, {1, 2, 3}, {1, 4, 3}, "abc")},
      {"the last end past the texts", row_of(2, 3, {1, 2, 3}, {1, 2, 4}, "abc")},
      {"the last end huge", row_of(2, 3, {1, 2, 3}, {1, 2, ~uint32_t(0)}, "abc")},
      {"texts behind the last end", row_of(2, 3, {1, 2, 3}, {1, 2, 3}, "abcd")},
      {"no names", row_of(2, 0, {}, {}, "")},
      {"no names, and texts", row_of(2, 0, {}, {}, "abc")},
      {"more names than there is room for", row_of(2, 4, {1, 1, 2}, {1, 2, 3}, "abc")},
      {"a huge count", row_of(2, ~uint32_t(0), {1, 1, 2}, {1, 2, 3}, "abc")},
      {"a count whose elements' bytes wrap round to 0",
       row_of(2, uint32_t(1) << 30, {1, 1, 2}, {1, 2, 3}, "abc")},
  };
  for (size_t size = 0; size < good.size(); ++size)
    corrupt.emplace_back("cut at " + std::to_string(size), good.substr(0, size));
  for (const auto& [what, row] : corrupt) {
    SCOPED_TRACE(what);
    const auto exact = std::make_unique<char[]>(
        row.size());  // a read past its end is noticed by the address sanitizer
    std::copy(row.begin(), row.end(), exact.get());
    const std::string_view bytes(exact.get(), row.size());
    EXPECT_FALSE(decode_names(bytes).has_value());
    const std::string_view after[] = {good, bytes}, before[] = {bytes, good}, alone[] = {bytes};
    EXPECT_FALSE(merge_names(after).has_value());
    EXPECT_FALSE(merge_names(before).has_value());
    EXPECT_FALSE(merge_names(alone).has_value());
    for (uint64_t element : {uint64_t(0), uint64_t(1), uint64_t(2), uint64_t(3), ~uint64_t(0)}) {
      Texts texts;
      const bool read = find_names(bytes, element, texts);
      EXPECT_FALSE(read && (what.starts_with("cut") || what.starts_with("version")));
      for (const std::string& text : texts) EXPECT_LE(text.size(), 3u);
    }
  }
}

TEST(Names, OfAnyBytesNothingIsReadOutside) {
  const uint64_t seed = printed_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string row = encoded(draw(random, 10));
    for (uint64_t i = 0, flips = 1 + random() % 4; i < flips; ++i)
      row[random() % row.size()] = char(random());
    const auto exact = std::make_unique<char[]>(row.size());
    std::copy(row.begin(), row.end(), exact.get());
    const std::string_view bytes(exact.get(), row.size());
    const auto names = decode_names(bytes);
    EXPECT_TRUE(!names || encode_names(*names) == row) << "what is read is written the same";
    for (uint64_t element : {uint64_t(0), random() % 8, ~uint64_t(0)}) {
      Texts texts;
      find_names(bytes, element, texts);
      for (const std::string& text : texts) EXPECT_LE(text.size(), row.size());
    }
  }
}

}  // namespace
}  // namespace quipu
