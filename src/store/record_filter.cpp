#include "store/record_filter.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "tally/record_key.h"

namespace quipu {
namespace {

// Places in a key (tally/record_key.h).
constexpr size_t kTenantAt = 2, kDepthAt = 22, kKeyBytes = 27;

constexpr int kBitsSet = 6;   // of a line, for a key

// Of a line of eight words, the bits that belong to a hash.
template <typename F>
void each_bit(uint64_t hash, const F& f) {
  uint64_t bits = mix64(hash);
  for (int i = 0; i < kBitsSet; ++i, bits >>= 9) f((bits >> 6) & 7, uint64_t(1) << (bits & 63));
}

size_t line_of(uint64_t hash, size_t lines) { return size_t((unsigned __int128)(hash) * lines >> 64); }

}  // namespace

bool is_forever_root(std::string_view key) {
  return key.size() == kKeyBytes && ByteReader(key).be16() == kForever && key[kDepthAt] == 0;
}

uint64_t profile_hash(std::string_view key) {
  ByteReader r(key.substr(kTenantAt));
  const uint64_t tenant = r.be32();
  const uint64_t hi = r.be64();
  return mix64(r.be64() ^ mix64(hi ^ mix64(tenant)));
}

RecordFilter::RecordFilter(size_t most_bytes) : most_bytes_(std::max(most_bytes, kFirstBytes)) { grow(0); }

bool RecordFilter::holds(const Level& level, uint64_t hash) {
  const Line& line = level.data[line_of(hash, level.lines)];
  uint64_t missing = 0;
  each_bit(hash, [&](size_t word, uint64_t bit) { missing |= ~line.words[word].load(std::memory_order_relaxed) & bit; });
  return missing == 0;
}

bool RecordFilter::may_hold(uint64_t hash) const {
  // The newest level holds the most.
  for (size_t l = count_.load(std::memory_order_acquire); l > 0; --l) {
    if (holds(*levels_[l - 1], hash)) return true;
  }
  return false;
}

void RecordFilter::add(uint64_t hash) {
  if (may_hold(hash)) return;
  const size_t count = count_.load(std::memory_order_acquire);
  Level& level = *levels_[count - 1];
  Line& line = level.data[line_of(hash, level.lines)];
  each_bit(hash, [&](size_t word, uint64_t bit) { line.words[word].fetch_or(bit, std::memory_order_relaxed); });
  const uint64_t keys = level.keys.fetch_add(1, std::memory_order_relaxed) + 1;
  if (keys * kBitsPerKey > level.lines * sizeof(Line) * 8 && !full_.load(std::memory_order_relaxed)) grow(count);
}

// Adds a level, unless another thread did or there is no more room: then the last takes more than it is made for.
void RecordFilter::grow(size_t from) {
  std::lock_guard lock(growing_);
  const size_t count = count_.load(std::memory_order_relaxed);
  if (count != from) return;
  const size_t size = std::min(kFirstBytes << (kGrowthBits * count), most_bytes_ - bytes()) / sizeof(Line) * sizeof(Line);
  // A last one smaller than the one before would soon be full.
  if (count == kMaxLevels || (count > 0 && size < levels_[count - 1]->lines * sizeof(Line))) {
    full_.store(true, std::memory_order_relaxed);
    return;
  }
  levels_[count] = std::make_unique<Level>(size);
  count_.store(count + 1, std::memory_order_release);
}

size_t RecordFilter::bytes() const {
  size_t bytes = 0;
  for (size_t l = 0; l < count_.load(std::memory_order_acquire); ++l) bytes += levels_[l]->lines * sizeof(Line);
  return bytes;
}

uint64_t RecordFilter::keys() const {
  uint64_t keys = 0;
  for (size_t l = 0; l < count_.load(std::memory_order_acquire); ++l) keys += levels_[l]->keys.load(std::memory_order_relaxed);
  return keys;
}

}  // namespace quipu
