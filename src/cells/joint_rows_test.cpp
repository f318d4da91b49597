#include "cells/joint_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <vector>

#include "cells/test_panes.h"

namespace quipu {
namespace {

using test::below;
using test::Random;
using Counts = std::map<std::pair<uint32_t, uint64_t>, uint64_t>;  // by dimension and element

const CellKey kKey = CellKey::joint_of(5, TenantId(1), SelectorId(2), DimensionId(35));  // 32 .. 47

std::string key_bytes() {
  std::string bytes;
  kKey.append_to(bytes);
  return bytes;
}

// Elements 1 .. n, each counted so often.
std::string packed(uint64_t n, uint64_t count) {
  std::map<uint64_t, uint64_t> by_hash;
  for (uint64_t e = 1; e <= n; ++e) by_hash[value_hash({&e, 1})] = e;
  CellRowBuilder builder(1, {}, 1);
  for (const auto& [hash, element] : by_hash) {
    SlotCount slot;
    slot.slot = 8;
    slot.count = count;
    builder.add({&element, 1}, {&slot, 1});
  }
  return builder.finish();
}

Counts read(std::string_view row, DimensionId only = DimensionId::none) {
  Counts counts;
  const Status status =
      read_joint_row(row, kKey, only, [&](DimensionId dimension, const CellEntry& entry) {
        counts[{raw(dimension), entry.elements[0]}] += entry.slots[0].count;
      });
  EXPECT_TRUE(status.ok()) << status.error().message;
  return counts;
}

std::string small_row() {
  JointRowBuilder builder;
  builder.add(DimensionId(35), packed(1, 2));
  builder.add(DimensionId(47), packed(2, 1));
  EXPECT_EQ(builder.last_dimension(), DimensionId(47));
  return builder.finish();
}

TEST(JointRows, BytesArePinned) {
  EXPECT_EQ(test::hex(small_row()),
            "01"  // version
            "0312"
            "010001000101"
            "0100000000000000"
            "88820103"  // dimension 35: size, header, element 1: slot 8, 2 events, first 0
            "0f1a"
            "010001000102"
            "0200000000000000"
            "8800"
            "0100000000000000"
            "8800");
}

ValueSketch sketch_of(std::vector<uint64_t> upper_halves, int bits) {
  for (uint64_t& h : upper_halves) h <<= 32;
  ValueSketch sketch;
  sketch.add(upper_halves);
  sketch.bits = uint8_t(bits);
  return sketch;
}

// A dimension with values here, one with both, one with a sketch alone.
std::string row_with_sketches() {
  JointRowBuilder builder;
  builder.add_sketch(DimensionId(34), sketch_of({9}, 3));
  builder.add(DimensionId(35), packed(1, 2));
  builder.add_sketch(DimensionId(47), sketch_of({1, 2}, 0));
  builder.add(DimensionId(47), packed(2, 1));
  EXPECT_EQ(builder.last_dimension(), DimensionId(47));
  return builder.finish();
}

TEST(JointRows, BytesOfSketchesArePinned) {
  const std::string row = row_with_sketches(), rows = small_row();
  EXPECT_EQ(test::hex(row), test::hex(rows) +
                                "12"
                                "06"
                                "0301"
                                "09000000"
                                "1f"
                                "0a"
                                "0002"
                                "01000000"
                                "02000000");
}

TEST(JointRows, SketchesStandBesideWhatIsReadAndTellOfValues) {
  const std::string row = row_with_sketches();
  EXPECT_EQ(read(row), read(small_row()));
  EXPECT_EQ(read(row, DimensionId(34)), Counts());
  EXPECT_EQ(sketch_of_joint(row, DimensionId(34)), sketch_of({9}, 3));
  EXPECT_EQ(sketch_of_joint(row, DimensionId(36)), ValueSketch());
  EXPECT_EQ(sketch_of_joint("", DimensionId(36)), ValueSketch());
  EXPECT_EQ(sketch_of_joint("x", DimensionId(36)), std::nullopt);
  std::vector<uint64_t> hashes;
  for (uint64_t e : {1, 2}) hashes.push_back(value_hash({&e, 1}));
  std::sort(hashes.begin(), hashes.end());
  ValueSketch both = sketch_of({1, 2}, 0);
  both.add(hashes);
  EXPECT_EQ(both.known, 4);
  EXPECT_EQ(sketch_of_joint(row, DimensionId(47)), both);
  // Of a packed row it takes the smallest hashes, however many it has.
  JointRowBuilder builder;
  builder.add(DimensionId(40), packed(100, 1));
  const auto many = sketch_of_joint(builder.finish(), DimensionId(40));
  ASSERT_TRUE(many.has_value());
  EXPECT_GT(many->values(), 30u);
  EXPECT_LT(many->values(), 400u);
}

TEST(JointRows, MergeUnitesSketches) {
  JointRowBuilder builder;
  builder.add_sketch(DimensionId(34), sketch_of({4, 9, 12}, 2));
  builder.add_sketch(DimensionId(36), sketch_of({7}, 1));
  const std::string a = row_with_sketches(), b = builder.finish();
  for (const auto& two : {std::array<std::string_view, 2>{a, b}, {b, a}}) {
    const auto merged = merge_rows(key_bytes(), two);
    ASSERT_TRUE(merged.has_value());
    EXPECT_EQ(read(*merged), read(small_row()));
    EXPECT_EQ(sketch_of_joint(*merged, DimensionId(34)), sketch_of({4, 9, 12}, 3));
    EXPECT_EQ(sketch_of_joint(*merged, DimensionId(36)), sketch_of({7}, 1));
    EXPECT_EQ(sketch_of_joint(*merged, DimensionId(47)), sketch_of_joint(a, DimensionId(47)));
  }
  std::string damaged = a;
  damaged[damaged.size() - 9] = 1;  // one hash, and bytes behind it
  const std::string_view broken[] = {a, damaged};
  EXPECT_FALSE(merge_rows(key_bytes(), broken).has_value());
}

TEST(JointRows, KeyNamesTheLastOfItsDimensions) {
  std::string expected;
  CellKey{5, TenantId(1), SelectorId(2), DimensionId(47), 255, 0}.append_to(expected);
  EXPECT_EQ(key_bytes(), expected);
  const auto key = CellKey::parse(expected);
  ASSERT_TRUE(key.has_value());
  EXPECT_TRUE(key->joint());
  EXPECT_EQ(key->dimension, DimensionId(47));
  expected[15] = 46;
  EXPECT_FALSE(CellKey::parse(expected).has_value());  // no last one
  expected[15] = 47;
  expected[20] = 1;
  EXPECT_FALSE(CellKey::parse(expected).has_value());  // no chunks
}

TEST(JointRows, AreReadWholeOrByOneDimension) {
  const std::string row = small_row();
  EXPECT_EQ(read(row), (Counts{{{35, 1}, 2}, {{47, 1}, 1}, {{47, 2}, 1}}));
  EXPECT_EQ(read(row, DimensionId(35)), (Counts{{{35, 1}, 2}}));
  EXPECT_EQ(read(row, DimensionId(47)), (Counts{{{47, 1}, 1}, {{47, 2}, 1}}));
  EXPECT_EQ(read(row, DimensionId(36)), Counts());
}

TEST(JointRows, MergeAddsUpEachDimension) {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  for (int round = 0; round < 50; ++round) {
    Counts expected;
    std::vector<std::string> rows;
    const size_t n = 1 + (round % 10 == 0 ? below(random, 70) : below(random, 6));
    for (size_t r = 0; r < n; ++r) {
      JointRowBuilder builder;
      for (uint32_t d = 32; d < 48; ++d) {
        if (d != 40 && below(random, 3) != 0) continue;
        const uint64_t values = 1 + below(random, 5), count = 1 + below(random, 100);
        builder.add(DimensionId(d), packed(values, count));
        for (uint64_t e = 1; e <= values; ++e) expected[{d, e}] += count;
      }
      rows.push_back(builder.finish());
      EXPECT_TRUE(builder.empty());
    }
    const std::vector<std::string_view> views(rows.begin(), rows.end());
    const auto at_once = merge_rows(key_bytes(), views);
    ASSERT_TRUE(at_once.has_value());
    ASSERT_EQ(read(*at_once), expected);
    std::string one_by_one = rows[0];
    for (size_t r = 1; r < n; ++r) {
      const std::string_view two[] = {one_by_one, rows[r]};
      const auto next = merge_rows(key_bytes(), two);
      ASSERT_TRUE(next.has_value());
      one_by_one = *next;
    }
    ASSERT_EQ(one_by_one, *at_once);
  }
}

TEST(JointRows, EveryCutIsAnErrorAndNoFlippedBitCrashes) {
  const std::string row = small_row();
  const auto ignore = [](DimensionId, const CellEntry&) {};
  const size_t first_part = 1 + 2 + packed(1, 2).size();  // a whole row, too
  for (size_t n = 0; n < row.size(); ++n) {
    EXPECT_EQ(read_joint_row(row.substr(0, n), kKey, DimensionId::none, ignore).ok(),
              n == first_part)
        << n;
  }
  const std::string with_sketches = row_with_sketches();
  for (size_t bit = 0; bit < with_sketches.size() * 8; ++bit) {
    std::string flipped = with_sketches;
    flipped[bit / 8] = char(flipped[bit / 8] ^ 1 << bit % 8);
    (void)read_joint_row(flipped, kKey, DimensionId::none, ignore);
    (void)sketch_of_joint(flipped, DimensionId(47));
    const std::string_view both[] = {with_sketches, flipped};
    (void)merge_rows(key_bytes(), both);
  }
  std::string falling = row.substr(0, 1) + row.substr(first_part) + row.substr(1, first_part - 1);
  EXPECT_FALSE(read_joint_row(falling, kKey, DimensionId::none, ignore).ok());
  const std::string_view broken[] = {row, "x"};
  EXPECT_FALSE(merge_rows(key_bytes(), broken).has_value());
}

}  // namespace
}  // namespace quipu
