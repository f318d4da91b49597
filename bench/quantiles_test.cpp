#include "bench/quantiles.h"

#include <gtest/gtest.h>

namespace quipu::bench {
namespace {

TEST(Quantiles, AreValuesOfTheList) {
  std::vector<double> values;
  for (int i = 1000; i >= 1; --i) values.push_back(i);
  const Quantiles q = quantiles(values);
  EXPECT_EQ(q.p50, 500);
  EXPECT_EQ(q.p99, 990);
  EXPECT_EQ(q.max, 1000);
}

TEST(Quantiles, OfFewValues) {
  EXPECT_EQ(quantiles({}).max, 0);
  const Quantiles one = quantiles({3});
  EXPECT_EQ(one.p50, 3);
  EXPECT_EQ(one.p99, 3);
  EXPECT_EQ(one.max, 3);
  const Quantiles two = quantiles({5, 1});
  EXPECT_EQ(two.p50, 1);
  EXPECT_EQ(two.p99, 5);
}

}  // namespace
}  // namespace quipu::bench
