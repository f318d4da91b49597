// Reading records from the durable tier.
#include <bit>

#include "tally/hot_tier.h"

namespace quipu {
namespace {

Error damaged(const RecordKey& key, const std::string& problem) {
  return Error{
      "a stored profile record is damaged (" + describe(key) + "): " + problem +
      ". The store is not to be counted on further: run `quipu audit` on a copy to see how far "
      "the damage goes, then continue from the last backup (`quipu backup` made it) or count "
      "the inputs into a new store"};
}

}  // namespace

Status HotTier::load_needed() {
  if (needed_.empty()) return {};
  loaded_.clear();
  loaded_.resize(needed_.size());
  QUIPU_TRY(tier_.load(needed_, loaded_));
  CHECK(loaded_.size() == needed_.size());
  loads_ += needed_.size();
  for (size_t i = 0; i < needed_.size(); ++i) {
    if (!loaded_[i].empty()) ++loads_found_;
    QUIPU_TRY(fill(needed_[i], loaded_[i]));
  }
  needed_.clear();
  return {};
}

Status HotTier::fill(const RecordKey& key, std::string_view bytes) {
  RecordRef* ref = nullptr;
  Handle* place;
  if (key.depth != 0) {
    place = &arena_.at<ChunkNode>(find_chunk(key))->set;
  } else {
    ref = find_record(find(hash_of(key.tenant, key.profile), key.tenant, key.profile), key.month);
    place = &ref->handle;
  }
  *place = kNoHandle;
  const bool month_record = key.depth == 0 && key.month != kForever;
  Handle set = kNoHandle;
  if (month_record && bytes.empty())
    return damaged(key, "it is not there, though the profile's forever record names it");
  RecordReader reader(bytes);
  for (RecordReader::Item item; (item = reader.next()) != RecordReader::Item::end;) {
    if (item == RecordReader::Item::corrupt) return damaged(key, reader.problem());
    if (item == RecordReader::Item::row) {
      if (!month_record) return damaged(key, "rows of events where only words may be");
      QUIPU_TRY(fill_row(key, reader, *place));
    } else {
      QUIPU_TRY(fill_word(key, item, reader.word(), set));
    }
  }
  if (ref != nullptr && set != kNoHandle) ref->full = arena_.at<WordSet>(set)->full;
  if (!month_record) {
    *place = set;
  } else if (set != kNoHandle || *place != kNoHandle) {
    if (*place == kNoHandle) *place = new_month_record(arena_);
    arena_.at<MonthRecord>(*place)->words = set;
  }
  return {};
}

Status HotTier::fill_word(const RecordKey& key, RecordReader::Item item, uint64_t word,
                          Handle& set) {
  auto* known = set == kNoHandle ? nullptr : arena_.at<WordSet>(set);
  if (item == RecordReader::Item::full) {
    if (known == nullptr) return damaged(key, "a full chunk without words");
    known->full = true;
    return {};
  }
  if (known != nullptr && known->contains(word)) return {};
  if (known != nullptr && known->count == kMaxSetWords)
    return damaged(key, "more words than a chunk may have");
  set = insert_word(arena_, set, word, uint32_t(options_.chunk_words));
  ++words_;
  return {};
}

// The row's columns become those of this plan; what it no longer has is left out.
Status HotTier::fill_row(const RecordKey& key, const RecordReader& row, Handle& record) {
  const PlanVersion v = row.version();
  const bool current = v == plan_.version;
  if (v > plan_.version || (!current && v >= plan_.version_columns.size()))
    return damaged(key, "a plan version that the store does not know");
  if (row.slot() >= slots_in(key.month)) return damaged(key, "a time slot outside the month");
  const size_t known = current ? plan_.columns.size() : plan_.version_columns[v].size();
  std::array<uint64_t, kMaxColumns> elements{};
  uint64_t filled = 0;
  for (uint64_t rest = row.filled(); rest != 0; rest &= rest - 1) {
    const size_t c = size_t(std::countr_zero(rest));
    if (c >= known) return damaged(key, "a column that its plan version does not have");
    const int now = current ? int(c) : plan_.version_columns[v][c];
    if (now < 0) continue;
    elements[size_t(now)] = row.elements()[c];
    filled |= uint64_t(1) << now;
  }
  if (record == kNoHandle) record = new_month_record(arena_);
  if (arena_.at<MonthRecord>(record)->rows == kMaxMatrixRows)
    return damaged(key, "more rows than a record may have");
  const uint64_t meta = row_meta(row.metric(), row.slot(), v);
  record = append_row(arena_, record, meta, filled, elements.data());
  ++rows_;
  return {};
}

}  // namespace quipu
