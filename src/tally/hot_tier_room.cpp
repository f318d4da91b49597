// The hot tier's budget: the clock, and moving blocks out of sparse memory.
#include <algorithm>
#include <cstring>

#include "base/fault.h"
#include "tally/hot_tier.h"

namespace quipu {

size_t HotTier::memory_bytes() const {
  return arena_.live_bytes() + profiles_.bytes() + chunks_.bytes();
}

void HotTier::add_stats(TallyStats& stats) const {
  stats.records += records_;
  stats.memory_bytes += memory_bytes();
  stats.loads += loads_;
  stats.loads_found += loads_found_;
  stats.evictions += evictions_;
  stats.rows += rows_;
  stats.words += words_;
}

bool HotTier::may_evict(uint32_t generation) const {
  if (planted(Planted::evict_before_durable)) return generation != generation_;
  return generation <= durable_generation_;
}

bool HotTier::any_clean() const {
  uint64_t pinned = pinned_;
  if (!planted(Planted::evict_before_durable))
    for (const InFlight& flight : in_flight_) pinned += flight.records;
  return records_ > pinned;
}

void HotTier::drop(RecordRef& ref) {
  ++evictions_;
  --records_;
  if (ref.handle == kNoHandle) return;
  Handle set = ref.handle;
  if (ref.month != kForever) {
    const auto* month = arena_.at<MonthRecord>(ref.handle);
    rows_ -= month->rows;
    set = month->words;
    arena_.release(ref.handle);
  }
  if (set != kNoHandle) {
    words_ -= arena_.at<WordSet>(set)->count;
    arena_.release(set);
  }
}

void HotTier::move_if_sparse(Handle& handle) {
  if (handle == kNoHandle || !arena_.is_sparse(handle)) return;
  const size_t bytes = arena_.block_bytes(handle);
  const Handle now = arena_.allocate(bytes);
  std::memcpy(arena_.at<char>(now), arena_.at<char>(handle), bytes);
  arena_.release(handle);
  handle = now;
}

// Most of what is in memory waits to be durable, if the hot tier is small beside the panes. So a
// profile all of whose records do has the first of their generations as its mark, and is passed
// over until that one is durable: no line of its own is touched. Of a generation eight bits are
// enough, since few are on their way and durable() clears old marks.
bool HotTier::is_pinned(uint8_t mark) const {
  return mark != 0 && int8_t(uint8_t(mark - uint8_t(durable_generation_))) > 0 &&
         !planted(Planted::evict_before_durable);
}

void HotTier::sweep_profile(bool evict) {
  Handle* slot = profiles_.at(profile_hand_);
  if (slot != nullptr && !(evict && is_pinned(profiles_.mark(profile_hand_)))) {
    auto* node = arena_.at<ProfileNode>(*slot);
    uint32_t pinned_until = ~uint32_t(0);
    bool all_pinned = true;
    for (uint32_t i = 0; i < node->count;) {
      RecordRef& ref = node->refs()[i];
      const bool recent = ref.referenced;
      if (evict) ref.referenced = 0;
      const bool pinned =
          evict && !recent && ref.handle != kNoHandle && !may_evict(generation_of(ref));
      if (evict && !recent && !pinned) {
        drop(ref);
        ref = node->refs()[--node->count];
        continue;
      }
      if (pinned) pinned_until = std::min(pinned_until, generation_of(ref));
      all_pinned &= pinned;
      if (ref.handle != kNoHandle && ref.month != kForever)
        move_if_sparse(arena_.at<MonthRecord>(ref.handle)->words);
      move_if_sparse(ref.handle);
      ++i;
    }
    if (node->count == 0) {
      arena_.release(*slot);
      profiles_.erase(profile_hand_);
      return;  // the next entry may stand in this slot now
    }
    if (evict) profiles_.mark(profile_hand_) = all_pinned ? uint8_t(pinned_until) : 0;
    move_if_sparse(*slot);
  }
  if (!profiles_.advance(profile_hand_)) sweeping_chunks_ = true;
}

void HotTier::sweep_chunk(bool evict) {
  Handle* slot = chunks_.at(chunk_hand_);
  if (slot != nullptr) {
    auto* node = arena_.at<ChunkNode>(*slot);
    const auto* set = node->set == kNoHandle ? nullptr : arena_.at<WordSet>(node->set);
    const bool recent = node->referenced;
    if (evict) node->referenced = 0;
    if (evict && !recent && (set == nullptr || may_evict(set->generation))) {
      ++evictions_;
      --records_;
      const Hash128 profile = unpack(node->profile);
      const Handle owner = find(hash_of(node->tenant, profile), node->tenant, profile);
      if (RecordRef* record = owner == kNoHandle ? nullptr : find_record(owner, node->month))
        if (record->words_in == WordsIn::all_chunks) record->words_in = WordsIn::chunks;
      if (set != nullptr) {
        words_ -= set->count;
        arena_.release(node->set);
      }
      arena_.release(*slot);
      chunks_.erase(chunk_hand_);
      return;
    }
    move_if_sparse(node->set);
    move_if_sparse(*slot);
  }
  if (!chunks_.advance(chunk_hand_)) sweeping_chunks_ = false;
}

void HotTier::sweep_step(bool evict) {
  if (sweeping_chunks_ && chunks_.size() == 0) sweeping_chunks_ = false;
  sweeping_chunks_ ? sweep_chunk(evict) : sweep_profile(evict);
}

void HotTier::make_room(size_t batch_events, size_t beside) {
  // So many slots of the indexes are looked at for a batch at most: enough to free what a batch
  // brings in unless nearly everything is pinned.
  const size_t all = profiles_.entries() + chunks_.entries() + 2;
  size_t steps = std::min(2 * all + 2, 16 * batch_events + 65536);
  const size_t budget = options_.memory_bytes - std::min(beside, options_.memory_bytes);
  if (memory_bytes() > budget) {
    const size_t target = budget - budget / 16;
    for (; steps > 0 && memory_bytes() > target && any_clean(); --steps) sweep_step(true);
  }
  // Memory that is held beyond what is used may come to a quarter, and a little of the budget.
  const size_t spare =
      arena_.live_bytes() / 4 + std::min(options_.memory_bytes / 16, size_t(8) << 20);
  if (arena_.sparse_chunks() == 0 && arena_.held_bytes() > arena_.live_bytes() + spare)
    arena_.mark_sparse();
  for (size_t i = 0; arena_.sparse_chunks() != 0 && i < std::min(all, 4 * batch_events + 1024); ++i)
    sweep_step(false);
}

}  // namespace quipu
