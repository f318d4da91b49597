#include "cells/sparse_rows.h"

#include <gtest/gtest.h>

#include "cells/test_panes.h"

namespace quipu {
namespace {

using test::below;
using test::Random;

// Three dimensions over two columns: without properties, by column 1, by both (without uniques).
SectionLayout small_layout() {
  SectionLayout layout;
  layout.columns = {PropertyId(1), PropertyId(2)};
  layout.dimensions.resize(3);
  layout.dimensions[0] = {DimensionId(30), {}, {5}, true, false};
  layout.dimensions[1] = {DimensionId(10), {1}, {5, 8}, true, false};
  layout.dimensions[2] = {DimensionId(20), {1, 0}, {}, false, false};
  return layout;
}
LayoutOf only(const SectionLayout& layout) {
  return [&layout](LayoutId id) { return id == LayoutId(4) ? &layout : nullptr; };
}

std::string small_row() {
  const uint64_t unique = 3, here_all = 7, here_some = 2, none_but_first = 1;
  const std::vector<ValueId> ids{5, 8};
  SparseRowBuilder builder(LayoutId(4), 3, {&unique, 1}, ids, 5);
  const std::vector<uint64_t> elements{0x0a, 0x0b}, others{0, 0x0c};
  SparseEvent first;
  first.slot = 12;
  first.values = 2;
  first.sums = {0, -3};
  first.elements = elements;
  first.here = &here_all;
  first.first = {&here_all, &here_all, &none_but_first, &none_but_first, nullptr};
  builder.add(first);
  SparseEvent second;
  second.slot = 95;
  second.elements = others;
  second.here = &here_some;
  builder.add(second);
  return builder.finish();
}

TEST(SparseRows, BytesArePinned) {
  EXPECT_EQ(test::hex(small_row()),
            "0133"
            "0403"
            "05"
            "020508"  // version, size, layout, dimensions, frames, value ids
            "0c"
            "0205"
            "0a00000000000000"
            "0b00000000000000"  // slot 12; the second value, -3; elements
            "00"
            "6500"
            "01"  // here: all; first: as here, as before, bits, as before, none
            "5f"
            "00"
            "0000000000000000"
            "0c00000000000000"
            "0102"
            "0000");
}

TEST(SparseRows, ExpandToWhatEachEventAddsToEachDimension) {
  const SectionLayout layout = small_layout();
  std::vector<std::string> seen;
  const auto note = [&](const SparseCell& c) {
    std::string s = std::to_string(raw(c.dimension)) + " [";
    for (uint64_t e : c.entry.elements) s += std::to_string(e) + " ";
    s += "] slot " + std::to_string(c.entry.slots[0].slot) + " count " +
         std::to_string(c.entry.slots[0].count) + " first ";
    for (int f = 0; f < c.entry.frames; ++f) s += std::to_string(c.entry.slots[0].first[size_t(f)]);
    s += " sums";
    for (size_t v = 0; v < c.entry.value_ids.size(); ++v) {
      s += " " + std::to_string(c.entry.value_ids[v]) + ":" +
           std::to_string(int64_t(c.entry.slots[0].sums[v]));
    }
    EXPECT_EQ(c.entry.slots.size(), 1u);
    seen.push_back(s);
  };
  ASSERT_TRUE(read_sparse_row(small_row(), only(layout), DimensionId::none, note).ok());
  const std::vector<std::string> expected{"30 [] slot 12 count 1 first 11110 sums 5:0",
                                          "10 [11 ] slot 12 count 1 first 11000 sums 5:0 8:-3",
                                          "20 [11 10 ] slot 12 count 1 first  sums",
                                          "10 [12 ] slot 95 count 1 first 00000 sums 5:0 8:0"};
  EXPECT_EQ(seen, expected);
  seen.clear();
  ASSERT_TRUE(read_sparse_row(small_row(), only(layout), DimensionId(20), note).ok());
  EXPECT_EQ(seen, std::vector<std::string>{expected[2]});
}

TEST(SparseRows, MergingStringsThemTogetherInOrder) {
  const SectionLayout layout = small_layout();
  std::string key;
  CellKey{1, TenantId(1), SelectorId(1), DimensionId::none, 0, 0}.append_to(key);
  const std::string row = small_row();
  const std::string_view two[] = {row, row};
  const auto twice = merge_rows(key, two);
  ASSERT_TRUE(twice.has_value());
  const std::string_view three[] = {*twice, row};
  const auto thrice = merge_rows(key, three);
  ASSERT_TRUE(thrice.has_value());
  int cells = 0;
  ASSERT_TRUE(read_sparse_row(*thrice, only(layout), DimensionId::none, [&](const SparseCell&) {
                ++cells;
              }).ok());
  EXPECT_EQ(cells, 12);
  EXPECT_EQ(sparse_segments(*thrice), 3u);
  EXPECT_EQ(sparse_segments(row), 1u);
  EXPECT_EQ(sparse_segments(""), 0u);
  EXPECT_EQ(sparse_segments(row + "x"), 0u);
  const std::string_view broken[] = {row, "x"};
  EXPECT_FALSE(merge_rows(key, broken).has_value());
}

TEST(SparseRows, EveryCutIsAnErrorAndNoFlippedBitCrashes) {
  const SectionLayout layout = small_layout();
  const std::string row = small_row();
  const auto ignore = [](const SparseCell&) {};
  for (size_t n = 0; n < row.size(); ++n) {
    const std::string cut = row.substr(0, n);
    EXPECT_FALSE(read_sparse_row(cut, only(layout), DimensionId::none, ignore).ok());
  }
  for (size_t bit = 0; bit < row.size() * 8; ++bit) {
    std::string flipped = row;
    flipped[bit / 8] = char(flipped[bit / 8] ^ 1 << bit % 8);
    (void)read_sparse_row(flipped, only(layout), DimensionId::none, ignore);
  }
}

TEST(SparseRows, AnUnknownLayoutIsAnError) {
  const SectionLayout layout = small_layout();
  const LayoutOf none = [](LayoutId) -> const SectionLayout* { return nullptr; };
  EXPECT_FALSE(
      read_sparse_row(small_row(), none, DimensionId::none, [](const SparseCell&) {}).ok());
  SectionLayout other = layout;
  other.dimensions.pop_back();
  EXPECT_FALSE(
      read_sparse_row(small_row(), only(other), DimensionId::none, [](const SparseCell&) {}).ok());
  SectionLayout impossible = layout;
  impossible.dimensions[1].positions = {9};
  EXPECT_FALSE(
      read_sparse_row(small_row(), only(impossible), DimensionId::none, [](const SparseCell&) {
      }).ok());
}

}  // namespace
}  // namespace quipu
