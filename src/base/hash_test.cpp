#include "base/hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <string>

namespace quipu {
namespace {

HashSecret patterned_secret(uint8_t salt) {
  HashSecret secret;
  for (size_t i = 0; i < secret.size(); ++i)
    secret[i] = uint8_t(mix64(i + 1 + uint64_t{salt} * 1000));
  return secret;
}

TEST(Hash, OnlyTheEmptyTextIsTheEmptyElement) {
  for (unsigned bits : {64u, 8u, 1u}) {
    Hasher hasher(patterned_secret(1), bits);
    EXPECT_EQ(hasher.element(""), kEmptyElement);
    for (int i = 0; i < 5000; ++i) {
      EXPECT_NE(hasher.element("text " + std::to_string(i)), kEmptyElement);
    }
  }
}

TEST(Hash, ElementBitsMakeTextsCollide) {
  Hasher hasher(patterned_secret(1), 8);
  std::set<uint64_t> seen, checks;
  for (int i = 0; i < 5000; ++i) {
    auto checked = hasher.element_checked(std::to_string(i));
    EXPECT_EQ(checked.element, hasher.element(std::to_string(i)));
    seen.insert(checked.element);
    checks.insert(checked.check);
  }
  EXPECT_EQ(seen.size(), 255u);
  EXPECT_EQ(*seen.rbegin(), 255u);
  EXPECT_EQ(checks.size(), 5000u);  // which the check notices
}

TEST(Hash, DependsOnTheSecretAndOnEveryByte) {
  Hasher one(patterned_secret(1)), same(patterned_secret(1)), other(patterned_secret(2));
  for (size_t length : {1u, 3u, 4u, 8u, 9u, 16u, 17u, 128u, 129u, 240u, 241u, 1024u, 5000u}) {
    std::string text(length, 'a');
    EXPECT_EQ(one.element(text), same.element(text));
    EXPECT_NE(one.element(text), other.element(text));
    EXPECT_NE(one.hash64(text), other.hash64(text));
    EXPECT_NE(one.hash128(text), other.hash128(text));
    EXPECT_NE(one.element_checked(text).check, other.element_checked(text).check);
    const auto before = one.element_checked(text);
    const Hash128 before128 = one.hash128(text);
    for (size_t at : {size_t{0}, length / 2, length - 1}) {
      std::string changed = text;
      changed[at] = 'b';
      EXPECT_NE(one.element_checked(changed).element, before.element);
      EXPECT_NE(one.element_checked(changed).check, before.check);
      EXPECT_NE(one.hash128(changed).lo, before128.lo);
      EXPECT_NE(one.hash128(changed).hi, before128.hi);
    }
  }
}

TEST(Hash, BytesOfAnyKindAreHashedWhole) {
  Hasher hasher(patterned_secret(3));
  EXPECT_NE(hasher.element(std::string_view("a\0b", 3)),
            hasher.element(std::string_view("a\0c", 3)));
  EXPECT_NE(hasher.element(std::string_view("\0", 1)), hasher.element(std::string_view("\0\0", 2)));
}

TEST(Hash, SecretsAreDrawnAnew) {
  const HashSecret a = draw_hash_secret(), b = draw_hash_secret();
  EXPECT_NE(a, b);
  int bits = 0;
  for (uint8_t byte : a) bits += std::popcount(byte);
  // 1536 fair coins: mean 768, deviation 19.6.
  EXPECT_GT(bits, 768 - 160);
  EXPECT_LT(bits, 768 + 160);
}

TEST(Hash, MixingIsOneToOneOnSamples) {
  std::set<uint64_t> mixed, combined;
  for (uint64_t i = 0; i < 10000; ++i) {
    mixed.insert(mix64(i));
    combined.insert(combine64(i / 100, i % 100));
  }
  EXPECT_EQ(mixed.size(), 10000u);
  EXPECT_EQ(combined.size(), 10000u);
}

}  // namespace
}  // namespace quipu
