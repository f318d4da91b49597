#include "tally/hot_tier.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/fault.h"
#include "tally/record_format.h"
#include "tally/record_words.h"

namespace quipu {
namespace {

TallyOptions within_limits(TallyOptions options) {
  // What is held beyond it, a quarter and what waits to be durable, must fit into an arena, too.
  options.memory_bytes = std::min(options.memory_bytes, size_t(48) << 30);
  options.matrix_rows = std::clamp(options.matrix_rows, 1, int(kMaxMatrixRows));
  options.inlined_rows = std::clamp(options.inlined_rows, 0, 32);
  options.whole_bytes = std::clamp(options.whole_bytes, 0, 1 << 16);
  options.chunk_words = std::clamp(options.chunk_words, 2, 1 << 15);
  options.deep_chunk_words = std::clamp(options.deep_chunk_words, 2, 1 << 15);
  return options;
}

void prefetch_block(const void* p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(static_cast<const char*>(p) + i);
}

}  // namespace

HotTier::HotTier(const TallyOptions& options, const CompiledPlan& plan, DurableTier& tier)
    : options_(within_limits(options)), plan_(plan), tier_(tier), ahead_(tier) {}

uint64_t HotTier::hash_of(TenantId tenant, const Hash128& profile) {
  return mix64(profile.lo ^ mix64(profile.hi + raw(tenant)));
}

uint64_t HotTier::hash_of(const RecordKey& key) {
  return combine64(hash_of(key.tenant, key.profile),
                   uint64_t(key.path) << 32 | uint64_t(key.month) << 8 | key.depth);
}

Handle HotTier::find(uint64_t hash, TenantId tenant, const Hash128& profile) const {
  return profiles_.find(hash, [&](Handle handle) {
    const auto* node = arena_.at<ProfileNode>(handle);
    return unpack(node->profile) == profile && node->tenant == tenant;
  });
}

void HotTier::prefetch_profile(uint64_t hash) const {
  if (const Handle profile = profiles_.guess(hash); profile != kNoHandle)
    prefetch_block(arena_.at<ProfileNode>(profile), sizeof(ProfileNode) + 2 * sizeof(RecordRef));
}

void HotTier::prefetch_record(Handle profile, MonthIndex month) const {
  if (profile == kNoHandle) return;
  if (const RecordRef* ref = find_record(profile, month);
      ref != nullptr && ref->handle != kNoHandle)
    prefetch_block(arena_.at<char>(ref->handle), 128);
}

void HotTier::prefetch_rows(Handle profile, MonthIndex month) const {
  if (profile == kNoHandle) return;
  const RecordRef* ref = find_record(profile, month);
  if (ref == nullptr || ref->handle == kNoHandle) return;
  const MatrixView view = arena_.at<MonthRecord>(ref->handle)->view();
  if (view.rows != 0)
    prefetch_block(view.tile((view.rows - 1) / kTileRows), size_t(view.lines) * view.lanes * 8);
}

Handle HotTier::open(uint64_t hash, TenantId tenant, const Hash128& profile) {
  if (const Handle found = find(hash, tenant, profile); found != kNoHandle) return found;
  constexpr uint32_t kFirstCapacity = 3;
  const Handle handle = arena_.allocate(sizeof(ProfileNode) + kFirstCapacity * sizeof(RecordRef));
  *arena_.at<ProfileNode>(handle) = ProfileNode{pack(profile), tenant, 0, uint16_t(kFirstCapacity)};
  profiles_.insert(hash, handle);
  return handle;
}

RecordRef* HotTier::find_record(Handle profile, MonthIndex month) const {
  auto* node = arena_.at<ProfileNode>(profile);
  for (uint32_t i = 0; i < node->count; ++i)
    if (node->refs()[i].month == month) return &node->refs()[i];
  return nullptr;
}

RecordRef& HotTier::add_record(uint64_t hash, Handle& profile, MonthIndex month, Handle record) {
  auto* node = arena_.at<ProfileNode>(profile);
  if (node->count == node->capacity) {
    const uint32_t wanted = node->capacity + std::max(2u, node->capacity / 2u);
    const size_t bytes = Arena::rounded(sizeof(ProfileNode) + wanted * sizeof(RecordRef));
    const Handle now = arena_.allocate(bytes);
    auto* larger = arena_.at<ProfileNode>(now);
    std::memcpy(larger, node, sizeof(ProfileNode) + node->count * sizeof(RecordRef));
    larger->capacity = uint16_t((bytes - sizeof(ProfileNode)) / sizeof(RecordRef));
    profiles_.replace(hash, profile, now);
    arena_.release(profile);
    profile = now;
    node = larger;
  }
  ++records_;
  RecordRef& added = node->refs()[node->count++];
  added = RecordRef{};
  added.month = month;
  added.referenced = 1;
  added.handle = record;
  return added;
}

void HotTier::ask_own(Handle profile, RecordRef& ref) {
  ref.own = OwnRecord::due;
  needed_.push_back(key_of(profile, ref.month));
}

// One reading serves all months of the profile that wait for it.
void HotTier::ask_inlined(Handle profile, RecordRef& ref) {
  auto* node = arena_.at<ProfileNode>(profile);
  const RecordRef* refs = node->refs();
  if (std::none_of(refs, refs + node->count,
                   [](const RecordRef& r) { return r.inlined == InlinedRows::due; }))
    needed_.push_back(key_of(profile, kForever));
  ref.inlined = InlinedRows::due;
}

bool HotTier::need_forever(uint64_t hash, Handle& profile) {
  if (RecordRef* ref = find_record(profile, kForever)) {
    ref->referenced = 1;
    return ref->handle != kLoading;
  }
  add_record(hash, profile, kForever, kLoading);
  needed_.push_back(key_of(profile, kForever));
  return false;
}

bool HotTier::need_month(uint64_t hash, Handle& profile, MonthIndex month) {
  RecordRef* ref = find_record(profile, month);
  if (ref != nullptr) {
    ref->referenced = 1;
    if (is_due(*ref)) return false;
    if (ref->own == OwnRecord::unread) {
      ask_own(profile, *ref);
      return false;
    }
    if (ref->is_named()) return true;
  }
  // Where its word would be, so that it is found, or can be added with a row.
  if (!need_word(profile, kForever, month_word(month))) return false;
  if (ref != nullptr) return true;
  const RecordRef& forever = record(profile, kForever);
  const WordSet* root = words(forever);
  const bool named = contains(profile, forever, month_word(month));
  const bool inlined = root != nullptr && root->contains(inlined_month_word(month));
  RecordRef& added = add_record(hash, profile, month, named || inlined ? kLoading : kNoHandle);
  if (named) ask_own(profile, added);
  if (inlined) ask_inlined(profile, added);
  return !named && !inlined;
}

RecordRef& HotTier::record(Handle profile, MonthIndex month) const {
  RecordRef* ref = find_record(profile, month);
  CHECK(ref != nullptr && !is_due(*ref) && ref->own != OwnRecord::unread);
  return *ref;
}

RecordKey HotTier::key_of(Handle profile, MonthIndex month) const {
  const auto* node = arena_.at<ProfileNode>(profile);
  return RecordKey{month, node->tenant, unpack(node->profile), 0, 0};
}

RecordKey HotTier::child(RecordKey key, uint64_t word) {
  ++key.depth;
  key.path = chunk_path(word, key.depth);
  return key;
}

Handle HotTier::find_chunk(const RecordKey& key, uint64_t hash) const {
  return chunks_.find(hash, [&](Handle handle) {
    const auto* node = arena_.at<ChunkNode>(handle);
    return unpack(node->profile) == key.profile && node->tenant == key.tenant &&
           node->month == key.month && node->depth == key.depth && node->path == key.path;
  });
}

Handle HotTier::make_chunk(const RecordKey& key, Handle set) {
  const Handle handle = arena_.allocate(sizeof(ChunkNode));
  *arena_.at<ChunkNode>(handle) =
      ChunkNode{pack(key.profile), key.tenant, key.month, key.depth, 1, key.path, set};
  chunks_.insert(hash_of(key), handle);
  ++records_;
  return handle;
}

Handle& HotTier::root_set(const RecordRef& ref) const {
  return ref.month == kForever ? const_cast<RecordRef&>(ref).handle
                               : arena_.at<MonthRecord>(ref.handle)->words;
}

const WordSet* HotTier::words(const RecordRef& ref) const {
  if (ref.handle == kNoHandle) return nullptr;
  const Handle set = root_set(ref);
  return set == kNoHandle ? nullptr : arena_.at<WordSet>(set);
}

bool HotTier::need_word(Handle profile, MonthIndex month, uint64_t word) {
  const RecordRef& ref = record(profile, month);
  if (ref.words_in != WordsIn::chunks) return true;
  const WordSet* set = words(ref);
  for (RecordKey key = key_of(profile, month); set != nullptr && set->full;) {
    key = child(key, word);
    const Handle chunk = find_chunk(key);
    if (chunk == kNoHandle) {
      make_chunk(key, kLoading);
      needed_.push_back(key);
      return false;
    }
    const auto* node = arena_.at<ChunkNode>(chunk);
    if (node->set == kLoading) return false;
    set = node->set == kNoHandle ? nullptr : arena_.at<WordSet>(node->set);
  }
  return true;
}

const WordSet* HotTier::chunk_words(const RecordKey& chunk) const {
  const Handle handle = find_chunk(chunk);
  CHECK(handle != kNoHandle);
  auto* node = arena_.at<ChunkNode>(handle);
  CHECK(node->set != kLoading);
  node->referenced = 1;
  return node->set == kNoHandle ? nullptr : arena_.at<WordSet>(node->set);
}

bool HotTier::contains(Handle profile, const RecordRef& ref, uint64_t word) const {
  RecordKey key = key_of(profile, ref.month);
  for (const WordSet* set = words(ref); set != nullptr; set = chunk_words(key)) {
    if (set->contains(word)) return true;
    if (!set->full) return false;
    key = child(key, word);
  }
  return false;
}

// From the root down, all in step. visit(lookup) says whether the word is done with. kLooks: it
// looks for the word.
template <bool kLooks, typename Visit>
void HotTier::walk(Handle profile, const RecordRef& ref, std::span<WordLookup> lookups,
                   const Visit& visit) {
  const WordSet* root = words(ref);
  looking_.clear();
  for (WordLookup& lookup : lookups) {
    lookup.chunk = kNoHandle;
    lookup.set = root;
    if (root != nullptr) looking_.push_back(&lookup);
  }
  for (RecordKey key = key_of(profile, ref.month); !looking_.empty();) {
    if constexpr (kLooks) {
      for (const WordLookup* l : looking_) const_cast<WordSet*>(l->set)->complete_index();
      for (const WordLookup* l : looking_) l->set->prefetch_place(l->word);
      for (const WordLookup* l : looking_) l->set->prefetch_word(l->word);
    }
    std::erase_if(looking_, [&](WordLookup* l) { return visit(*l) || !l->set->full; });
    ++key.depth;
    for (WordLookup* l : looking_) {
      key.path = chunk_path(l->word, key.depth);
      l->hash = hash_of(key);
      chunks_.prefetch(l->hash);
    }
    for (const WordLookup* l : looking_) {
      if (const Handle chunk = chunks_.guess(l->hash); chunk != kNoHandle)
        __builtin_prefetch(arena_.at<ChunkNode>(chunk));
    }
    std::erase_if(looking_, [&](WordLookup* l) {
      key.path = chunk_path(l->word, key.depth);
      l->chunk = find_chunk(key, l->hash);
      CHECK(l->chunk != kNoHandle);
      auto* node = arena_.at<ChunkNode>(l->chunk);
      CHECK(node->set != kLoading);
      node->referenced = 1;
      if (node->set == kNoHandle) return true;
      l->set = arena_.at<WordSet>(node->set);
      __builtin_prefetch(l->set);
      return false;
    });
  }
}

namespace {

// The frames in whose parts the slot lies.
uint32_t frames_of(const BucketParts& parts, Slot slot) {
  uint32_t frames = 0;
  for (uint32_t i = 0; i < parts.frames; ++i)
    for (uint32_t r = parts.first_range[i]; r < parts.first_range[i + 1]; ++r)
      if (slot >= parts.ranges[r].begin && slot < parts.ranges[r].end)
        frames |= uint32_t(1) << parts.frame[i];
  return frames;
}

}  // namespace

void HotTier::look_up(Handle profile, const RecordRef& ref, const BucketParts& parts,
                      std::span<WordLookup> lookups) {
  uint32_t concerned = 0;
  for (uint32_t i = 0; i < parts.frames; ++i) concerned |= uint32_t(1) << parts.frame[i];
  walk<true>(profile, ref, lookups, [&](WordLookup& l) {
    if ((l.unseen & concerned) == 0) return true;
    const WordSet& set = *l.set;
    // The newest first: most words come again in the slot in which they came last.
    for (uint32_t at = set.newest(l.word); at != 0; at = set.before()[at - 1]) {
      ++l.steps;
      l.unseen &= ~frames_of(parts, set.slots()[at - 1]);
      if ((l.unseen & concerned) == 0) return true;
    }
    return false;
  });
}

void HotTier::find_homes(Handle profile, const RecordRef& ref, std::span<WordLookup> lookups,
                         bool indexed) {
  walk<false>(profile, ref, lookups, [indexed](const WordLookup& l) {
    if (l.set->full) return false;
    __builtin_prefetch(l.set->words() + l.set->count, 1);
    __builtin_prefetch(l.set->slots() + l.set->count, 1);
    if (!indexed) return true;
    __builtin_prefetch(l.set->before() + l.set->count, 1);
    l.set->prefetch_place(l.word);
    return true;
  });
}

uint32_t& HotTier::generation_of(const RecordRef& ref) const {
  return ref.month == kForever ? arena_.at<WordSet>(ref.handle)->generation
                               : arena_.at<MonthRecord>(ref.handle)->generation;
}

// The record has something that is in no hand-over yet.
void HotTier::pin(uint32_t& generation) {
  if (generation == generation_) return;
  for (InFlight& flight : in_flight_)
    if (flight.generation == generation) --flight.records;
  generation = generation_;
  ++pinned_;
}

// False if the chunk is full; its children are then in memory. fresh: nothing is stored under the
// key.
bool HotTier::add_word(const RecordKey& key, Handle& handle, uint64_t word, Slot slot, bool fresh,
                       bool indexed) {
  const uint32_t limit = words_of_chunk(key);
  const bool deepest = key.depth == kMaxChunkDepth, slotted = key.month != kForever;
  auto& log = RowLogAccess::of(log_);
  const auto count = [&] { return handle == kNoHandle ? 0u : arena_.at<WordSet>(handle)->count; };
  if (handle != kNoHandle && arena_.at<WordSet>(handle)->full) return false;
  const bool takes = count() < limit || deepest;  // a limit that was lowered may be passed already
  const bool chunked = slotted || key.depth != 0;
  if (takes) {
    handle = slotted ? insert_slot_word(arena_, handle, word, slot, limit, indexed)
                     : insert_word(arena_, handle, word, limit);
    chunked ? log.chunk_word(key, word, slot, fresh) : log.word(key, word, fresh);
    ++words_;
  }
  if (count() >= limit && !deepest) {
    arena_.at<WordSet>(handle)->full = true;
    chunked ? log.full_chunk(key, word) : log.full(key);
    // Children of a chunk that was not full until now were never written: they are known to be
    // empty.
    RecordKey below = key;
    ++below.depth;
    for (uint32_t i = 0; i < kChunkChildren; ++i) {
      below.path = key.path << kChunkBits | i;
      make_chunk(below, kNoHandle);
    }
  }
  return takes;
}

// From now on the forever record names the month, in this epoch: what one commit makes durable is
// found by it.
void HotTier::name_month(Handle profile, RecordRef& ref) {
  ref.own = OwnRecord::here;
  if (!planted(Planted::month_not_named))
    insert(profile, record(profile, kForever), month_word(ref.month));
}

// The month's first row comes. The word that says where it lies stays in the root.
void HotTier::begin_month(Handle profile, RecordRef& ref) {
  ref.handle = new_month_record(arena_);
  RecordRef& forever = record(profile, kForever);
  const WordSet* root = words(forever);
  const uint32_t few = std::min(kWordsOfFew, uint32_t(options_.chunk_words));
  if (options_.inlined_rows == 0 || (root != nullptr && (root->full || root->count >= few))) return;
  ref.inlined = InlinedRows::here;
  if (!planted(Planted::month_not_named)) insert(profile, forever, inlined_month_word(ref.month));
}

bool HotTier::takes_inlined(const RecordRef& ref) const {
  return ref.inlined == InlinedRows::here && !ref.is_named() &&
         arena_.at<MonthRecord>(ref.handle)->rows < options_.inlined_rows;
}

void HotTier::insert(Handle profile, RecordRef& ref, uint64_t word) {
  CHECK(ref.month == kForever);
  insert(profile, ref, word, 0, kNoHandle);
}

void HotTier::insert(Handle profile, RecordRef& ref, uint64_t word, Slot slot, Handle chunk,
                     bool indexed) {
  if (chunk != kNoHandle && add_to_chunk(chunk, word, slot, indexed)) return;
  bool fresh = ref.handle == kNoHandle;
  if (ref.month != kForever) {
    if (ref.handle == kNoHandle) ref.handle = new_month_record(arena_);
    fresh = !ref.is_named();
    if (fresh) name_month(profile, ref);
  }
  RecordKey key = key_of(profile, ref.month);
  Handle& root = root_set(ref);
  const bool was_full = root != kNoHandle && arena_.at<WordSet>(root)->full;
  const bool taken = add_word(key, root, word, slot, fresh, indexed);
  if (!was_full) pin(generation_of(ref));
  if (!was_full && arena_.at<WordSet>(root)->full) ref.words_in = WordsIn::all_chunks;
  if (taken) return;
  do {
    key = child(key, word);
    chunk = find_chunk(key);
    CHECK(chunk != kNoHandle);
  } while (!add_to_chunk(chunk, word, slot, indexed));
}

// False if it is full.
bool HotTier::add_to_chunk(Handle chunk, uint64_t word, Slot slot, bool indexed) {
  auto* node = arena_.at<ChunkNode>(chunk);
  CHECK(node->set != kLoading);
  const bool was_full = node->set != kNoHandle && arena_.at<WordSet>(node->set)->full;
  const RecordKey key{node->month, node->tenant, unpack(node->profile), node->depth, node->path};
  Handle set = node->set;
  const bool taken = add_word(key, set, word, slot, set == kNoHandle, indexed);
  node->set = set;
  if (!was_full) pin(arena_.at<WordSet>(set)->generation);
  return taken;
}

const uint64_t* HotTier::append(Handle profile, RecordRef& ref, uint64_t meta, uint64_t columns,
                                uint64_t filled, const uint64_t* elements) {
  if (ref.handle == kNoHandle) begin_month(profile, ref);
  const bool inlined = takes_inlined(ref);
  const bool fresh = !inlined && !ref.is_named();
  if (fresh) name_month(profile, ref);
  ref.handle = append_row(arena_, ref.handle, meta, filled, elements);
  pin(generation_of(ref));
  ++rows_;
  return RowLogAccess::of(log_).row(key_of(profile, inlined ? kForever : ref.month), ref.month,
                                    meta_metric(meta), meta_slot(meta), columns, elements, fresh);
}

void HotTier::hand_over(uint64_t epoch, RowLog& out) {
  CHECK(in_flight_.empty() || epoch > in_flight_.back().epoch);
  // The next log is likely to need about as much; memory that is only reserved costs no time.
  out.clear();
  const size_t entries = RowLogAccess::of(log_).entries.size();
  RowLogAccess::of(out).entries.reserve(entries + entries / 4);
  std::swap(log_, out);
  in_flight_.push_back({epoch, generation_++, pinned_});
  pinned_ = 0;
}

void HotTier::durable(uint64_t epoch) {
  while (!in_flight_.empty() && in_flight_.front().epoch <= epoch) {
    durable_generation_ = in_flight_.front().generation;
    in_flight_.erase(in_flight_.begin());
  }
  // Before eight bits of a generation that was durable long ago could be taken for those of one to
  // come.
  if (durable_generation_ - marks_since_ < kMarksKept) return;
  profiles_.clear_marks();
  marks_since_ = durable_generation_;
}

}  // namespace quipu
