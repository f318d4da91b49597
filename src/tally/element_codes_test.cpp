#include "tally/element_codes.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/hash.h"

namespace quipu {
namespace {

uint32_t code_after_sightings(ElementCodes& codes, uint64_t element) {
  for (uint32_t i = 1; i < ElementCodes::kSightings; ++i)
    EXPECT_EQ(codes.code_of(element), ElementCodes::kNone);
  return codes.code_of(element);
}

TEST(ElementCodes, AnElementThatComesAgainHasACodeForGood) {
  ElementCodes codes;
  EXPECT_EQ(codes.element(0), 0u);
  EXPECT_EQ(code_after_sightings(codes, 77), 0u);
  EXPECT_EQ(code_after_sightings(codes, 78), 1u);
  EXPECT_EQ(codes.code_of(77), 0u);
  EXPECT_EQ(codes.element(0), 77u);
  EXPECT_EQ(codes.element(1), 78u);
  EXPECT_EQ(codes.element(2), 0u);
  EXPECT_EQ(codes.element(ElementCodes::kMostCodes), 0u);
  EXPECT_EQ(codes.element(ElementCodes::kNone), 0u);
}

TEST(ElementCodes, FrequentElementsHaveThemAmongManyRareOnes) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  ElementCodes codes;
  for (int i = 0; i < 2'000'000; ++i) codes.code_of(rng() % 2 ? 1 + rng() % 1000 : rng() | 1);
  int coded = 0;
  for (uint64_t element = 1; element <= 1000; ++element)
    coded += codes.code_of(element) != ElementCodes::kNone;
  EXPECT_EQ(coded, 1000);
  EXPECT_LT(codes.size(), 1100u) << "what comes once has none";
}

TEST(ElementCodes, ManyCodesLeadBackToTheirElements) {
  ElementCodes codes;
  std::map<uint32_t, uint64_t> given;
  for (uint64_t n = 1; n <= 20'000; ++n) {
    const uint64_t element = mix64(n);
    uint32_t code;
    while ((code = codes.code_of(element)) == ElementCodes::kNone) {
    }
    ASSERT_TRUE(given.emplace(code, element).second);
  }
  for (const auto& [code, element] : given) {
    ASSERT_EQ(codes.element(code), element);
    ASSERT_EQ(codes.code_of(element), code);
  }
}

TEST(ElementCodes, NoMoreAreGivenThanAllowed) {
  ElementCodes codes(2);
  for (uint64_t element : {5, 6}) code_after_sightings(codes, element);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(codes.code_of(7), ElementCodes::kNone);
  EXPECT_EQ(codes.code_of(6), 1u);
}

TEST(ElementCodes, ComeBackFromTheChunksThatChanged) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  ElementCodes codes;
  std::map<uint32_t, std::vector<uint64_t>> stored;
  for (int commit = 0; commit < 30; ++commit) {
    for (int i = int(rng() % 4000); i > 0; --i) codes.code_of(1 + rng() % 5000);
    for (uint32_t number : codes.take_changed()) stored[number] = codes.chunk(number);
    EXPECT_TRUE(codes.take_changed().empty());
    ElementCodes again(0);  // what is stored can be read even if no more may be given
    uint32_t next = 0;
    for (const auto& [number, elements] : stored) {
      ASSERT_EQ(number, next++);
      ASSERT_TRUE(again.restore(elements));
    }
    EXPECT_TRUE(again.take_changed().empty());
    ASSERT_EQ(again.size(), codes.size());
    for (uint32_t code = 0; code < codes.size(); ++code)
      ASSERT_EQ(again.element(code), codes.element(code));
  }
  EXPECT_GT(codes.size(), ElementCodes::kChunk);
}

TEST(ElementCodes, ChunksThatCannotBeAreRefused) {
  const auto refused = [](std::vector<std::vector<uint64_t>> chunks) {
    ElementCodes codes;
    for (const auto& chunk : chunks)
      if (!codes.restore(chunk)) return true;
    return false;
  };
  EXPECT_FALSE(refused({{1, 2}}));
  EXPECT_TRUE(refused({{}}));
  EXPECT_TRUE(refused({{1, 0}})) << "the empty element";
  EXPECT_TRUE(refused({{1, 2, 1}})) << "one element twice";
  EXPECT_TRUE(refused({{1, 2}, {3}})) << "a short one that is not the last";
  EXPECT_TRUE(refused({std::vector<uint64_t>(ElementCodes::kChunk + 1, 1)}));
}

}  // namespace
}  // namespace quipu
