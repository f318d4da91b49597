#include "store/name_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "base/bytes.h"
#include "store/names.h"

namespace quipu {
namespace {

using StoredName =
    std::tuple<uint32_t, uint32_t, uint64_t, std::string>;  // tenant, property, element, text

constexpr size_t kGrownRow = ChunkLengths::kGrowth * size_t(kNamesOfRow);

class NameRowsTest : public ::testing::Test {
 protected:
  // The rows of one commit, each looked at; they are also put to those before, as the store merges
  // them.
  std::map<std::string, std::vector<StoredName>> cut(const std::vector<NameBatch>& batches) {
    std::map<std::string, std::vector<StoredName>> rows;
    std::string last;
    const Status done =
        name_rows_.cut(batches, ask_, [&](std::string_view key, std::string_view row) -> Status {
          EXPECT_GT(key, last);
          last = key;
          ByteReader r(key);
          const TenantId tenant{r.be32()};
          const PropertyId property{r.be32()};
          const int bits = r.u8();
          EXPECT_EQ(bits % kNamePrefixStep, 0);
          const auto names = decode_names(row);
          EXPECT_TRUE(names.has_value());
          for (const Name& name : names.value_or(std::vector<Name>())) {
            std::string own_key;
            name_key(tenant, property, bits, name.element).append_to(own_key);
            EXPECT_EQ(own_key, key);
            rows[last].emplace_back(raw(tenant), raw(property), name.element, name.text);
            all_[last].insert(rows[last].back());
          }
          return {};
        });
    EXPECT_TRUE(done.ok());
    return rows;
  }

  std::vector<NameBatch> batch_of(size_t count, uint32_t property = 1, size_t text_bytes = 0) {
    std::vector<NameBatch> batches(1);
    for (size_t i = 0; i < count; ++i) {
      std::string text = "text " + std::to_string(texts_++);
      if (text.size() < text_bytes) text.resize(text_bytes, 'x');
      batches[0].add({TenantId(1), PropertyId(property), random_(), text});
    }
    return batches;
  }

  template <typename Rows>
  static size_t most_of(const Rows& rows) {
    size_t most = 0;
    for (const auto& [key, names] : rows) most = std::max(most, names.size());
    return most;
  }
  static int bits_of(const std::string& key) { return uint8_t(key[8]); }

  StoredNames stored_;
  int questions_ = 0;
  NameRows name_rows_;
  NameRows::Stored ask_{[this](TenantId, PropertyId) -> Result<StoredNames> {
    ++questions_;
    return stored_;
  }};
  std::map<std::string, std::set<StoredName>> all_;
  std::mt19937_64 random_{7};
  uint64_t texts_ = 0;
};

TEST_F(NameRowsTest, RiseByKeysAndHoldEachNameOnceUnderItsPrefix) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100; ++round) {
    std::vector<NameBatch> batches(1 + random() % 4);
    std::set<StoredName> expected;
    for (uint64_t i = 0, count = random() % 2000; i < count; ++i) {
      const uint64_t element = random() % 3 ? random() : random() % 5 << 62;
      const StoredName name{1 + random() % 3, random() % 2 ? 1 : ~uint32_t(0), element,
                            std::to_string(random() % 3)};
      expected.insert(name);
      for (uint64_t times = 1 + random() % 2; times > 0; --times) {
        batches[random() % batches.size()].add({TenantId(std::get<0>(name)),
                                                PropertyId(std::get<1>(name)), element,
                                                std::get<3>(name)});
      }
    }
    std::vector<StoredName> found;
    for (const auto& [key, names] : cut(batches))
      found.insert(found.end(), names.begin(), names.end());
    EXPECT_EQ(found.size(), expected.size());
    EXPECT_EQ(std::set<StoredName>(found.begin(), found.end()), expected);
  }
}

TEST_F(NameRowsTest, OfNoNamesThereAreNone) {
  EXPECT_TRUE(cut({}).empty());
  std::vector<NameBatch> empty(2);
  EXPECT_TRUE(cut(empty).empty());
  EXPECT_EQ(questions_, 0);
}

TEST_F(NameRowsTest, AFewNamesOfAPropertyAreOneRow) {
  for (uint32_t property : {1, 2, 3}) {
    const auto rows = cut(batch_of(property == 1 ? 1 : size_t(kNamesOfRow), property));
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(bits_of(rows.begin()->first), 0);
  }
}

TEST_F(NameRowsTest, ManyNamesOfACommitFillTheirRows) {
  const auto rows = cut(batch_of(100'000));
  EXPECT_GE(100'000 / rows.size(), size_t(kNamesOfRow) / 4);
  EXPECT_LE(most_of(rows), size_t(kNamesOfRow) * 2);
}

TEST_F(NameRowsTest, OfManyCommitsGrowToABound) {
  for (int commit = 0; commit < 300; ++commit) cut(batch_of(1'000));
  std::set<int> lengths;
  size_t names = 0;
  for (const auto& [key, row] : all_) {
    lengths.insert(bits_of(key));
    names += row.size();
  }
  EXPECT_EQ(names, 300'000u);
  EXPECT_GT(lengths.size(), 1u);
  EXPECT_LE(most_of(all_), 3 * kGrownRow) << "the number of names is known by a sketch of eight";
  EXPECT_GE(names / all_.size(), size_t(kNamesOfRow));
}

TEST_F(NameRowsTest, AFewAtATimeThatComeForLongDoNotGrowOneRowForEver) {
  for (int commit = 0; commit < 10'000; ++commit) cut(batch_of(5));
  EXPECT_LE(most_of(all_), 3 * kGrownRow);
}

TEST_F(NameRowsTest, HoldFewLongTexts) {
  const auto rows = cut(batch_of(300, 1, 100 << 10));
  EXPECT_LE(most_of(rows), 8u);
  for (int commit = 0; commit < 10; ++commit) cut(batch_of(30, 2, 100 << 10));
  EXPECT_LE(most_of(all_), 3 * 16u);
}

TEST_F(NameRowsTest, GoOnWithTheLengthThatIsStored) {
  stored_ = {4, 500};
  EXPECT_EQ(bits_of(cut(batch_of(3)).begin()->first), 4);
  stored_ = {6, 500};
  EXPECT_EQ(bits_of(cut(batch_of(3)).begin()->first), 4) << "asked once a property";
  EXPECT_EQ(bits_of(cut(batch_of(3, 2)).begin()->first), 6);
  EXPECT_EQ(questions_, 2);
}

TEST_F(NameRowsTest, AreCutFinerWhereStoredOnesHaveGrownTooLarge) {
  stored_ = {4, 4 * kGrownRow};
  EXPECT_EQ(bits_of(cut(batch_of(3)).begin()->first), 6);
  stored_ = {24, 1000 * kGrownRow};
  EXPECT_EQ(bits_of(cut(batch_of(3, 2)).begin()->first), 24) << "the longest that is written";
}

TEST_F(NameRowsTest, AskAboutSoManyPropertiesOfACommitOnly) {
  std::vector<NameBatch> batches(1);
  for (uint32_t property = 1; property <= NameRows::kQuestionsOfCommit + 10; ++property) {
    batches[0].add({TenantId(1), PropertyId(property), property, "text"});
  }
  EXPECT_EQ(cut(batches).size(), batches[0].size());
  EXPECT_EQ(questions_, NameRows::kQuestionsOfCommit);
  cut(batch_of(1, 1'000'000));
  EXPECT_EQ(questions_, NameRows::kQuestionsOfCommit + 1);
}

TEST_F(NameRowsTest, AskLaterAboutThePropertiesThatACommitCouldNotAskAbout) {
  std::vector<NameBatch> batches(1);
  for (uint32_t property = 1; property <= 2 * NameRows::kQuestionsOfCommit; ++property) {
    batches[0].add({TenantId(1), PropertyId(property), property, "text"});
  }
  stored_ = {4, 500};
  size_t short_ones = 0;
  for (int commit = 0; commit < 20; ++commit) {
    const int before = questions_;
    short_ones = 0;
    for (const auto& [key, names] : cut(batches)) short_ones += bits_of(key) < 4;
    EXPECT_LE(questions_ - before, int(NameRows::kQuestionsOfCommit));
    EXPECT_TRUE(commit > 0 || short_ones == NameRows::kQuestionsOfCommit) << short_ones;
  }
  EXPECT_LE(short_ones, NameRows::kQuestionsOfCommit / 10) << "what was forgotten meanwhile";
}

TEST_F(NameRowsTest, PassOnTheErrorOfTheirSink) {
  int calls = 0;
  const Status done =
      name_rows_.cut(batch_of(10'000), ask_, [&](std::string_view, std::string_view) -> Status {
        if (++calls == 3) return Error{"the disk is full"};
        return {};
      });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().message, "the disk is full");
  EXPECT_EQ(calls, 3);
}

TEST_F(NameRowsTest, PassOnTheErrorOfTheQuestion) {
  const auto damaged = [](TenantId, PropertyId) -> Result<StoredNames> {
    return Error{"a row is damaged"};
  };
  const Status done =
      name_rows_.cut(batch_of(1), damaged, [](std::string_view, std::string_view) -> Status {
        ADD_FAILURE();
        return {};
      });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().message, "a row is damaged");
}

}  // namespace
}  // namespace quipu
