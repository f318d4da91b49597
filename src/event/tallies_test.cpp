#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "event/decode.h"
#include "event/test_decoder.h"

namespace quipu {
namespace {

Tallies drawn(std::mt19937_64& random) {
  Tallies t;
  auto draw = [&] { return random() >> (random() % 64); };
  t.read = draw(), t.counted = draw(), t.duplicate = draw(), t.unplanned = draw();
  for (uint64_t& n : t.set_aside) n = draw();
  for (uint64_t& n : t.notes) n = draw();
  return t;
}

std::vector<uint64_t> flat(const Tallies& t) {
  std::vector<uint64_t> out = {t.read, t.counted, t.duplicate, t.unplanned};
  out.insert(out.end(), t.set_aside.begin(), t.set_aside.end());
  out.insert(out.end(), t.notes.begin(), t.notes.end());
  return out;
}

TEST(Tallies, ComeBackAsTheyWereStored) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100; ++i) {
    const Tallies t = drawn(random);
    std::string bytes;
    encode_tallies(t, bytes);
    auto back = decode_tallies(bytes);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(flat(*back), flat(t));
  }
}

TEST(Tallies, DamagedBytesAreAnError) {
  std::mt19937_64 random(1);
  std::string bytes;
  encode_tallies(drawn(random), bytes);
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decode_tallies(std::string_view(bytes).substr(0, n)).ok());
  EXPECT_FALSE(decode_tallies(bytes + "x").ok());
  bytes[0] = 2;
  EXPECT_FALSE(decode_tallies(bytes).ok());
}

TEST(Tallies, OfAnOlderProgramWithFewerReasonsAreRead) {
  const std::string bytes = {1, 5, 3, 1, 0, 2, 0, 1, 1, 7};  // two reasons, one note
  auto t = decode_tallies(bytes);
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->read, 5u);
  EXPECT_EQ(t->set_aside[1], 1u);
  EXPECT_EQ(t->set_aside_total(), 1u);
  EXPECT_EQ(t->notes[0], 7u);
  EXPECT_EQ(t->notes[1], 0u);
}

TEST(Tallies, AddAndSubtractAreInverse) {
  std::mt19937_64 random(2);
  const Tallies a = drawn(random), b = drawn(random);
  Tallies c = a;
  c.add(b);
  EXPECT_EQ(c.read, a.read + b.read);
  EXPECT_EQ(c.notes.back(), a.notes.back() + b.notes.back());
  c.subtract(b);
  EXPECT_EQ(flat(c), flat(a));
}

TEST(Tallies, EveryReasonAndNoteHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i < int(Reason::kCount); ++i)
    EXPECT_TRUE(names.insert(reason_name(Reason(i))).second);
  for (int i = 0; i < int(Note::kCount); ++i) EXPECT_TRUE(names.insert(note_name(Note(i))).second);
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(reason_name(Reason::too_many_rows), "too_many_rows");
  EXPECT_EQ(reason_name(Reason::wrong_field_count), "wrong_field_count");
  EXPECT_EQ(note_name(Note::object_as_scalar), "object_as_scalar");
}

TEST(Tallies, OfALineAreReadAndWhatBecameOfIt) {
  Tallies t;
  LineOutcome line;
  line.notes = 1u << int(Note::rounded);
  tally_line(line, t);
  line.kind = LineOutcome::Kind::unplanned;
  tally_line(line, t);
  line.kind = LineOutcome::Kind::set_aside;
  line.reason = Reason::time_bad;
  tally_line(line, t);
  line.kind = LineOutcome::Kind::blank;
  tally_line(line, t);
  EXPECT_EQ(t.read, 3u);
  EXPECT_EQ(t.unplanned, 1u);
  EXPECT_EQ(t.counted, 0u);
  EXPECT_EQ(t.set_aside[size_t(Reason::time_bad)], 1u);
  EXPECT_EQ(t.set_aside_total(), 1u);
  EXPECT_EQ(t.notes[size_t(Note::rounded)], 2u) << "of lines that were not set aside";
}

// ---- names ----

using Name = std::tuple<uint32_t, uint32_t, uint64_t, std::string>;

TEST(NameLog, HandsOverEveryNameAtLeastOnceWhateverTheCache) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (size_t entries : {size_t(1), size_t(64), size_t(1) << 16}) {
    std::mt19937_64 random(seed);
    Hasher hasher(test_secret(), 6);  // many texts under one element
    NameLog log(entries);
    std::set<Name> noted, taken;
    size_t handed_over = 0, notes = 0;
    for (int epoch = 0; epoch < 5; ++epoch) {
      for (int i = 0; i < 2000; ++i, ++notes) {
        const uint32_t tenant = 1 + uint32_t(random() % 3), property = 1 + uint32_t(random() % 3);
        const std::string text = "name " + std::to_string(random() % 100);
        const Hasher::Checked hash = hasher.element_checked(text);
        log.note(TenantId(tenant), PropertyId(property), hash, text);
        noted.emplace(tenant, property, hash.element, text);
      }
      if (epoch == 0) {
        EXPECT_GT(log.bytes(), 0u);
      }
      log.take().each([&](const NameEntry& e) {
        taken.emplace(raw(e.tenant), raw(e.property), e.element, e.text);
        ++handed_over;
      });
      EXPECT_EQ(log.bytes(), 0u);
      EXPECT_EQ(taken, noted) << "after epoch " << epoch;
    }
    if (entries == size_t(1) << 16) {
      EXPECT_EQ(handed_over, noted.size()) << "a large cache spares every repetition";
    }
  }
}

}  // namespace
}  // namespace quipu
