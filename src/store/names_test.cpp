#include "store/names.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace quipu {
namespace {

std::set<std::string> texts_of(std::string_view bytes) {
  auto texts = decode_names(bytes);
  EXPECT_TRUE(texts.has_value());
  return texts ? std::set<std::string>(texts->begin(), texts->end()) : std::set<std::string>();
}

TEST(Names, HaveTheStoredBytes) {
  std::string key;
  append_name_key(TenantId(1), PropertyId(0x0203), 0x1122334455667788, key);
  EXPECT_EQ(key, std::string("\0\0\0\1\0\0\2\3\x11\x22\x33\x44\x55\x66\x77\x88", 16));
  const std::string_view texts[] = {"a", "bc"};
  EXPECT_EQ(encode_names(texts), std::string("\1\1a\2bc", 6));
}

TEST(Names, MergeToTheUnionInWhateverOrderAndGrouping) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::set<std::string> all;
    std::vector<std::string> values;
    for (uint64_t i = 0; i <= random() % 6; ++i) {
      std::set<std::string> some;
      for (uint64_t j = 0; j <= random() % 4; ++j) some.insert(std::string(random() % 200, 'x') + char(random() % 3));
      all.insert(some.begin(), some.end());
      const std::vector<std::string_view> views(some.begin(), some.end());
      values.push_back(encode_names(views));
    }
    while (values.size() > 1) {  // merge a random run into one
      const size_t begin = random() % values.size(), count = 1 + random() % (values.size() - begin);
      const std::vector<std::string_view> views(values.begin() + long(begin), values.begin() + long(begin + count));
      auto merged = merge_names(views);
      ASSERT_TRUE(merged.has_value());
      values.erase(values.begin() + long(begin), values.begin() + long(begin + count));
      values.insert(values.begin() + long(random() % (values.size() + 1)), *merged);
    }
    ASSERT_EQ(texts_of(values[0]), all);
  }
}

TEST(Names, KeepTheEmptyTextAndAnyBytes) {
  const std::string_view texts[] = {"", std::string_view("\0\xff", 2)};
  EXPECT_EQ(texts_of(encode_names(texts)), (std::set<std::string>{"", std::string("\0\xff", 2)}));
}

TEST(Names, CorruptBytesAreNoNames) {
  for (std::string bytes : {std::string(), std::string("\2\1a"), std::string("\1"), std::string("\1\5ab"),
                            std::string("\1\1b\1a"), std::string("\1\1a\1a"), std::string("\1\xff\xff\xff")}) {
    EXPECT_FALSE(decode_names(bytes).has_value());
    const std::string_view good[] = {"a"};
    const std::string encoded = encode_names(good);
    const std::string_view both[] = {encoded, bytes};
    EXPECT_FALSE(merge_names(both).has_value());
  }
}

}  // namespace
}  // namespace quipu
