#include "plan/compiled.h"

#include <gtest/gtest.h>

#include <random>

namespace quipu {
namespace {

bool equal(const SectionLayout& a, const SectionLayout& b) {
  if (a.columns != b.columns || a.dimensions.size() != b.dimensions.size()) return false;
  for (size_t i = 0; i < a.dimensions.size(); ++i) {
    const auto &x = a.dimensions[i], &y = b.dimensions[i];
    if (x.id != y.id || x.positions != y.positions || x.sums != y.sums || x.unique != y.unique ||
        x.lifetime != y.lifetime)
      return false;
  }
  return true;
}

SectionLayout example() {
  SectionLayout layout;
  layout.columns = {PropertyId(7), PropertyId(300)};
  layout.dimensions = {{DimensionId(1), {}, {}, true, false},
                       {DimensionId(200), {1, 0}, {2, 255}, false, true}};
  return layout;
}

TEST(StoredLayout, HasThisLayout) {
  const unsigned char bytes[] = {1, 2, 7, 0xAC, 2, 2, 1, 1, 0, 0, 0xC8, 1, 2, 2, 1, 0, 2, 2, 255};
  const std::string expected(reinterpret_cast<const char*>(bytes), sizeof bytes);
  EXPECT_EQ(encode_layout(example()), expected);
  auto read = decode_layout(expected);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_TRUE(equal(*read, example()));
}

TEST(StoredLayout, RandomLayoutsComeBackAsTheyWere) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  auto below = [&](int n) { return int(rng() % unsigned(n)); };
  for (int round = 0; round < 300; ++round) {
    SectionLayout layout;
    for (int i = below(kMaxColumns + 1); i > 0; --i)
      layout.columns.push_back(PropertyId(1 + rng() % (round % 2 ? 100u : UINT32_MAX)));
    for (int i = below(round % 10 ? 20 : kMaxDimensions + 1); i > 0; --i) {
      SectionLayout::Dimension d;
      d.id = DimensionId(1 + rng() % 100000);
      for (int k = layout.columns.empty() ? 0 : below(kMaxArity + 1); k > 0; --k)
        d.positions.push_back(uint8_t(below(int(layout.columns.size()))));
      for (int k = below(kMaxValues + 1); k > 0; --k) d.sums.push_back(ValueId(below(256)));
      d.unique = below(2);
      d.lifetime = below(2);
      layout.dimensions.push_back(d);
    }
    const std::string bytes = encode_layout(layout);
    auto read = decode_layout(bytes);
    ASSERT_TRUE(read.ok()) << read.error().message;
    ASSERT_TRUE(equal(*read, layout));
    ASSERT_FALSE(decode_layout(bytes.substr(0, size_t(below(int(bytes.size()))))).ok());
    ASSERT_FALSE(decode_layout(bytes + '\0').ok());
  }
}

TEST(StoredLayout, DamagedBytesAreAnErrorOrAnotherLayoutButNothingElse) {
  const std::string bytes = encode_layout(example());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = bytes;
      damaged[at] = char(value);
      auto read = decode_layout(damaged);
      if (!read.ok()) continue;
      for (const auto& d : read->dimensions) {
        for (uint8_t p : d.positions) ASSERT_LT(p, read->columns.size());
        ASSERT_NE(d.id, DimensionId::none);
      }
    }
  }
  EXPECT_FALSE(decode_layout("").ok());
  EXPECT_FALSE(decode_layout("\x02").ok());
}

}  // namespace
}  // namespace quipu
