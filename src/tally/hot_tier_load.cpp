// Reading records from the durable tier.
#include "tally/hot_tier.h"
#include "tally/record_format.h"

namespace quipu {
namespace {

Error damaged(const RecordKey& key, const std::string& problem) {
  return Error{"a stored profile record is damaged (" + describe(key) + "): " + problem +
               ". Nothing was counted on it. Run `quipu audit` on a copy to see how far the damage goes, "
               "and go on from the last backup (`quipu backup`), or count the inputs into a new store"};
}

}  // namespace

Status HotTier::load_needed() {
  if (needed_.empty()) return {};
  loaded_.clear();
  loaded_.resize(needed_.size());
  QUIPU_TRY(tier_.load(needed_, loaded_));
  if (loaded_.size() != needed_.size())
    return Error{"the durable tier gave " + std::to_string(loaded_.size()) + " values for " +
                 std::to_string(needed_.size()) + " keys: report this as a bug"};
  loads_ += needed_.size();
  for (size_t i = 0; i < needed_.size(); ++i) {
    if (!loaded_[i].empty()) ++loads_found_;
    QUIPU_TRY(fill(needed_[i], loaded_[i]));
  }
  needed_.clear();
  return {};
}

Status HotTier::fill(const RecordKey& key, std::string_view bytes) {
  if (key.depth != 0) {
    auto* node = arena_.at<ChunkNode>(find_chunk(key));
    node->set = kNoHandle;
    return fill_words(key, bytes, node->set);
  }
  const Handle profile = find(hash_of(key.tenant, key.profile), key.tenant, key.profile);
  RecordRef* ref = find_record(profile, key.month);
  ref->handle = kNoHandle;
  return key.month == kForever ? fill_words(key, bytes, ref->handle)
                               : fill_month(key, bytes, ref->handle);
}

Status HotTier::fill_words(const RecordKey& key, std::string_view bytes, Handle& set) {
  RecordReader reader(bytes);
  while (true) {
    switch (reader.next()) {
      case RecordReader::Item::row:
        return damaged(key, "rows of events where only words may be");
      case RecordReader::Item::word:
        if (set != kNoHandle && arena_.at<WordSet>(set)->contains(reader.word())) break;
        if (set != kNoHandle && arena_.at<WordSet>(set)->count == kMaxSetWords)
          return damaged(key, "more words than a chunk may have");
        set = insert_word(arena_, set, reader.word(), uint32_t(options_.chunk_words));
        ++words_;
        break;
      case RecordReader::Item::full:
        if (set == kNoHandle) return damaged(key, "a full chunk without words");
        arena_.at<WordSet>(set)->flags |= WordSet::kSealed | WordSet::kSealedSaved;
        break;
      case RecordReader::Item::end:
        if (set != kNoHandle) arena_.at<WordSet>(set)->saved = arena_.at<WordSet>(set)->count;
        return {};
      case RecordReader::Item::corrupt:
        return damaged(key, reader.problem());
    }
  }
}

Status HotTier::fill_month(const RecordKey& key, std::string_view bytes, Handle& handle) {
  if (bytes.empty()) return {};
  handle = new_month_record(arena_);
  Handle set = kNoHandle;
  const int slots = slots_in(key.month);
  RecordReader reader(bytes);
  std::array<uint64_t, kMaxColumns> elements;
  while (true) {
    switch (reader.next()) {
      case RecordReader::Item::row: {
        const PlanVersion v = reader.version();
        if (v > plan_.version || (v < plan_.version && v >= plan_.version_columns.size()))
          return damaged(key, "a plan version that the store does not know");
        if (reader.slot() >= slots) return damaged(key, "a time slot outside the month");
        if (arena_.at<MonthRecord>(handle)->rows == kMaxMatrixRows)
          return damaged(key, "more rows than a record may have");
        // The columns as this plan numbers them.
        elements.fill(0);
        uint64_t filled = 0;
        for (uint64_t rest = reader.filled(); rest != 0; rest &= rest - 1) {
          const size_t c = size_t(std::countr_zero(rest));
          const size_t known =
              v == plan_.version ? plan_.columns.size() : plan_.version_columns[v].size();
          if (c >= known) return damaged(key, "a column that its plan version does not have");
          const int now = v == plan_.version ? int(c) : plan_.version_columns[v][c];
          if (now < 0) continue;
          elements[size_t(now)] = reader.elements()[c];
          filled |= uint64_t(1) << now;
        }
        handle = append_row(arena_, handle, row_meta(reader.metric(), reader.slot(), v), filled,
                            elements.data())
                     .record;
        ++rows_;
        break;
      }
      case RecordReader::Item::word:
        if (set != kNoHandle && arena_.at<WordSet>(set)->contains(reader.word())) break;
        if (set != kNoHandle && arena_.at<WordSet>(set)->count == kMaxSetWords)
          return damaged(key, "more words than a chunk may have");
        set = insert_word(arena_, set, reader.word(), uint32_t(options_.chunk_words));
        ++words_;
        break;
      case RecordReader::Item::full:
        if (set == kNoHandle) return damaged(key, "a full chunk without words");
        arena_.at<WordSet>(set)->flags |= WordSet::kSealed | WordSet::kSealedSaved;
        break;
      case RecordReader::Item::end: {
        auto* record = arena_.at<MonthRecord>(handle);
        record->words = set;
        record->saved = record->rows;
        if (set != kNoHandle) arena_.at<WordSet>(set)->saved = arena_.at<WordSet>(set)->count;
        return {};
      }
      case RecordReader::Item::corrupt:
        return damaged(key, reader.problem());
    }
  }
}

}  // namespace quipu
