#include "base/check.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "base/result.h"

namespace quipu {
namespace {

enum class Colour : uint8_t { red = 7 };

TEST(CheckDeathTest, AFailedComparisonNamesBothSidesAndTheirValues) {
  const int rows = 3;
  EXPECT_DEATH(CHECK_EQ(rows, 4), "check_test.cpp:.*rows == 4, for 3 and 4");
  EXPECT_DEATH(CHECK_LT(rows + 1, 4), "rows \\+ 1 < 4, for 4 and 4");
  EXPECT_DEATH(CHECK_NE(Colour::red, Colour::red), "for 7 and 7");
  EXPECT_DEATH(CHECK_GE(rows, 4), "rows >= 4, for 3 and 4");
  EXPECT_DEATH(CHECK(rows == 4), "this does not hold: rows == 4");
}

TEST(Check, WhatHoldsIsPassedAndEachSideEvaluatedOnce) {
  int n = 0;
  CHECK_EQ(++n, 1);
  CHECK_LE(n, 1);
  CHECK_GT(++n, 1);
  EXPECT_EQ(n, 2);
}

Result<std::unique_ptr<int>> make(bool good) {
  if (!good) return Error{"there is none"};
  return std::make_unique<int>(5);
}

Result<int> doubled(bool good) {
  QUIPU_ASSIGN(const auto number, make(good));
  return *number * 2;
}

TEST(Result, AssignDeclaresTheValueOrReturnsTheError) {
  const auto ten = doubled(true);
  ASSERT_TRUE(ten.ok());
  EXPECT_EQ(*ten, 10);
  const auto none = doubled(false);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message, "there is none");
}

}  // namespace
}  // namespace quipu
