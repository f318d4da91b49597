#include "cells/column_codes.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace quipu {
namespace {

TEST(ColumnCodes, AreDenseInOrderOfMeetingAndTheSameForTheSameElement) {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  ColumnCodes codes;
  for (uint64_t domain : {1, 5, 100000, 300, 20000}) {  // memory is used again
    codes.clear();
    std::map<uint64_t, uint32_t> expected;
    std::vector<uint64_t> elements;
    std::vector<uint32_t> got(1000);
    for (int batch = 0; batch < 30; ++batch) {
      elements.clear();
      // Small numbers, as elements are where tests cut their bits; the empty value among them.
      for (size_t i = 0; i < got.size(); ++i) elements.push_back(random() % domain);
      codes.encode(elements.data(), elements.size(), got.data());
      for (size_t i = 0; i < got.size(); ++i) {
        const auto [it, fresh] = expected.try_emplace(elements[i], uint32_t(expected.size()));
        ASSERT_EQ(got[i], it->second);
        ASSERT_EQ(codes.element(got[i]), elements[i]);
      }
    }
    EXPECT_EQ(codes.count(), expected.size());
  }
}

}  // namespace
}  // namespace quipu
