// The hot tier of a shard: the records of its profiles that are in memory, under one byte budget.
// An index leads from (tenant, profile) to the profile's entry, which names its records: months and
// the forever record (ids, lifetime words, months that have records). Chunks of words below a
// record have an index of their own. What is known to be absent in the durable tier is in memory,
// too, as an empty record. The forever record is read first, and a month's only if that names it: a
// new profile costs one look at the durable tier. A profile of few events has its months' first
// rows stored in its forever record: it is written, looked for and read under one key.
//
// Life of a record: needed -> loaded (or found absent) -> appended to -> handed over in an epoch ->
// durable
// -> evicted by a clock. A record's generation says between which two hand-overs its newest row or
// word came (0: before it was loaded); it may be evicted once that generation is durable, and only
// in make_room(), so never within a batch. One thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tally/arena.h"
#include "tally/compare.h"
#include "tally/handle_index.h"
#include "tally/month_record.h"
#include "tally/record_format.h"
#include "tally/record_key.h"
#include "tally/record_ref.h"
#include "tally/record_words.h"
#include "tally/records_ahead.h"
#include "tally/row_log.h"
#include "tally/tally.h"
#include "tally/word_set.h"

namespace quipu {

// A profile in nodes that are multiples of 4 bytes.
inline std::array<uint32_t, 4> pack(const Hash128& hash) {
  return std::bit_cast<std::array<uint32_t, 4>>(hash);
}
inline Hash128 unpack(const std::array<uint32_t, 4>& packed) {
  return std::bit_cast<Hash128>(packed);
}

// A profile's entry; its records follow it.
struct ProfileNode {
  std::array<uint32_t, 4> profile;
  TenantId tenant;
  uint16_t count;
  uint16_t capacity;

  RecordRef* refs() { return reinterpret_cast<RecordRef*>(this + 1); }
};
static_assert(sizeof(ProfileNode) == 24 && alignof(ProfileNode) == 4);

// A chunk of words at depth 1 and more.
struct ChunkNode {
  std::array<uint32_t, 4> profile;
  TenantId tenant;
  MonthIndex month;
  uint8_t depth;
  uint8_t referenced;
  uint32_t path;
  Handle set;  // kNoHandle: holds nothing
};
static_assert(sizeof(ChunkNode) == 32);

// A word that is looked for, with others, in a record: in one of a month for the frames in whose
// bucket it has no slot yet, in a forever record (frame 0 alone) whether it is there.
struct WordLookup {
  uint64_t word;
  uint32_t unseen;     // frames, as a set
  uint32_t steps;      // slots looked at
  uint32_t dimension;  // the asker's
  Handle chunk;        // in the end the last one on its way; kNoHandle: the root
  const WordSet* set;  // of the chunk in hand
  uint64_t hash;       // of its key
};

class HotTier {
 public:
  HotTier(const TallyOptions& options, const CompiledPlan& plan, DurableTier& tier);

  // Finding. Handles of profiles are valid until the next need() or make_room().
  static uint64_t hash_of(TenantId tenant, const Hash128& profile);
  Handle find(uint64_t hash, TenantId tenant, const Hash128& profile) const;
  void prefetch_index(uint64_t hash) const { profiles_.prefetch(hash); }
  void prefetch_profile(uint64_t hash) const;                    // its index slot must be near
  void prefetch_record(Handle profile, MonthIndex month) const;  // its head
  void prefetch_rows(Handle profile, MonthIndex month) const;  // its newest rows, told by the head

  // Loading. need_forever(), need_month() and need_word() say whether a record, or every chunk that
  // a look-up of the word may visit, is in memory; what is not is read by the next load_needed(),
  // after which they are asked again: months are known only once the forever record is there, which
  // need_month() takes for granted, and chunks once their parents are.
  Handle open(uint64_t hash, TenantId tenant, const Hash128& profile);  // found or made
  bool need_forever(uint64_t hash, Handle& profile);
  bool need_month(uint64_t hash, Handle& profile, MonthIndex month);
  bool may_lack_chunks(Handle profile, MonthIndex month) const {
    return record(profile, month).words_in == WordsIn::chunks;
  }
  bool need_word(Handle profile, MonthIndex month, uint64_t word);
  Status load_needed();
  // For the next batch, once all that this one needs is in memory: the forever record of a profile
  // of which nothing is. It is read, with others, between begin_ahead() and the load_needed() that
  // needs it. (Were a month of it in memory, its rows could become durable in the forever record
  // meanwhile.) forget_ahead() comes first.
  void forget_ahead() { ahead_.forget(); }
  void ask_ahead(uint64_t hash, TenantId tenant, const Hash128& profile);
  void begin_ahead() { ahead_.begin(); }

  // Using. The records must be in memory. References are valid until a row or word is added to the
  // record.
  RecordRef& record(Handle profile, MonthIndex month) const;
  const MonthRecord* month_record(const RecordRef& ref) const {
    return ref.handle == kNoHandle ? nullptr : arena_.at<MonthRecord>(ref.handle);
  }
  const WordSet* words(const RecordRef& ref) const;  // the root chunk, or nullptr
  bool contains(Handle profile, const RecordRef& ref, uint64_t word) const;
  // Of a month: takes from each word's unseen frames those in whose parts it has a slot. In step,
  // so that their ways down the chunks overlap.
  void look_up(Handle profile, const RecordRef& ref, const BucketParts& parts,
               std::span<WordLookup> lookups);
  // Calls f(slot) for all slots of a word of a month.
  template <typename F>
  void each_slot(Handle profile, const RecordRef& ref, uint64_t word, const F& f) const {
    RecordKey key = key_of(profile, ref.month);
    for (const WordSet* set = words(ref); set != nullptr; set = chunk_words(key)) {
      const_cast<WordSet*>(set)->complete_index();
      for (uint32_t at = set->newest(word); at != 0; at = set->before()[at - 1])
        f(set->slots()[at - 1]);
      if (!set->full) return;
      key = child(key, word);
    }
  }
  // Calls f(word, slot) for all of a month, all of which must be in memory, until it says no.
  // Returns whether it never did.
  template <typename F>
  bool each_word(Handle profile, const RecordRef& ref, const F& f) const {
    std::vector<RecordKey> chunks = {key_of(profile, ref.month)};
    while (!chunks.empty()) {
      const RecordKey key = chunks.back();
      chunks.pop_back();
      const WordSet* set = key.depth == 0 ? words(ref) : chunk_words(key);
      if (set == nullptr) continue;
      for (uint32_t i = 0; i < set->count; ++i)
        if (!f(set->words()[i], set->slots()[i])) return false;
      for (uint32_t c = 0; set->full && c < kChunkChildren; ++c) {
        chunks.push_back(key);
        ++chunks.back().depth;
        chunks.back().path = key.path << kChunkBits | c;
      }
    }
    return true;
  }
  // Says which chunks take these words, in step, and fetches what insert(.., indexed) will write.
  void find_homes(Handle profile, const RecordRef& ref, std::span<WordLookup> lookups,
                  bool indexed);
  // A word that is not in the record: of a forever record; of a month, with a slot, where
  // find_homes() said (kNoHandle: wherever).
  void insert(Handle profile, RecordRef& ref, uint64_t word);
  void insert(Handle profile, RecordRef& ref, uint64_t word, Slot slot, Handle chunk,
              bool indexed = true);  // (insert_slot_word)
  // A row of an event whose metric has these columns, of which those in `filled` are not empty.
  // Returns where the elements of the columns lie, in order, until the log is cleared.
  const uint64_t* append(Handle profile, RecordRef& ref, uint64_t meta, uint64_t columns,
                         uint64_t filled, const uint64_t* elements);

  void hand_over(uint64_t epoch, RowLog& out);
  void durable(uint64_t epoch);
  size_t pending_bytes() const { return log_.bytes(); }

  // Before a batch: evicts down to the budget where it can, and moves blocks out of sparse memory.
  // beside: bytes of the budget that others use.
  void make_room(size_t batch_events, size_t beside = 0);

  void add_stats(TallyStats& stats) const;
  // What the process really holds for it: may exceed stats' memory_bytes by a quarter and a little.
  size_t held_bytes() const { return arena_.held_bytes() + profiles_.bytes() + chunks_.bytes(); }

 private:
  static constexpr Handle kLoading = ~Handle(0);  // asked of the durable tier
  // Words that a forever record may hold so that rows of another month may go into it.
  static constexpr uint32_t kWordsOfFew = 16;
  static bool is_due(const RecordRef& ref) { return ref.handle == kLoading || ref.has_parts_due(); }

  RecordRef* find_record(Handle profile, MonthIndex month) const;
  RecordRef& add_record(uint64_t hash, Handle& profile, MonthIndex month, Handle record);
  void ask_own(Handle profile, RecordRef& ref);
  void ask_inlined(Handle profile, RecordRef& ref);
  void begin_month(Handle profile, RecordRef& ref);
  void name_month(Handle profile, RecordRef& ref);
  bool takes_inlined(const RecordRef& ref) const;
  static uint64_t hash_of(const RecordKey& chunk);
  Handle find_chunk(const RecordKey& key, uint64_t hash) const;
  Handle find_chunk(const RecordKey& key) const { return find_chunk(key, hash_of(key)); }
  template <bool kLooks, typename Visit>
  void walk(Handle profile, const RecordRef& ref, std::span<WordLookup> lookups,
            const Visit& visit);
  const WordSet* chunk_words(
      const RecordKey& chunk) const;  // nullptr: holds nothing; it is in use again
  Handle make_chunk(const RecordKey& key, Handle set);
  RecordKey key_of(Handle profile, MonthIndex month) const;
  static RecordKey child(RecordKey key, uint64_t word);
  uint32_t words_of_chunk(const RecordKey& key) const {
    const bool small = key.depth == 0 || key.month == kForever;
    return uint32_t(small ? options_.chunk_words : options_.deep_chunk_words);
  }

  // hot_tier_load.cpp
  Status fill(const RecordKey& key, std::string_view bytes);
  Status fill_chunk(const RecordKey& key, std::string_view bytes, Handle& set);
  Status fill_month(const RecordKey& key, std::string_view bytes);
  Status fill_forever(const RecordKey& key, std::string_view bytes);
  Status fill_row(const RecordKey& key, MonthIndex month, const RecordReader& row, Handle& record);
  Status fill_word(const RecordKey& key, RecordReader::Item item, const RecordReader& reader,
                   Handle& set);
  void log_stored_record(const RecordKey& key, std::string_view bytes);

  Handle& root_set(const RecordRef& ref) const;
  uint32_t& generation_of(const RecordRef& ref) const;
  void pin(uint32_t& generation);
  bool add_word(const RecordKey& key, Handle& set, uint64_t word, Slot slot, bool fresh,
                bool indexed);
  bool add_to_chunk(Handle chunk, uint64_t word, Slot slot, bool indexed);

  // hot_tier_room.cpp
  size_t memory_bytes() const;
  bool may_evict(uint32_t generation) const;
  bool is_pinned(uint8_t mark) const;
  bool any_clean() const;
  void drop(RecordRef& ref);
  void sweep_step(bool evict);
  void sweep_profile(bool evict);
  void sweep_chunk(bool evict);
  void move_if_sparse(Handle& handle);

  const TallyOptions options_;
  const CompiledPlan& plan_;
  DurableTier& tier_;
  Arena arena_;
  HandleIndex profiles_, chunks_;
  RecordsAhead ahead_;
  std::vector<RecordKey> needed_, unread_;
  std::vector<std::string> loaded_;
  std::string loaded_ahead_;
  std::vector<WordLookup*> looking_;

  RowLog log_;
  static constexpr uint32_t kMarksKept = 64;  // generations
  uint32_t generation_ = 1, durable_generation_ = 0, marks_since_ = 0;
  uint64_t pinned_ = 0;  // records of the present generation
  struct InFlight {
    uint64_t epoch;
    uint32_t generation;
    uint64_t records;  // whose newest generation it is
  };
  std::vector<InFlight> in_flight_;  // handed over, not durable; rising

  bool sweeping_chunks_ = false;
  HandleIndex::Cursor profile_hand_, chunk_hand_;

  uint64_t records_ = 0, rows_ = 0, words_ = 0, loads_ = 0, loads_found_ = 0, evictions_ = 0;
};

}  // namespace quipu
