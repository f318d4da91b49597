// Which profiles have a forever record in the store: asked in memory before the store is, so that a
// new profile costs a memory line or a few instead of a look into every sorted run. It never says
// "no" of a profile that was added; "yes" it says wrongly of one in a hundred or so, and of more
// once more are added than its bytes are made for. Bloom filters of one memory line a key (Putze,
// Sanders, Singler: "Cache-, Hash- and Space-Efficient Bloom Filters", 2007), each eight times as
// large as the one before (Almeida et al.: "Scalable Bloom Filters", 2007), the last with all that
// is left of a number of bytes. It may be asked only once all that the store holds was added. add()
// and may_hold(): any thread, at the same time. Who must not miss a key must have been told of its
// add().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "base/huge_array.h"
#include "tally/record_key.h"

namespace quipu {

// The profile of a record's key, as the filter knows it. Lists of these are stored (state.h): a
// part of the format.
uint64_t profile_hash(const RecordKey& key);
// Whether the key is of a forever record itself, not of a chunk of its words.
inline bool is_forever_root(const RecordKey& key) {
  return key.month == kForever && key.depth == 0;
}

class RecordFilter {
 public:
  static constexpr size_t kFirstBytes = size_t(1) << 20;
  static constexpr unsigned kBitsPerKey = 12;  // before the next level begins

  explicit RecordFilter(size_t most_bytes);  // at least kFirstBytes

  void insert(uint64_t hash);
  void insert(std::span<const uint64_t> hashes);  // faster than one by one
  bool may_hold(uint64_t hash) const;
  void prefetch(uint64_t hash) const;  // for an add() or may_hold() that is near
  size_t bytes() const;
  uint64_t keys() const;  // added, but for those that it held already

 private:
  struct alignas(64) Line {
    std::array<uint64_t, 8> words;
    std::atomic_ref<uint64_t> word(size_t i) { return std::atomic_ref(words[i]); }
  };
  struct Level {
    explicit Level(size_t bytes) : lines(bytes / sizeof(Line)) {}
    HugeArray<Line> lines;
    std::atomic<uint64_t> keys{0};
  };
  static constexpr int kGrowthBits = 3;  // a level is so many times doubled from the one before
  static constexpr size_t kMaxLevels = 12;

  static bool holds(Level& level, uint64_t hash);
  void grow(size_t from);

  const size_t most_bytes_;
  std::array<std::unique_ptr<Level>, kMaxLevels> levels_;
  std::atomic<size_t> count_{0};   // of levels
  std::atomic<bool> full_{false};  // no room for another
  std::mutex growing_;
};

}  // namespace quipu
