#include "tally/row_log.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

#include "tally/appends.h"
#include "tally/record_format.h"
#include "tally/record_words.h"

namespace quipu {
namespace {

std::string bytes_of(const RecordKey& key) {
  std::string out;
  key.append_to(out);
  return out;
}

std::string stored_record(std::mt19937_64& rng) {
  std::string bytes;
  for (size_t n = 1 + rng() % 40; n > 0; --n) bytes += char(rng());
  return bytes;
}

TEST(RowLog, AppendsAreOneAKeyInTheOrderOfKeysAndHoldTheEntriesInTheirOrder) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  CompiledPlan plan;
  plan.version = 9;
  ElementCodes codes;
  for (int round = 0; round < 40; ++round) {
    struct Want {
      std::map<MonthIndex,
               std::vector<std::tuple<uint32_t, Slot, std::array<uint64_t, kMaxColumns>>>>
          rows;                     // by month
      std::vector<uint64_t> words;  // of entries, in their order
      std::multiset<std::pair<Slot, uint64_t>> chunk_words;
      bool full = false, fresh = false;
      std::string stored;
    };
    std::map<std::string, Want> want;
    std::map<std::string, std::string> stored;  // told, by key
    std::vector<std::pair<const uint64_t*, std::vector<uint64_t>>>
        kept;  // elements of rows, where the log said they are
    std::vector<RowLog> logs(1 + rng() % 3);
    const uint64_t few =
        rng() % 2 ? 3 : ~uint64_t(0) >> 1;  // profiles: a handful, or all different
    for (size_t l = 0; l < logs.size(); ++l) {
      auto& log = RowLogAccess::of(logs[l]);
      std::optional<RecordKey> before;
      for (int i = int(rng() % 400); i > 0; --i) {
        RecordKey key;
        key.month = rng() % 3 == 0 ? kForever : MonthIndex(rng() % 5 * 300);
        key.tenant = TenantId(uint32_t(1 + rng() % 3 * 1000));
        // Profiles of a shard; halves that differ in their last bits alone.
        key.profile = {(rng() % few) * 4 + l, rng() % 2 ? rng() % 4 : (rng() % few) << 1};
        if (rng() % 4 == 0) key.depth = uint8_t(1 + rng() % 2), key.path = uint32_t(rng() % 16);
        if (before && rng() % 2) key = *before;
        before = key;
        // Words of a chunk begin with its path.
        const auto word_of = [&] {
          return key.depth == 0 ? rng() : uint64_t(key.path) << (64 - 4 * key.depth) | rng() >> 8;
        };
        const bool chunked = key.depth != 0 || (key.month != kForever && rng() % 2);
        const bool nothing = !want.contains(bytes_of(key));
        if (nothing && key.depth == 0 &&
            rng() % 6 == 0) {  // told once or twice, then perhaps added to
          const std::string& bytes =
              stored.try_emplace(bytes_of(key), stored_record(rng)).first->second;
          for (int k = int(rng() % 2); k >= 0; --k) log.stored(key, bytes);
          if (rng() % 3 == 0) continue;
        }
        Want& w = want[bytes_of(key)];
        if (nothing && stored.contains(bytes_of(key))) w.stored = stored[bytes_of(key)];
        const bool fresh = w.stored.empty() && w.rows.empty() && w.words.empty() &&
                           w.chunk_words.empty() && rng() % 2;
        if (chunked) {
          for (int k = int(rng() % 4); k >= 0; --k) {
            const Slot slot = key.month == kForever ? Slot(0) : Slot(rng() % 8 * 400);
            const uint64_t word = word_of();
            w.chunk_words.emplace(slot, word);
            log.chunk_word(key, word, slot, fresh && k == 0);
            w.fresh |= fresh && k == 0;
          }
          if (rng() % 10 == 0) log.full_chunk(key, word_of()), w.full = true;
        } else if (rng() % 2) {
          const MonthIndex of = key.month == kForever ? MonthIndex(600 + rng() % 3) : key.month;
          std::array<uint64_t, kMaxColumns> elements{};
          uint64_t filled = 0;
          for (size_t c = 0; c < kMaxColumns; ++c)
            if (rng() % 5 == 0)
              elements[c] = rng() % 2 ? 1 + rng() % 8 : rng() | 1, filled |= uint64_t(1) << c;
          const auto metric = uint32_t(1 + rng() % 1000);
          const auto slot = Slot(rng() % 2976);
          const uint64_t columns = filled | rng();  // some of them empty
          const uint64_t* at =
              log.row(key, of, SelectorId(metric), slot, columns, elements.data(), fresh);
          kept.push_back({at, {}});
          for (size_t c = 0; c < kMaxColumns; ++c)
            if (columns >> c & 1) kept.back().second.push_back(elements[c]);
          w.fresh |= fresh;
          w.rows[of].emplace_back(metric, slot, elements);
        } else if (rng() % 10 == 0) {
          log.full(key);
          w.full = true;
        } else {
          for (int k = int(rng() % (rng() % 8 ? 3 : 40)); k >= 0; --k) {
            w.words.push_back(rng());
            log.word(key, w.words.back(), fresh && k == 0);
            w.fresh |= fresh && k == 0;
          }
        }
      }
    }
    for (const auto& [at, elements] : kept)
      ASSERT_TRUE(std::equal(elements.begin(), elements.end(), at));
    auto it = want.begin();
    for (const RecordAppend& append : appends_of(logs, plan, codes)) {
      ASSERT_NE(it, want.end());
      ASSERT_EQ(bytes_of(append.key), it->first);
      Want got;
      got.stored = it->second.stored;
      ASSERT_TRUE(append.bytes.starts_with(got.stored));
      RecordReader reader(std::string_view(append.bytes).substr(got.stored.size()), codes);
      for (auto item = reader.next(); item != RecordReader::Item::end; item = reader.next()) {
        ASSERT_NE(item, RecordReader::Item::corrupt) << reader.problem();
        if (item == RecordReader::Item::row) {
          ASSERT_EQ(reader.version(), 9);
          ASSERT_EQ(reader.month().has_value(), append.key.month == kForever);
          got.rows[reader.month().value_or(append.key.month)].emplace_back(
              raw(reader.metric()), reader.slot(), reader.elements());
        }
        EXPECT_FALSE(got.full && append.key.depth != 0) << "words behind the mark";
        if (item == RecordReader::Item::word) {
          if (append.key.depth == 0)
            got.words.push_back(reader.word());
          else
            got.chunk_words.emplace(0, reader.word());
        }
        if (item == RecordReader::Item::slot_word)
          got.chunk_words.emplace(reader.slot(), reader.word());
        if (item == RecordReader::Item::full) got.full = true;
      }
      ASSERT_EQ(got.rows, it->second.rows);
      ASSERT_EQ(got.words, it->second.words);
      ASSERT_EQ(got.chunk_words, it->second.chunk_words);
      ASSERT_EQ(got.full, it->second.full);
      const Want& w = it->second;
      ASSERT_EQ(append.how, w.fresh            ? RecordWrite::first
                            : w.stored.empty() ? RecordWrite::append
                                               : RecordWrite::whole);
      ++it;
    }
    ASSERT_EQ(it, want.end());
  }
}

// A record with most of the words is encoded in pieces.
TEST(RowLog, AllWordsOfALargeRecordAreThereOneAppendAChunk) {
  std::mt19937_64 rng(5);
  std::vector<RowLog> logs(2);
  std::map<std::string, std::multiset<std::pair<Slot, uint64_t>>> want;
  for (int i = 0; i < 900000; ++i) {
    const bool large = rng() % 8 != 0;
    RecordKey key{
        MonthIndex(large ? 600 : 590 + rng() % 20), TenantId(1), {large ? 7 : rng() % 5, 0}, 0, 0};
    const uint64_t word = rng();
    key.depth = uint8_t(rng() % 4);
    key.path = chunk_path(word, key.depth);
    const Slot slot = Slot(rng() % 3 * 900);
    RowLogAccess::of(logs[key.profile.lo % 2]).chunk_word(key, word, slot, false);
    want[bytes_of(key)].emplace(slot, word);
  }
  auto it = want.begin();
  ElementCodes codes;
  for (const RecordAppend& append : appends_of(logs, CompiledPlan(), codes)) {
    ASSERT_NE(it, want.end());
    ASSERT_EQ(bytes_of(append.key), it->first);
    std::multiset<std::pair<Slot, uint64_t>> got;
    RecordReader reader(append.bytes, codes);
    while (reader.next() == RecordReader::Item::slot_word)
      got.emplace(reader.slot(), reader.word());
    ASSERT_EQ(got, it->second);
    ++it;
  }
  EXPECT_EQ(it, want.end());
}

TEST(RowLog, AnEmptyLogGivesNothing) {
  std::vector<RowLog> logs(2);
  ElementCodes codes;
  EXPECT_TRUE(logs[0].empty());
  EXPECT_EQ(logs[0].bytes(), 0u);
  RowLog gone = std::move(logs[1]);
  EXPECT_TRUE(logs[1].empty());
  EXPECT_TRUE(appends_of(logs, CompiledPlan(), codes).empty());
}

}  // namespace
}  // namespace quipu
