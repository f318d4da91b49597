#include "cells/cell_rows.h"

#include <gtest/gtest.h>

#include <random>

#include "cells/cell_lookup.h"
#include "cells/test_panes.h"

namespace quipu {
namespace {

using test::below;
using test::hex;
using test::Random;

SlotCount slot(uint8_t at, uint64_t count, std::initializer_list<uint32_t> first,
               std::initializer_list<Fixed6> sums = {}) {
  SlotCount s;
  s.slot = at;
  s.count = count;
  std::copy(first.begin(), first.end(), s.first.begin());
  std::copy(sums.begin(), sums.end(), s.sums.begin());
  return s;
}

uint64_t draw_seed() {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

// value -> slot -> fields, in the order that rows want.
struct ByHash {
  bool operator()(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) const {
    return std::pair(value_hash(a), a) < std::pair(value_hash(b), b);
  }
};
using Row = std::map<std::vector<uint64_t>, std::map<int, test::ModelSlot>, ByHash>;

struct Shape {
  int arity = 1;
  std::vector<ValueId> ids;
  int frames = 4;
};

Fixed6 draw_sum(Random& random) {
  switch (below(random, 4)) {
    case 0:
      return 0;
    case 1:
      return Fixed6(below(random, 200)) - 100;
    default:
      return Fixed6(UInt128(random()) << (40 + below(random, 22)) | random()) *
             (below(random, 2) ? 1 : -1);
  }
}

Row draw_row(Random& random, const Shape& shape) {
  Row row;
  const size_t n = below(random, 20);
  for (size_t i = 0; i < n; ++i) {
    std::vector<uint64_t> value;
    for (int k = 0; k < shape.arity; ++k)
      value.push_back(below(random, 12) == 0 ? kEmptyElement : below(random, 6));
    const size_t slots = 1 + (below(random, 3) == 0 ? below(random, 96) : 0);
    for (size_t s = 0; s < slots; ++s) {
      test::ModelSlot& to = row[value][int(below(random, 96))];
      to = {};
      switch (below(random, 4)) {
        case 0:
          to.count = 1;
          break;
        case 1:
          to.count = 1 + below(random, 64);
          break;
        case 2:
          to.count = 1 + below(random, 100000);
          break;
        default:
          to.count = 1 + below(random, uint64_t(1) << 40);
      }
      for (ValueId id : shape.ids) test::add_sum(to.sums, id, draw_sum(random));
      for (int f = 0; f < shape.frames; ++f) {
        const uint64_t most =
            std::min<uint64_t>(to.count, UINT32_MAX / 128);  // some seventy rows are added up
        to.first.push_back(below(random, 3) == 0 && f > 0 ? to.first.back()
                           : below(random, 3) == 0        ? most
                                                          : below(random, most + 1));
      }
    }
  }
  return row;
}

std::string encode(const Row& row, const Shape& shape) {
  CellRowBuilder builder(shape.arity, shape.ids, shape.frames);
  for (const auto& [value, slots] : row) {
    std::vector<SlotCount> counts;
    for (const auto& [at, fields] : slots) {
      SlotCount& s = counts.emplace_back();
      s.slot = uint8_t(at);
      s.count = fields.count;
      for (size_t f = 0; f < fields.first.size(); ++f) s.first[f] = uint32_t(fields.first[f]);
      for (size_t v = 0; v < shape.ids.size(); ++v) {
        if (auto it = fields.sums.find(shape.ids[v]); it != fields.sums.end())
          s.sums[v] = it->second;
      }
    }
    builder.add(value, counts);
  }
  EXPECT_EQ(builder.entries(), row.size());
  std::string bytes = builder.finish();
  EXPECT_EQ(builder.entries(), 0u);
  return bytes;
}

Row decode(std::string_view bytes, const Shape& shape) {
  Row row;
  const Status status = read_cell_row(bytes, [&](const CellEntry& entry) {
    EXPECT_EQ(entry.frames, shape.frames);
    EXPECT_EQ(std::vector<ValueId>(entry.value_ids.begin(), entry.value_ids.end()), shape.ids);
    auto& cell = row[std::vector<uint64_t>(entry.elements.begin(), entry.elements.end())];
    for (const SlotCount& s : entry.slots) {
      test::ModelSlot& to = cell[s.slot];
      to.count = s.count;
      to.first.assign(s.first.begin(), s.first.begin() + entry.frames);
      for (size_t v = 0; v < shape.ids.size(); ++v) test::add_sum(to.sums, shape.ids[v], s.sums[v]);
    }
  });
  EXPECT_TRUE(status.ok()) << status.error().message;
  return row;
}

void add(Row& to, const Row& from, int frames) {
  for (const auto& [value, slots] : from) {
    for (const auto& [at, fields] : slots) {
      test::ModelSlot& sum = to[value][at];
      sum.count += fields.count;
      sum.first.resize(size_t(frames));
      for (size_t f = 0; f < fields.first.size(); ++f) sum.first[f] += fields.first[f];
      for (const auto& [id, v] : fields.sums) test::add_sum(sum.sums, id, v);
    }
  }
}

std::string key_of(int bits = 0) {
  std::string key;
  CellKey{5, TenantId(1), SelectorId(2), DimensionId(3), uint8_t(bits), 0}.append_to(key);
  return key;
}

TEST(CellKey, IsBigEndianAndReadsBack) {
  std::string packed, sparse, prefix;
  CellKey key{0x01020304, TenantId(0x05060708), SelectorId(0x090a0b0c), DimensionId(0x0d0e0f10), 12,
              0xabc00000};
  key.append_to(packed);
  EXPECT_EQ(hex(packed), "0102030405060708090a0b0c0d0e0f100cabc00000");
  const auto read = CellKey::parse(packed);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->day, key.day);
  EXPECT_EQ(read->tenant, key.tenant);
  EXPECT_EQ(read->selector, key.selector);
  EXPECT_EQ(read->dimension, key.dimension);
  EXPECT_EQ(read->chunk_bits, key.chunk_bits);
  EXPECT_EQ(read->chunk, key.chunk);
  key.dimension = DimensionId::none;
  key.append_to(sparse);
  EXPECT_EQ(hex(sparse), "0102030405060708090a0b0c00000000");
  EXPECT_EQ(CellKey::parse(sparse)->dimension, DimensionId::none);
  append_cell_prefix(key.day, key.tenant, key.selector, prefix);
  EXPECT_EQ(sparse.substr(0, 12), prefix);
}

TEST(CellKey, RefusesWhatNobodyWrites) {
  std::string key = key_of(4);
  EXPECT_FALSE(CellKey::parse("").has_value());
  EXPECT_FALSE(CellKey::parse(key.substr(0, 20)).has_value());
  EXPECT_FALSE(CellKey::parse(key + "x").has_value());
  EXPECT_FALSE(CellKey::parse(key.substr(0, 16)).has_value());  // a dimension without chunk
  std::string bits = key;
  bits[16] = 25;
  EXPECT_FALSE(CellKey::parse(bits).has_value());
  std::string tail = key;
  tail[17] = 0x1f;  // a fifth bit of a prefix of four
  EXPECT_FALSE(CellKey::parse(tail).has_value());
  tail[17] = char(0xf0);
  EXPECT_TRUE(CellKey::parse(tail).has_value());
}

TEST(ValueHash, IsPinned) {
  const std::vector<uint64_t> none, one{0}, two{1, 2};
  EXPECT_EQ(value_hash(none), 0x71c3a5d9e08b4f27u);
  EXPECT_EQ(value_hash(one), 0x1840cb8346612fa7u);
  EXPECT_EQ(value_hash(two), 0x10fc71c07ed8e38bu);
}

TEST(CellRows, BytesArePinned) {
  CellRowBuilder builder(1, std::vector<ValueId>{3, 7}, 4);
  std::vector<std::vector<uint64_t>> values{{0x1111111111111111}, {0x2222222222222222}};
  std::sort(values.begin(), values.end(), ByHash());
  builder.add(values[0], std::vector<SlotCount>{slot(8, 1, {1, 0, 0, 0})});
  builder.add(values[1], std::vector<SlotCount>{slot(0, 5, {5, 4, 4, 3}, {0, -1}),
                                                slot(95, 64, {0, 0, 0, 0}, {Fixed6(1) << 64, 2})});
  EXPECT_EQ(hex(builder.finish()),
            "0100"
            "01"
            "020307"
            "04"
            "02"  // version, codec, arity, value ids, frames, entries
            "2222222222222222"
            "8801"  // slot 8, last: one event, first of frame 0
            "1111111111111111"
            "00c5"
            "0a0101"
            "0001"  // slot 0: 5 events, first 5 4 4 3, sums 0 and -1
            "dfc040"
            "017f"
            "80808080808080808004"
            "04");  // slot 95, last: 64 events, first none, sums 2^64 and 2
}

TEST(CellRows, ASingleEventCostsTwoBytesBesideItsElements) {
  CellRowBuilder builder(1, {}, 4);
  const std::vector<uint64_t> value{1};
  const size_t empty = CellRowBuilder(1, {}, 4).finish().size();
  builder.add(value, std::vector<SlotCount>{slot(8, 1, {1, 1, 1, 1})});
  EXPECT_EQ(builder.finish().size(), empty + 8 + 2);
}

TEST(CellRows, ReadBackWhatWasWritten) {
  const uint64_t seed = draw_seed();
  for (uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    Random random(seed + i);
    Shape shape;
    shape.arity = int(below(random, kMaxArity + 1));
    shape.frames = int(below(random, kMaxFrames + 1));
    for (ValueId id = 0; id < 4; ++id) {
      if (below(random, 2)) shape.ids.push_back(ValueId(id * 60));
    }
    const Row row = draw_row(random, shape);
    ASSERT_TRUE(decode(encode(row, shape), shape) == row);
  }
}

TEST(CellRows, OnlyTheValuesWantedAreRead) {
  const uint64_t seed = draw_seed();
  for (uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    Random random(seed + i);
    Shape shape{int(below(random, 4)), {}, int(below(random, kMaxFrames + 1))};
    if (below(random, 2)) shape.ids = {2, 60};
    const Row row = draw_row(random, shape);
    const std::string bytes = encode(row, shape);
    std::vector<uint64_t> hashes{random()};
    std::set<std::vector<uint64_t>> wanted, seen;
    for (const auto& [value, slots] : row) {
      if (below(random, 3) != 0) continue;
      wanted.insert(value);
      hashes.push_back(value_hash(value));
    }
    std::sort(hashes.begin(), hashes.end());
    uint64_t count = 0, expected = 0;
    ASSERT_TRUE(read_cell_row(
                    bytes,
                    [&](const CellEntry& entry) {
                      seen.emplace(entry.elements.begin(), entry.elements.end());
                      for (const SlotCount& s : entry.slots) count += s.count;
                    },
                    hashes)
                    .ok());
    for (const auto& value : wanted) {
      for (const auto& [at, fields] : row.at(value)) expected += fields.count;
    }
    EXPECT_EQ(seen, wanted);
    EXPECT_EQ(count, expected);
  }
}

TEST(CellRows, MergeAddsUpWhateverTheGroupingAndTheHeaders) {
  const uint64_t seed = draw_seed();
  for (uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    Random random(seed + i);
    const int arity = int(below(random, 4));
    const bool alike = below(random, 2);
    Shape merged{arity, {}, 0};
    Row expected;
    std::vector<std::string> rows;
    std::set<ValueId> ids;
    std::vector<Row> parts;
    const size_t n = 1 + (i % 10 == 0 ? below(random, 70) : below(random, 6));
    for (size_t r = 0; r < n; ++r) {
      Shape shape{arity, {}, alike ? 4 : int(below(random, kMaxFrames + 1))};
      for (ValueId id = 1; id <= 4; ++id) {
        if (alike ? id == 2 : below(random, 2) == 0) shape.ids.push_back(id);
      }
      parts.push_back(draw_row(random, shape));
      rows.push_back(encode(parts.back(), shape));
      merged.frames = std::max(merged.frames, shape.frames);
      ids.insert(shape.ids.begin(), shape.ids.end());
    }
    merged.ids.assign(ids.begin(), ids.end());
    for (const Row& part : parts) add(expected, part, merged.frames);

    const std::vector<std::string_view> views(rows.begin(), rows.end());
    const auto at_once = merge_rows(key_of(), views);
    ASSERT_TRUE(at_once.has_value());
    ASSERT_TRUE(decode(*at_once, merged) == expected);
    // In another grouping: the same bytes.
    std::string left = rows[0];
    for (size_t r = 1; r < n; ++r) {
      const std::string_view two[] = {left, rows[r]};
      auto next = merge_rows(key_of(), two);
      ASSERT_TRUE(next.has_value());
      left = *next;
    }
    std::string right = rows[n - 1];
    for (size_t r = n - 1; r-- > 0;) {
      const std::string_view two[] = {rows[r], right};
      auto next = merge_rows(key_of(), two);
      ASSERT_TRUE(next.has_value());
      right = *next;
    }
    ASSERT_EQ(hex(left), hex(*at_once));
    ASSERT_EQ(hex(right), hex(*at_once));
  }
}

TEST(CellRows, ManyRowsMergeAtOnce) {
  std::vector<std::string> rows;
  const std::vector<uint64_t> value{42};
  for (int i = 0; i < 1000; ++i) {
    CellRowBuilder builder(1, {}, 4);
    builder.add(value, std::vector<SlotCount>{slot(uint8_t(i % 96), 1, {1, 0, 0, 0})});
    rows.push_back(builder.finish());
  }
  const auto merged = merge_rows(key_of(), std::vector<std::string_view>(rows.begin(), rows.end()));
  ASSERT_TRUE(merged.has_value());
  uint64_t count = 0, slots = 0;
  ASSERT_TRUE(read_cell_row(*merged, [&](const CellEntry& e) {
                slots += e.slots.size();
                for (const SlotCount& s : e.slots) count += s.count;
              }).ok());
  EXPECT_EQ(count, 1000u);
  EXPECT_EQ(slots, 96u);
}

// Values whose hashes collide: the last element makes up for the difference of the first.
TEST(CellRows, ValuesOfOneHashStayApart) {
  const uint64_t seed = draw_seed();
  Random random(seed);
  const auto before_last =
      [](uint64_t first) {  // what the last element is added to (value_hash_step)
        return value_hash(std::vector<uint64_t>{first}) * 0x9e3779b97f4a7c15ull;
      };
  std::vector<std::vector<uint64_t>> values;
  for (uint64_t first = 1; first <= 5; ++first)
    values.push_back({first, before_last(77) + 78 - before_last(first)});
  ASSERT_EQ(value_hash(values.front()), value_hash(values.back()));
  const Shape shape{2, {}, 1};
  for (int round = 0; round < 50; ++round) {
    Row expected;
    std::vector<std::string> rows;
    for (int r = 0; r < 6; ++r) {
      Row row;
      for (const auto& value : values) {
        if (below(random, 2))
          row[value][0] = {.count = 1 + below(random, 3), .sums = {}, .first = {1}};
      }
      add(expected, row, 1);
      rows.push_back(encode(row, shape));
    }
    const auto merged =
        merge_rows(key_of(), std::vector<std::string_view>(rows.begin(), rows.end()));
    ASSERT_TRUE(merged.has_value());
    ASSERT_TRUE(decode(*merged, shape) == expected);
    ASSERT_EQ(hex(encode(expected, shape)), hex(*merged));
  }
}

TEST(CellRows, AMergeThatFailedLeavesNothingForTheNext) {
  const Shape shape{1, {}, 1};
  const auto row_of = [&](int at) {
    Row row;
    for (uint64_t value = 1; value <= 3; ++value)
      row[{value}][at] = {.count = 1, .sums = {}, .first = {1}};
    return encode(row, shape);
  };
  const std::string one = row_of(5), other = row_of(6);
  const std::string_view good[] = {one, other};
  const auto expected = merge_rows(key_of(), good);
  ASSERT_TRUE(expected.has_value());
  for (size_t length = 0; length < other.size(); ++length) {
    const std::string cut = row_of(7).substr(0, length);
    const std::string_view bad[] = {one, cut};
    ASSERT_FALSE(merge_rows(key_of(), bad).has_value());
    ASSERT_EQ(merge_rows(key_of(), good), expected);
  }
}

TEST(CellRows, EveryCutIsAnError) {
  Random random(11);
  const Shape shape{2, {1, 2}, 9};
  Row row;
  while (row.size() < 3) row = draw_row(random, shape);
  const std::string bytes = encode(row, shape);
  for (size_t n = 0; n < bytes.size(); ++n) {
    const std::string cut = bytes.substr(0, n);  // its own buffer, for the sanitizer
    EXPECT_FALSE(read_cell_row(cut, [](const CellEntry&) {}).ok());
    const std::string_view rows[] = {cut, bytes};
    EXPECT_FALSE(merge_rows(key_of(), rows).has_value());
  }
  EXPECT_FALSE(read_cell_row(bytes + "x", [](const CellEntry&) {}).ok());
}

TEST(CellRows, FlippedBitsAreReadOrRefusedButNeverCrash) {
  Random random(12);
  const Shape shape{1, {1}, 7};
  Row row;
  for (uint64_t value = 1; value <= 3; ++value) {
    test::ModelSlot& one = row[{value}][int(value)];
    one.count = 1;
    one.first = {1, 1, 0, 1, 0, 0, 1};
    test::ModelSlot& more = row[{value}][90];
    more.count = 70 * value;
    more.first = {70, 60, 60, 50, 9, 9, 0};
    more.sums[1] = Fixed6(value) << 70;
  }
  const std::string bytes = encode(row, shape);
  size_t refused = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = char(flipped[bit / 8] ^ 1 << bit % 8);
    if (!read_cell_row(flipped, [](const CellEntry& e) {
           for (const SlotCount& s : e.slots) EXPECT_LT(s.slot, 96);
         }).ok()) {
      ++refused;
    }
    const std::string_view rows[] = {flipped, bytes};
    (void)merge_rows(key_of(), rows);
  }
  EXPECT_GT(refused, 0u);
}

TEST(CellRows, RowsThatCannotBelongTogetherDoNotMerge) {
  CellRowBuilder one(1, {}, 4), two(2, {}, 4);
  const std::string a = one.finish(), b = two.finish();
  const std::string_view rows[] = {a, b};
  EXPECT_FALSE(merge_rows(key_of(), rows).has_value());
  const std::string_view same[] = {a, a};
  EXPECT_TRUE(merge_rows(key_of(), same).has_value());
  EXPECT_FALSE(merge_rows("no key", same).has_value());
  EXPECT_FALSE(merge_rows(key_of(), {}).has_value());
}

TEST(CellLookup, GivesEveryChunkLengthTheSparseRowAndTheJointRow) {
  const std::vector<uint64_t> value{77, 88};
  const auto keys = lookup_keys(9, TenantId(1), SelectorId(2), DimensionId(3), value);
  ASSERT_EQ(keys.size(), size_t(kMaxChunkBits) + 3);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(CellKey::parse(keys[0])->dimension, DimensionId::none);
  const auto joint = CellKey::parse(keys.back());
  ASSERT_TRUE(joint.has_value() && joint->joint());
  EXPECT_EQ(joint->dimension, DimensionId(15));
  for (int bits = 0; bits <= kMaxChunkBits; ++bits) {
    const auto key = CellKey::parse(keys[size_t(bits) + 1]);
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->chunk_bits, bits);
    for (int b = 0; b < 32; ++b) {
      const uint64_t expected = b < bits ? value_hash(value) >> (63 - b) & 1 : 0;
      EXPECT_EQ(key->chunk >> (31 - b) & 1, expected);
    }
  }
}

}  // namespace
}  // namespace quipu
