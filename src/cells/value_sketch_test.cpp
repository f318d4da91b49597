#include "cells/value_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "cells/test_panes.h"

namespace quipu {
namespace {

std::vector<uint64_t> drawn(std::mt19937_64& random, size_t n) {
  std::vector<uint64_t> hashes(n);
  for (uint64_t& h : hashes) h = random();
  std::sort(hashes.begin(), hashes.end());
  return hashes;
}

TEST(ValueSketch, BytesArePinned) {
  ValueSketch sketch;
  EXPECT_TRUE(sketch.add(std::vector<uint64_t>{0x0102030405060708, 0xA1A2A3A4A5A6A7A8}));
  sketch.bits = 5;
  std::string bytes;
  sketch.append_to(bytes);
  EXPECT_EQ(test::hex(bytes),
            "05"          // chunk bits
            "02"          // hashes
            "04030201"    // upper half of the first
            "a4a3a2a1");  // and of the second
  EXPECT_EQ(ValueSketch::parse(bytes), sketch);
}

TEST(ValueSketch, WhateverIsNoneIsToldFromOne) {
  std::mt19937_64 random(3);
  ValueSketch sketch;
  sketch.add(drawn(random, 20));
  std::string bytes;
  sketch.append_to(bytes);
  EXPECT_EQ(bytes.size(), 2 + 4 * ValueSketch::kMost);
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(ValueSketch::parse(bytes.substr(0, n)).has_value()) << n;
  EXPECT_FALSE(ValueSketch::parse(bytes + "x").has_value());
  std::string too_many = bytes, too_long = bytes, falling = bytes;
  too_many[1] = char(ValueSketch::kMost + 1);
  too_many += "\xff\xff\xff\xff";
  too_long[0] = 25;
  std::swap_ranges(falling.begin() + 2, falling.begin() + 6, falling.begin() + 6);
  EXPECT_FALSE(ValueSketch::parse(too_many).has_value());
  EXPECT_FALSE(ValueSketch::parse(too_long).has_value());
  EXPECT_FALSE(ValueSketch::parse(falling).has_value());
}

// The smallest upper halves, computed in another way.
TEST(ValueSketch, HoldsTheSmallestOfAllThatWereAddedInAnyParts) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    std::set<uint32_t> all;
    ValueSketch whole, parts[2];
    for (int part = 0; part < 6; ++part) {
      const auto hashes = drawn(random, random() % 12);
      const size_t known = all.size();
      const auto first_before =
          std::set<uint32_t>(all.begin(), std::next(all.begin(), long(std::min<size_t>(known, 8))));
      for (uint64_t h : hashes) all.insert(uint32_t(h >> 32));
      const auto first = std::set<uint32_t>(
          all.begin(), std::next(all.begin(), long(std::min<size_t>(all.size(), 8))));
      const std::span<const uint64_t> smallest(hashes.data(), std::min<size_t>(hashes.size(), 8));
      EXPECT_EQ(whole.add(smallest), first != first_before);
      EXPECT_FALSE(whole.add(smallest)) << "nothing is new";
      parts[part % 2].add(smallest);
    }
    parts[0].bits = 3, parts[1].bits = uint8_t(round % 6);
    ValueSketch merged = parts[0];
    merged.merge(parts[1]);
    EXPECT_EQ(merged.bits, std::max(3, round % 6));
    EXPECT_EQ(merged.known, std::min<size_t>(all.size(), 8));
    EXPECT_TRUE(
        std::equal(merged.smallest.begin(), merged.smallest.begin() + merged.known, all.begin()));
    merged.bits = 0;
    EXPECT_EQ(merged, whole);
  }
}

TEST(ValueSketch, TellsFewValuesExactlyAndManyWithinAFactorOfThree) {
  std::mt19937_64 random(9);
  for (size_t n : {0, 1, 3, 7}) {
    ValueSketch sketch;
    sketch.add(drawn(random, n));
    EXPECT_EQ(sketch.values(), n);
  }
  double sum = 0;
  for (int round = 0; round < 200; ++round) {
    ValueSketch sketch;
    sketch.add(drawn(random, 5'000));
    const double share = double(sketch.values()) / 5'000;
    EXPECT_GT(share, 0.25);
    EXPECT_LT(share, 5.0);
    sum += share;
  }
  EXPECT_NEAR(sum / 200, 1.0, 0.1);
}

}  // namespace
}  // namespace quipu
