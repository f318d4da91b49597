#include "tally/hot_tier.h"

#include <algorithm>
#include <cstring>

#include "tally/record_format.h"
#include "tally/record_words.h"

namespace quipu {
namespace {

// A hand-over's bytes of a record beside its rows and words: key and segment heads, about.
constexpr size_t kRecordOverheadBytes = 40;
constexpr size_t kRowOverheadBytes = 6;

std::array<uint32_t, 4> pack(const Hash128& hash) {
  std::array<uint32_t, 4> packed;
  std::memcpy(packed.data(), &hash, sizeof packed);
  return packed;
}

Hash128 unpack(const std::array<uint32_t, 4>& packed) {
  Hash128 hash;
  std::memcpy(&hash, packed.data(), sizeof packed);
  return hash;
}

TallyOptions within_limits(TallyOptions options) {
  options.memory_bytes = std::min(options.memory_bytes, size_t(60) << 30);
  options.matrix_rows = std::clamp(options.matrix_rows, 1, int(kMaxMatrixRows));
  options.chunk_words = std::clamp(options.chunk_words, 2, 1 << 15);
  return options;
}

void prefetch_block(const void* p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(static_cast<const char*>(p) + i);
}

}  // namespace

Hash128 ProfileNode::key() const { return unpack(profile); }

HotTier::HotTier(const TallyOptions& options, const CompiledPlan& plan, DurableTier& tier)
    : options_(within_limits(options)), plan_(plan), tier_(tier) {}

uint64_t HotTier::hash_of(TenantId tenant, const Hash128& profile) {
  return mix64(profile.lo ^ mix64(profile.hi + raw(tenant)));
}

uint64_t HotTier::hash_of(const RecordKey& key) {
  return combine64(hash_of(key.tenant, key.profile),
                   uint64_t(key.path) << 32 | uint64_t(key.month) << 8 | key.depth);
}

Handle HotTier::find(uint64_t hash, TenantId tenant, const Hash128& profile) const {
  const auto packed = pack(profile);
  return profiles_.find(hash, [&](Handle handle) {
    const auto* node = arena_.at<ProfileNode>(handle);
    return node->profile == packed && node->tenant == tenant;
  });
}

void HotTier::prefetch_profile(Handle profile) const {
  if (profile != kNoHandle) prefetch_block(arena_.at<ProfileNode>(profile), sizeof(ProfileNode) + 16);
}

void HotTier::prefetch_records(Handle profile, MonthIndex month) const {
  if (profile == kNoHandle) return;
  auto* node = arena_.at<ProfileNode>(profile);
  for (uint32_t i = 0; i < node->count; ++i) {
    const RecordRef& ref = node->refs()[i];
    if (ref.handle == kNoHandle) continue;
    // A tile of 24 columns; a larger matrix is read from its end, which its head tells.
    if (ref.month == month) prefetch_block(arena_.at<char>(ref.handle), 1024);
    if (ref.month == kForever) prefetch_block(arena_.at<char>(ref.handle), 128);
  }
}

Handle HotTier::open(uint64_t hash, TenantId tenant, const Hash128& profile) {
  if (const Handle found = find(hash, tenant, profile); found != kNoHandle) return found;
  constexpr uint32_t kFirstCapacity = 2;
  const Handle handle = arena_.allocate(sizeof(ProfileNode) + kFirstCapacity * sizeof(RecordRef));
  *arena_.at<ProfileNode>(handle) =
      ProfileNode{pack(profile), tenant, 0, uint16_t(kFirstCapacity), 0};
  profiles_.insert(hash, handle);
  return handle;
}

RecordRef* HotTier::find_record(Handle profile, MonthIndex month) const {
  auto* node = arena_.at<ProfileNode>(profile);
  for (uint32_t i = 0; i < node->count; ++i)
    if (node->refs()[i].month == month) return &node->refs()[i];
  return nullptr;
}

bool HotTier::need(uint64_t hash, Handle& profile, MonthIndex month) {
  if (RecordRef* ref = find_record(profile, month)) {
    ref->referenced = 1;
    return ref->handle != kLoading;
  }
  auto* node = arena_.at<ProfileNode>(profile);
  if (node->count == node->capacity) {
    const uint32_t wanted = node->capacity + std::max(2u, node->capacity / 2u);
    const size_t bytes = Arena::rounded(sizeof(ProfileNode) + wanted * sizeof(RecordRef));
    const Handle now = arena_.allocate(bytes);
    auto* larger = arena_.at<ProfileNode>(now);
    std::memcpy(larger, node, sizeof(ProfileNode) + node->count * sizeof(RecordRef));
    larger->capacity = uint16_t((bytes - sizeof(ProfileNode)) / sizeof(RecordRef));
    if (larger->dirty != 0) dirty_profiles_[larger->dirty - 1] = now;
    profiles_.replace(hash, profile, now);
    arena_.release(profile);
    profile = now;
    node = larger;
  }
  node->refs()[node->count++] = RecordRef{month, 1, 0, kLoading};
  ++records_;
  needed_.push_back(key_of(profile, month));
  return false;
}

RecordRef& HotTier::record(Handle profile, MonthIndex month) const {
  RecordRef* ref = find_record(profile, month);
  CHECK(ref != nullptr && ref->handle != kLoading);
  return *ref;
}

RecordKey HotTier::key_of(Handle profile, MonthIndex month) const {
  const auto* node = arena_.at<ProfileNode>(profile);
  return RecordKey{month, node->tenant, node->key(), 0, 0};
}

RecordKey HotTier::child(RecordKey key, uint64_t word) {
  ++key.depth;
  key.path = chunk_path(word, key.depth);
  return key;
}

Handle HotTier::find_chunk(const RecordKey& key) const {
  const auto packed = pack(key.profile);
  return chunks_.find(hash_of(key), [&](Handle handle) {
    const auto* node = arena_.at<ChunkNode>(handle);
    return node->profile == packed && node->tenant == key.tenant && node->month == key.month &&
           node->depth == key.depth && node->path == key.path;
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
  const WordSet* set = words(record(profile, month));
  for (RecordKey key = key_of(profile, month); set != nullptr && set->sealed();) {
    key = child(key, word);
    const Handle chunk = find_chunk(key);
    if (chunk == kNoHandle) {
      make_chunk(key, kLoading);
      needed_.push_back(key);
      return false;
    }
    auto* node = arena_.at<ChunkNode>(chunk);
    node->referenced = 1;
    if (node->set == kLoading) return false;
    set = node->set == kNoHandle ? nullptr : arena_.at<WordSet>(node->set);
  }
  return true;
}

bool HotTier::contains(Handle profile, const RecordRef& ref, uint64_t word) const {
  const WordSet* set = words(ref);
  if (set == nullptr) return false;
  if (set->contains(word)) return true;
  if (!set->sealed()) return false;
  for (RecordKey key = key_of(profile, ref.month);;) {
    key = child(key, word);
    const Handle chunk = find_chunk(key);
    CHECK(chunk != kNoHandle);
    const auto* node = arena_.at<ChunkNode>(chunk);
    CHECK(node->set != kLoading);
    if (node->set == kNoHandle) return false;
    set = arena_.at<WordSet>(node->set);
    if (set->contains(word)) return true;
    if (!set->sealed()) return false;
  }
}

void HotTier::pend(uint8_t& flags, uint32_t epoch) {
  if (flags & WordSet::kPending) return;
  flags |= WordSet::kPending;
  ++pending_records_;
  pending_bytes_ += kRecordOverheadBytes;
  for (auto& [e, count] : in_flight_)
    if (e == epoch) --count;
}

void HotTier::pend_root(Handle profile, RecordRef& ref) {
  if (ref.month == kForever) {
    auto* set = arena_.at<WordSet>(ref.handle);
    pend(set->flags, set->epoch);
  } else {
    auto* month = arena_.at<MonthRecord>(ref.handle);
    pend(month->flags, month->epoch);
  }
  auto* node = arena_.at<ProfileNode>(profile);
  if (node->dirty != 0) return;
  dirty_profiles_.push_back(profile);
  node->dirty = uint32_t(dirty_profiles_.size());
}

void HotTier::pend_chunk(Handle chunk) {
  auto* set = arena_.at<WordSet>(arena_.at<ChunkNode>(chunk)->set);
  if (!(set->flags & WordSet::kPending)) dirty_chunks_.push_back(chunk);
  pend(set->flags, set->epoch);
}

// The set takes no more words. Its children were never written, as it was not full: they are known to be
// empty.
void HotTier::seal(const RecordKey& key, WordSet& set) {
  set.flags |= WordSet::kSealed;
  RecordKey below = key;
  ++below.depth;
  for (uint32_t i = 0; i < kChunkChildren; ++i) {
    below.path = key.path << kChunkBits | i;
    if (find_chunk(below) == kNoHandle) make_chunk(below, kNoHandle);
  }
}

void HotTier::insert(Handle profile, RecordRef& ref, uint64_t word) {
  const uint32_t limit = uint32_t(options_.chunk_words);
  const auto full = [&](const WordSet& set) { return set.count >= limit; };
  ++words_;
  pending_bytes_ += sizeof word;
  if (ref.month != kForever && ref.handle == kNoHandle) ref.handle = new_month_record(arena_);
  RecordKey key = key_of(profile, ref.month);
  Handle& root = root_set(ref);
  WordSet* set = root == kNoHandle ? nullptr : arena_.at<WordSet>(root);
  if (set == nullptr || !set->sealed()) {
    const bool takes = set == nullptr || !full(*set);  // it may be over a limit that was lowered
    if (takes) root = insert_word(arena_, root, word, limit);
    set = arena_.at<WordSet>(root);
    pend_root(profile, ref);
    if (full(*set)) seal(key, *set);
    if (takes) return;
  }
  while (true) {
    key = child(key, word);
    const bool deepest = key.depth == kMaxChunkDepth;
    const Handle chunk = find_chunk(key);
    CHECK(chunk != kNoHandle);
    auto* node = arena_.at<ChunkNode>(chunk);
    CHECK(node->set != kLoading);
    set = node->set == kNoHandle ? nullptr : arena_.at<WordSet>(node->set);
    if (set != nullptr && set->sealed()) continue;
    const bool takes = set == nullptr || !full(*set) || deepest;
    if (takes) node->set = insert_word(arena_, node->set, word, limit);
    set = arena_.at<WordSet>(node->set);
    pend_chunk(chunk);
    if (full(*set) && !deepest) seal(key, *set);
    if (takes) return;
  }
}

void HotTier::append(Handle profile, RecordRef& ref, uint64_t meta, uint64_t filled,
                     const uint64_t* elements) {
  if (ref.handle == kNoHandle) ref.handle = new_month_record(arena_);
  const AppendedRow row = append_row(arena_, ref.handle, meta, filled, elements);
  ref.handle = row.record;
  pend_root(profile, ref);
  ++rows_;
  pending_bytes_ += kRowOverheadBytes + row.changed * sizeof(uint64_t);
}

void HotTier::hand_over_words(WordSet* set, std::string& bytes) {
  const bool newly_full = set->sealed() && !(set->flags & WordSet::kSealedSaved);
  write_words(bytes, {set->words() + set->saved, size_t(set->count - set->saved)}, newly_full);
  set->saved = set->count;
  if (newly_full) set->flags |= WordSet::kSealedSaved;
}

void HotTier::hand_over(uint64_t epoch, std::vector<RecordAppend>& out) {
  CHECK(epoch > last_epoch_ && epoch <= 0xFFFFFFFF);
  last_epoch_ = epoch;
  if (pending_records_ != 0) in_flight_.emplace_back(epoch, pending_records_);
  out.reserve(out.size() + pending_records_);
  std::array<uint64_t, kMaxColumns> elements;
  const auto emit = [&](uint8_t& flags, uint32_t& last, const RecordKey& key, std::string&& bytes) {
    flags &= uint8_t(~WordSet::kPending);
    last = uint32_t(epoch);
    --pending_records_;
    out.push_back({key, std::move(bytes)});
  };
  for (const Handle handle : dirty_profiles_) {
    auto* node = arena_.at<ProfileNode>(handle);
    node->dirty = 0;
    for (uint32_t i = 0; i < node->count; ++i) {
      RecordRef& ref = node->refs()[i];
      if (ref.handle == kNoHandle) continue;
      std::string bytes;
      if (ref.month == kForever) {
        auto* set = arena_.at<WordSet>(ref.handle);
        if (!(set->flags & WordSet::kPending)) continue;
        hand_over_words(set, bytes);
        emit(set->flags, set->epoch, key_of(handle, ref.month), std::move(bytes));
        continue;
      }
      auto* month = arena_.at<MonthRecord>(ref.handle);
      if (!(month->flags & MonthRecord::kPending)) continue;
      if (month->saved < month->rows) {
        RowsWriter rows(bytes, plan_.version, uint32_t(month->rows - month->saved));
        for (uint32_t r = month->saved; r < month->rows; ++r) {
          const uint64_t meta = month->read_row(r, elements.data());
          rows.row(meta_metric(meta), meta_slot(meta), elements.data());
        }
        month->saved = month->rows;
      }
      if (month->words != kNoHandle) hand_over_words(arena_.at<WordSet>(month->words), bytes);
      emit(month->flags, month->epoch, key_of(handle, ref.month), std::move(bytes));
    }
  }
  dirty_profiles_.clear();
  for (const Handle handle : dirty_chunks_) {
    const auto* node = arena_.at<ChunkNode>(handle);
    auto* set = arena_.at<WordSet>(node->set);
    std::string bytes;
    hand_over_words(set, bytes);
    emit(set->flags, set->epoch,
         RecordKey{node->month, node->tenant, unpack(node->profile), node->depth, node->path},
         std::move(bytes));
  }
  dirty_chunks_.clear();
  CHECK(pending_records_ == 0);
  pending_bytes_ = 0;
}

void HotTier::durable(uint64_t epoch) {
  if (epoch <= durable_epoch_) return;
  durable_epoch_ = epoch;
  std::erase_if(in_flight_, [&](const auto& e) { return e.first <= epoch; });
}

}  // namespace quipu
