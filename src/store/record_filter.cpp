#include "store/record_filter.h"

#include <algorithm>

#include "base/hash.h"

namespace quipu {
namespace {

constexpr int kBitsSet =
    5;  // of a line, for a key: the best for 7 bits a key, and nearly so for 12

// Of a line of eight words, the bits that belong to a hash.
template <typename F>
void each_bit(uint64_t hash, const F& f) {
  uint64_t bits = mix64(hash);
  for (int i = 0; i < kBitsSet; ++i, bits >>= 9) f((bits >> 6) & 7, uint64_t(1) << (bits & 63));
}

size_t line_of(uint64_t hash, size_t lines) {
  return size_t((unsigned __int128)(hash)*lines >> 64);
}

}  // namespace

uint64_t profile_hash(const RecordKey& key) {
  return mix64(key.profile.lo ^ mix64(key.profile.hi ^ mix64(raw(key.tenant))));
}

RecordFilter::RecordFilter(size_t most_bytes) : most_bytes_(std::max(most_bytes, kFirstBytes)) {
  grow(0);
}

bool RecordFilter::holds(Level& level, uint64_t hash) {
  Line& line = level.lines[line_of(hash, level.lines.size())];
  uint64_t missing = 0;
  each_bit(hash, [&](size_t word, uint64_t bit) {
    missing |= ~line.word(word).load(std::memory_order_relaxed) & bit;
  });
  return missing == 0;
}

bool RecordFilter::may_hold(uint64_t hash) const {
  // The newest level holds the most.
  for (size_t l = count_.load(std::memory_order_acquire); l > 0; --l) {
    if (holds(*levels_[l - 1], hash)) return true;
  }
  return false;
}

void RecordFilter::insert(std::span<const uint64_t> hashes) {
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (i + kAhead < hashes.size()) prefetch(hashes[i + kAhead]);
    insert(hashes[i]);
  }
}

void RecordFilter::prefetch(uint64_t hash) const {
  for (size_t l = count_.load(std::memory_order_acquire); l > 0; --l) {
    const Level& level = *levels_[l - 1];
    __builtin_prefetch(&level.lines[line_of(hash, level.lines.size())]);
  }
}

void RecordFilter::insert(uint64_t hash) {
  if (may_hold(hash)) return;
  const size_t count = count_.load(std::memory_order_acquire);
  Level& level = *levels_[count - 1];
  Line& line = level.lines[line_of(hash, level.lines.size())];
  each_bit(hash, [&](size_t word, uint64_t bit) {
    line.word(word).fetch_or(bit, std::memory_order_relaxed);
  });
  const uint64_t keys = level.keys.fetch_add(1, std::memory_order_relaxed) + 1;
  if (keys * kBitsPerKey > level.lines.size() * sizeof(Line) * 8 &&
      !full_.load(std::memory_order_relaxed))
    grow(count);
}

// Adds a level, unless another thread did or there is no more room: then the last takes more than
// it is made for.
void RecordFilter::grow(size_t from) {
  std::lock_guard lock(growing_);
  const size_t count = count_.load(std::memory_order_relaxed);
  if (count != from) return;
  const size_t left = most_bytes_ - bytes();
  size_t size = std::min(kFirstBytes << (kGrowthBits * count), left);
  if (left - size < size)
    size = left;  // no room for another behind it: it is the last, and has all
  size = size / sizeof(Line) * sizeof(Line);
  // Smaller than the one before it would soon be full.
  if (count == kMaxLevels ||
      (count > 0 && size < levels_[count - 1]->lines.size() * sizeof(Line))) {
    full_.store(true, std::memory_order_relaxed);
    return;
  }
  levels_[count] = std::make_unique<Level>(size);
  count_.store(count + 1, std::memory_order_release);
}

size_t RecordFilter::bytes() const {
  size_t bytes = 0;
  for (size_t l = 0; l < count_.load(std::memory_order_acquire); ++l)
    bytes += levels_[l]->lines.size() * sizeof(Line);
  return bytes;
}

uint64_t RecordFilter::keys() const {
  uint64_t keys = 0;
  for (size_t l = 0; l < count_.load(std::memory_order_acquire); ++l)
    keys += levels_[l]->keys.load(std::memory_order_relaxed);
  return keys;
}

}  // namespace quipu
