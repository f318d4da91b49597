// Reading records from the durable tier.
#include <bit>

#include "base/fault.h"
#include "tally/hot_tier.h"
#include "tally/record_words.h"

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

void HotTier::ask_ahead(uint64_t hash, TenantId tenant, const Hash128& profile) {
  if (find(hash, tenant, profile) == kNoHandle) ahead_.ask(hash, tenant, profile);
}

Status HotTier::load_needed() {
  if (needed_.empty()) return {};
  loads_ += needed_.size();
  const auto fill_from = [&](const RecordKey& key, const std::string& bytes) {
    if (!bytes.empty()) ++loads_found_;
    return fill(key, bytes);
  };
  unread_.clear();
  for (const RecordKey& key : needed_) {
    const auto ahead = ahead_.take(hash_of(key.tenant, key.profile), key, loaded_ahead_);
    if (!ahead.ok()) return ahead.error();
    if (!*ahead) {
      unread_.push_back(key);
      continue;
    }
    QUIPU_TRY(fill_from(key, loaded_ahead_));
  }
  needed_.clear();
  if (unread_.empty()) return {};
  loaded_.clear();
  loaded_.resize(unread_.size());
  QUIPU_TRY(tier_.load(unread_, loaded_));
  CHECK(loaded_.size() == unread_.size());
  for (size_t i = 0; i < unread_.size(); ++i) QUIPU_TRY(fill_from(unread_[i], loaded_[i]));
  return {};
}

Status HotTier::fill(const RecordKey& key, std::string_view bytes) {
  if (key.depth != 0) return fill_chunk(key, bytes, arena_.at<ChunkNode>(find_chunk(key))->set);
  return key.month == kForever ? fill_forever(key, bytes) : fill_month(key, bytes);
}

// All that was ever added under the key is durable and in these bytes.
void HotTier::log_stored_record(const RecordKey& key, std::string_view bytes) {
  if (bytes.size() <= size_t(options_.whole_bytes)) RowLogAccess::of(log_).stored(key, bytes);
}

Status HotTier::fill_chunk(const RecordKey& key, std::string_view bytes, Handle& set) {
  set = kNoHandle;
  RecordReader reader(bytes, tier_.element_codes());
  for (RecordReader::Item item; (item = reader.next()) != RecordReader::Item::end;) {
    if (item == RecordReader::Item::corrupt) return damaged(key, reader.problem());
    if (item == RecordReader::Item::row)
      return damaged(key, "rows of events where only words may be");
    QUIPU_TRY(fill_word(key, item, reader, set));
  }
  return {};
}

Status HotTier::fill_month(const RecordKey& key, std::string_view bytes) {
  const Handle profile = find(hash_of(key.tenant, key.profile), key.tenant, key.profile);
  RecordRef& ref = *find_record(profile, key.month);
  ref.own = OwnRecord::here;
  if (ref.handle == kLoading) ref.handle = kNoHandle;
  if (bytes.empty())
    return damaged(key, "it is not there, though the profile's forever record names it");
  log_stored_record(key, bytes);  // a month is read once, before anything is added to it
  Handle set = kNoHandle;
  RecordReader reader(bytes, tier_.element_codes());
  for (RecordReader::Item item; (item = reader.next()) != RecordReader::Item::end;) {
    if (item == RecordReader::Item::corrupt) return damaged(key, reader.problem());
    if (item == RecordReader::Item::row) {
      if (reader.month()) return damaged(key, "rows of another month");
      QUIPU_TRY(fill_row(key, key.month, reader, ref.handle));
    } else {
      QUIPU_TRY(fill_word(key, item, reader, set));
    }
  }
  if (set == kNoHandle) return {};
  if (arena_.at<WordSet>(set)->full) ref.words_in = WordsIn::chunks;
  if (ref.handle == kNoHandle) ref.handle = new_month_record(arena_);
  arena_.at<MonthRecord>(ref.handle)->words = set;
  return {};
}

// Its words, if they are not in memory; and the rows that it holds of months that wait for them.
// Rows in hand are likely to be wanted next: with the words come those of all months of which
// nothing is in memory.
Status HotTier::fill_forever(const RecordKey& key, std::string_view bytes) {
  const uint64_t hash = hash_of(key.tenant, key.profile);
  Handle profile = find(hash, key.tenant, key.profile);
  const bool first = find_record(profile, kForever)->handle == kLoading;
  const uint32_t before = arena_.at<ProfileNode>(profile)->count;
  // Rows of a month in memory may be on their way into it.
  if (first && !bytes.empty() && (before == 1 || planted(Planted::whole_record_of_part)))
    log_stored_record(key, bytes);
  Handle set = first ? kNoHandle : find_record(profile, kForever)->handle;
  RecordReader reader(bytes, tier_.element_codes());
  for (RecordReader::Item item; (item = reader.next()) != RecordReader::Item::end;) {
    if (item == RecordReader::Item::corrupt) return damaged(key, reader.problem());
    if (item != RecordReader::Item::row) {
      if (first) QUIPU_TRY(fill_word(key, item, reader, set));
      continue;
    }
    if (!reader.month()) return damaged(key, "rows of no month");
    RecordRef* ref = find_record(profile, *reader.month());
    if (ref == nullptr && first) {
      ref = &add_record(hash, profile, *reader.month(), kNoHandle);
      ref->referenced = 0;
      ref->inlined = InlinedRows::due;
    }
    if (ref == nullptr || ref->inlined != InlinedRows::due) continue;
    if (ref->handle == kLoading) ref->handle = kNoHandle;
    QUIPU_TRY(fill_row(key, *reader.month(), reader, ref->handle));
  }
  const WordSet* root = set == kNoHandle ? nullptr : arena_.at<WordSet>(set);
  auto* node = arena_.at<ProfileNode>(profile);
  for (uint32_t i = 0; i < node->count; ++i) {
    RecordRef& ref = node->refs()[i];
    if (ref.month == kForever) {
      ref.handle = set;
      if (first) ref.words_in = root != nullptr && root->full ? WordsIn::chunks : WordsIn::root;
      continue;
    }
    if (ref.inlined != InlinedRows::due) continue;
    ref.inlined = InlinedRows::here;
    if (root == nullptr || !root->contains(inlined_month_word(ref.month)))
      return damaged(key, "rows of a month that it does not name");
    const auto* month = ref.handle == kLoading ? nullptr : month_record(ref);
    if (month == nullptr || month->rows == 0)
      return damaged(key, "no rows of a month that it names");
    if (i >= before && root->contains(month_word(ref.month))) ref.own = OwnRecord::unread;
  }
  // If words of the record are elsewhere, it is not known here whether a month has a record of its
  // own, too: its rows are read when they are asked for.
  while (root != nullptr && root->full && node->count > before) drop(node->refs()[--node->count]);
  return {};
}

Status HotTier::fill_word(const RecordKey& key, RecordReader::Item item, const RecordReader& reader,
                          Handle& set) {
  auto* known = set == kNoHandle ? nullptr : arena_.at<WordSet>(set);
  if (item == RecordReader::Item::full) {
    if (known == nullptr) return damaged(key, "a full chunk without words");
    known->full = true;
    return {};
  }
  const bool slotted = item == RecordReader::Item::slot_word;
  if (slotted != (key.month != kForever))
    return damaged(
        key, slotted ? "a word with a time slot where none may be" : "a word without a time slot");
  const uint64_t word = reader.word();
  if (slotted && reader.slot() >= slots_in(key.month))
    return damaged(key, "a time slot outside the month");
  // A word is added once; damage may repeat it.
  if (!slotted && known != nullptr && known->contains(word)) return {};
  if (known != nullptr && known->count == kMaxSetWords)
    return damaged(key, "more words than a chunk may have");
  const uint32_t limit = words_of_chunk(key);
  set = slotted ? insert_slot_word(arena_, set, word, reader.slot(), limit)
                : insert_word(arena_, set, word, limit);
  ++words_;
  return {};
}

// The row's columns become those of this plan; what it no longer has is left out.
Status HotTier::fill_row(const RecordKey& key, MonthIndex month, const RecordReader& row,
                         Handle& record) {
  const PlanVersion v = row.version();
  const bool current = v == plan_.version;
  if (v > plan_.version || (!current && v >= plan_.version_columns.size()))
    return damaged(key, "a plan version that the store does not know");
  if (row.slot() >= slots_in(month)) return damaged(key, "a time slot outside the month");
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
