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

// What the appends under one key must say.
struct Want {
  std::map<MonthIndex, std::vector<std::tuple<uint32_t, Slot, std::array<uint64_t, kMaxColumns>>>>
      rows;                     // by month
  std::vector<uint64_t> words;  // of entries, in their order
  std::multiset<std::pair<Slot, uint64_t>> chunk_words;
  bool full = false, fresh = false;
  std::string stored;
  bool empty() const {
    return stored.empty() && rows.empty() && words.empty() && chunk_words.empty();
  }
};

// Logs filled at random, and what must come of them.
class RandomLogs {
 public:
  explicit RandomLogs(std::mt19937_64& rng)
      : rng_(rng), logs_(1 + rng() % 3), few_(rng() % 2 ? 3 : ~uint64_t(0) >> 1) {
    for (size_t l = 0; l < logs_.size(); ++l) {
      std::optional<RecordKey> before;
      for (int i = int(rng_() % 400); i > 0; --i) {
        RecordKey key = draw_key(l);
        if (before && rng_() % 2) key = *before;
        before = key;
        add_entry(RowLogAccess::of(logs_[l]), key);
      }
    }
  }

  void expect_elements_where_they_were() const {
    for (const auto& [at, elements] : kept_)
      ASSERT_TRUE(std::equal(elements.begin(), elements.end(), at));
  }
  void expect_appends(const CompiledPlan& plan, ElementCodes& codes);

 private:
  using Log = std::remove_reference_t<decltype(RowLogAccess::of(std::declval<RowLog&>()))>;

  RecordKey draw_key(size_t shard);
  // Told once or twice; true if nothing is added to it then.
  bool tell_stored(Log& log, const RecordKey& key);
  void add_entry(Log& log, const RecordKey& key);
  void add_chunk_words(Log& log, const RecordKey& key, bool fresh, Want& w);
  void add_row(Log& log, const RecordKey& key, bool fresh, Want& w);
  void add_words(Log& log, const RecordKey& key, bool fresh, Want& w);

  std::mt19937_64& rng_;
  std::vector<RowLog> logs_;
  const uint64_t few_;  // profiles: a handful, or all different
  std::map<std::string, Want> want_;
  std::map<std::string, std::string> stored_;  // told, by key
  // Elements of rows, where the log said they are.
  std::vector<std::pair<const uint64_t*, std::vector<uint64_t>>> kept_;
};

RecordKey RandomLogs::draw_key(size_t shard) {
  RecordKey key;
  key.month = rng_() % 3 == 0 ? kForever : MonthIndex(rng_() % 5 * 300);
  key.tenant = TenantId(uint32_t(1 + rng_() % 3 * 1000));
  // Profiles of a shard; halves that differ in their last bits alone.
  key.profile = {(rng_() % few_) * 4 + shard, rng_() % 2 ? rng_() % 4 : (rng_() % few_) << 1};
  if (rng_() % 4 == 0) key.depth = uint8_t(1 + rng_() % 2), key.path = uint32_t(rng_() % 16);
  return key;
}

bool RandomLogs::tell_stored(Log& log, const RecordKey& key) {
  if (want_.contains(bytes_of(key)) || key.depth != 0 || rng_() % 6 != 0) return false;
  const std::string& bytes = stored_.try_emplace(bytes_of(key), stored_record(rng_)).first->second;
  for (int k = int(rng_() % 2); k >= 0; --k) log.stored(key, bytes);
  return rng_() % 3 == 0;
}

void RandomLogs::add_chunk_words(Log& log, const RecordKey& key, bool fresh, Want& w) {
  // Words of a chunk begin with its path.
  const auto word_of = [&] {
    return key.depth == 0 ? rng_() : uint64_t(key.path) << (64 - 4 * key.depth) | rng_() >> 8;
  };
  for (int k = int(rng_() % 4); k >= 0; --k) {
    const Slot slot = key.month == kForever ? Slot(0) : Slot(rng_() % 8 * 400);
    const uint64_t word = word_of();
    w.chunk_words.emplace(slot, word);
    log.chunk_word(key, word, slot, fresh && k == 0);
    w.fresh |= fresh && k == 0;
  }
  if (rng_() % 10 == 0) log.full_chunk(key, word_of()), w.full = true;
}

void RandomLogs::add_row(Log& log, const RecordKey& key, bool fresh, Want& w) {
  const MonthIndex of = key.month == kForever ? MonthIndex(600 + rng_() % 3) : key.month;
  std::array<uint64_t, kMaxColumns> elements{};
  uint64_t filled = 0;
  for (size_t c = 0; c < kMaxColumns; ++c)
    if (rng_() % 5 == 0)
      elements[c] = rng_() % 2 ? 1 + rng_() % 8 : rng_() | 1, filled |= uint64_t(1) << c;
  const auto metric = uint32_t(1 + rng_() % 1000);
  const auto slot = Slot(rng_() % 2976);
  const uint64_t columns = filled | rng_();  // some of them empty
  const uint64_t* at = log.row(key, of, SelectorId(metric), slot, columns, elements.data(), fresh);
  kept_.push_back({at, {}});
  for (size_t c = 0; c < kMaxColumns; ++c)
    if (columns >> c & 1) kept_.back().second.push_back(elements[c]);
  w.fresh |= fresh;
  w.rows[of].emplace_back(metric, slot, elements);
}

void RandomLogs::add_words(Log& log, const RecordKey& key, bool fresh, Want& w) {
  for (int k = int(rng_() % (rng_() % 8 ? 3 : 40)); k >= 0; --k) {
    w.words.push_back(rng_());
    log.word(key, w.words.back(), fresh && k == 0);
    w.fresh |= fresh && k == 0;
  }
}

void RandomLogs::add_entry(Log& log, const RecordKey& key) {
  const bool chunked = key.depth != 0 || (key.month != kForever && rng_() % 2);
  const bool nothing = !want_.contains(bytes_of(key));
  if (tell_stored(log, key)) return;
  Want& w = want_[bytes_of(key)];
  if (nothing && stored_.contains(bytes_of(key))) w.stored = stored_[bytes_of(key)];
  const bool fresh = w.empty() && rng_() % 2;
  if (chunked) {
    add_chunk_words(log, key, fresh, w);
  } else if (rng_() % 2) {
    add_row(log, key, fresh, w);
  } else if (rng_() % 10 == 0) {
    log.full(key);
    w.full = true;
  } else {
    add_words(log, key, fresh, w);
  }
}

// Reads what an append holds behind what was stored.
void read_append(const RecordAppend& append, ElementCodes& codes, Want& got) {
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
}

void RandomLogs::expect_appends(const CompiledPlan& plan, ElementCodes& codes) {
  auto it = want_.begin();
  for (const RecordAppend& append : appends_of(logs_, plan, codes)) {
    ASSERT_NE(it, want_.end());
    ASSERT_EQ(bytes_of(append.key), it->first);
    const Want& w = it->second;
    Want got;
    got.stored = w.stored;
    ASSERT_NO_FATAL_FAILURE(read_append(append, codes, got));
    ASSERT_EQ(got.rows, w.rows);
    ASSERT_EQ(got.words, w.words);
    ASSERT_EQ(got.chunk_words, w.chunk_words);
    ASSERT_EQ(got.full, w.full);
    ASSERT_EQ(append.how, w.fresh            ? RecordWrite::first
                          : w.stored.empty() ? RecordWrite::append
                                             : RecordWrite::whole);
    ++it;
  }
  ASSERT_EQ(it, want_.end());
}

TEST(RowLog, AppendsAreOneAKeyInTheOrderOfKeysAndHoldTheEntriesInTheirOrder) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  CompiledPlan plan;
  plan.version = 9;
  ElementCodes codes;
  for (int round = 0; round < 40; ++round) {
    RandomLogs logs(rng);
    ASSERT_NO_FATAL_FAILURE(logs.expect_elements_where_they_were());
    ASSERT_NO_FATAL_FAILURE(logs.expect_appends(plan, codes));
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
