#include "base/bytes.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace quipu {
namespace {

TEST(Bytes, FixedNumbersHaveTheBytesOfTheirByteOrder) {
  std::string out;
  ByteWriter w(out);
  w.u8(0xab);
  w.le16(0x0102);
  w.be16(0x0102);
  w.le32(0x01020304);
  w.be32(0x01020304);
  w.le64(0x0102030405060708);
  w.be64(0x0102030405060708);
  EXPECT_EQ(out, std::string("\xab\x02\x01\x01\x02\x04\x03\x02\x01\x01\x02\x03\x04"
                             "\x08\x07\x06\x05\x04\x03\x02\x01\x01\x02\x03\x04\x05\x06\x07\x08",
                             29));
  ByteReader r(out);
  EXPECT_EQ(r.u8(), 0xab);
  EXPECT_EQ(r.le16(), 0x0102);
  EXPECT_EQ(r.be16(), 0x0102);
  EXPECT_EQ(r.le32(), 0x01020304u);
  EXPECT_EQ(r.be32(), 0x01020304u);
  EXPECT_EQ(r.le64(), 0x0102030405060708u);
  EXPECT_EQ(r.be64(), 0x0102030405060708u);
  EXPECT_TRUE(r.ok());
  EXPECT_TRUE(r.done());
}

TEST(Bytes, VarintsAreThoseOfLeb128) {
  auto varint = [](uint64_t v) {
    std::string out;
    ByteWriter(out).varint(v);
    return out;
  };
  EXPECT_EQ(varint(0), std::string("\0", 1));
  EXPECT_EQ(varint(127), "\x7f");
  EXPECT_EQ(varint(128), "\x80\x01");
  EXPECT_EQ(varint(624485), "\xe5\x8e\x26");
  EXPECT_EQ(varint(~uint64_t{0}), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(Bytes, WhatIsWrittenIsReadBack) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  std::vector<uint64_t> numbers = {0, 1, ~uint64_t{0}, uint64_t{1} << 63, (uint64_t{1} << 63) - 1};
  for (int bits = 0; bits < 64; ++bits) {
    numbers.push_back(uint64_t{1} << bits);
    numbers.push_back(rng() >> bits);
    numbers.push_back(~(rng() >> bits));
  }
  std::vector<Int128> wide;
  for (int bits = 0; bits < 128; ++bits) {
    const UInt128 drawn = (UInt128(rng()) << 64 | rng()) >> bits;
    wide.push_back(Int128(drawn));
    wide.push_back(Int128(~drawn));
  }
  wide.push_back(Int128(UInt128(1) << 127));
  wide.push_back(Int128(~(UInt128(1) << 127)));
  std::string out;
  ByteWriter w(out);
  for (uint64_t v : numbers) {
    w.varint(v);
    w.svarint(int64_t(v));
    w.sized(std::string(size_t(v % 300), 'x'));
  }
  for (Int128 v : wide) w.svarint128(v);
  ByteReader r(out);
  for (uint64_t v : numbers) {
    EXPECT_EQ(r.varint(), v);
    EXPECT_EQ(r.svarint(), int64_t(v));
    EXPECT_EQ(r.sized().size(), v % 300);
  }
  for (Int128 v : wide) EXPECT_TRUE(r.svarint128() == v);
  EXPECT_TRUE(r.ok());
  EXPECT_TRUE(r.done());

  // Cut anywhere, it never reads beyond the cut, and says so.
  for (size_t cut = 0; cut < out.size(); cut += 1 + rng() % 7) {
    std::string part(out, 0, cut);
    ByteReader cut_reader(part);
    for (uint64_t v [[maybe_unused]] : numbers) {
      cut_reader.varint();
      cut_reader.svarint();
      cut_reader.sized();
    }
    for (Int128 v [[maybe_unused]] : wide) cut_reader.svarint128();
    EXPECT_FALSE(cut_reader.ok());
    EXPECT_EQ(cut_reader.left(), 0u);
  }
}

TEST(Bytes, AfterAFailedReadEverythingIsZero) {
  ByteReader r("ab");
  EXPECT_EQ(r.le32(), 0u);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u8(), 0);
  EXPECT_EQ(r.varint(), 0u);
  EXPECT_TRUE(r.svarint128() == 0);
  EXPECT_EQ(r.bytes(0).size(), 0u);
  EXPECT_FALSE(r.ok());
  EXPECT_TRUE(r.done());
}

TEST(Bytes, AVarintOfTooManyBitsOrWithoutEndFails) {
  for (const char* bytes : {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x80"}) {
    ByteReader r(bytes);
    EXPECT_EQ(r.varint(), 0u);
    EXPECT_FALSE(r.ok());
  }
  ByteReader wide(std::string_view(
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x04"));
  EXPECT_TRUE(wide.svarint128() == 0);
  EXPECT_FALSE(wide.ok());
  // A length beyond the end, however large.
  std::string out;
  ByteWriter(out).varint(~uint64_t{0});
  ByteReader sized(out);
  EXPECT_TRUE(sized.sized().empty());
  EXPECT_FALSE(sized.ok());
}

}  // namespace
}  // namespace quipu
