#include "tally/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <utility>

namespace quipu {
namespace {

TEST(Arena, BlocksAreAsLargeAsAskedForAndWasteAtMostAnEighth) {
  for (size_t bytes = 1; bytes <= Arena::kMaxBlockBytes; bytes += 1 + bytes / 100) {
    const size_t rounded = Arena::rounded(bytes);
    EXPECT_GE(rounded, bytes);
    EXPECT_LE(rounded, bytes + std::max<size_t>(15, bytes / 8));
    EXPECT_EQ(Arena::rounded(rounded), rounded);
    EXPECT_EQ(rounded % (rounded >= 512 ? 64 : 16), 0u);
  }
  EXPECT_EQ(Arena::rounded(Arena::kMaxBlockBytes), Arena::kMaxBlockBytes);
}

// Every block is filled with a byte of its own, which must be there when it is released.
class Blocks {
 public:
  explicit Blocks(uint64_t seed) : rng_(seed) {}
  ~Blocks() {
    while (!live_.empty()) release();
    EXPECT_EQ(arena_.live_bytes(), 0u);
  }
  void allocate() {
    const size_t bytes = 1 + rng_() % (rng_() % 50 == 0 ? 300000 : 700);
    const Handle handle = arena_.allocate(bytes);
    EXPECT_NE(handle, kNoHandle);
    EXPECT_GE(arena_.block_bytes(handle), bytes);
    if (bytes >= 512) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(arena_.at<char>(handle)) % 64, 0u);
    }
    const uint8_t fill = uint8_t(rng_());
    std::memset(arena_.at<uint8_t>(handle), fill, bytes);
    EXPECT_TRUE(live_.emplace(handle, std::make_pair(bytes, fill)).second);
  }
  void release() {
    auto it = live_.lower_bound(Handle(rng_()));
    if (it == live_.end()) it = live_.begin();
    check(it->first, it->second.first, it->second.second);
    arena_.release(it->first);
    live_.erase(it);
  }
  // As the hot tier does.
  void defragment() {
    arena_.mark_sparse();
    std::map<Handle, std::pair<size_t, uint8_t>> now;
    for (auto [handle, block] : live_) {
      Handle to = handle;
      if (arena_.is_sparse(handle)) {
        to = arena_.allocate(block.first);
        EXPECT_FALSE(arena_.is_sparse(to));
        std::memcpy(arena_.at<char>(to), arena_.at<char>(handle), block.first);
        arena_.release(handle);
      }
      EXPECT_TRUE(now.emplace(to, block).second);
    }
    live_.swap(now);
    EXPECT_EQ(arena_.sparse_chunks(), 0u);
  }
  size_t count() const { return live_.size(); }
  const Arena& arena() const { return arena_; }

 private:
  void check(Handle handle, size_t bytes, uint8_t fill) {
    const uint8_t* p = arena_.at<uint8_t>(handle);
    for (size_t i = 0; i < bytes; i += 1 + i / 16) ASSERT_EQ(p[i], fill);
    ASSERT_EQ(p[bytes - 1], fill);
  }
  std::mt19937_64 rng_;
  Arena arena_;
  std::map<Handle, std::pair<size_t, uint8_t>> live_;
};

TEST(Arena, BlocksKeepTheirBytesAndNeverOverlap) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  Blocks blocks(seed);
  for (int i = 0; i < 20000; ++i) {
    if (blocks.count() == 0 || rng() % 100 < (i / 4000 % 2 == 0 ? 60u : 40u))
      blocks.allocate();
    else
      blocks.release();
    if (rng() % 4000 == 0) blocks.defragment();
  }
}

TEST(Arena, MovingBlocksOutOfSparseChunksGivesMemoryBack) {
  Arena arena;
  std::vector<Handle> handles;
  for (int i = 0; i < 100000; ++i) handles.push_back(arena.allocate(200));
  const size_t full = arena.held_bytes();
  std::vector<Handle> kept;
  for (size_t i = 0; i < handles.size(); ++i) {
    if (i % 10 == 0)
      kept.push_back(handles[i]);
    else
      arena.release(handles[i]);
  }
  EXPECT_EQ(arena.held_bytes(), full);
  arena.mark_sparse();
  EXPECT_GT(arena.sparse_chunks(), 0u);
  for (Handle handle : kept) {
    if (!arena.is_sparse(handle)) continue;
    arena.allocate(200);
    arena.release(handle);
  }
  EXPECT_EQ(arena.sparse_chunks(), 0u);
  EXPECT_LT(arena.held_bytes(), full / 4);
  EXPECT_EQ(arena.live_bytes(), kept.size() * 208);
}

// The system allows a process some 65,530 mappings, and a machine of hundreds of gigabytes has
// several arenas of 60 GiB.
TEST(Arena, SixtyGibibytesAreAFewHundredMappingsAndGivingThemBackMakesNoMore) {
  const auto mappings = [] {
    std::ifstream maps("/proc/self/maps");
    return std::count(std::istreambuf_iterator<char>(maps), {}, '\n');
  };
  const auto before = mappings();
  Arena arena;
  std::vector<Handle> handles;  // nothing is written to them: they take no memory
  for (size_t bytes = 0, i = 0; bytes < size_t(60) << 30; ++i) {
    handles.push_back(arena.allocate(i % 5 == 0 ? Arena::kMaxBlockBytes : size_t(1) << 18));
    bytes += arena.block_bytes(handles.back());
  }
  EXPECT_LT(mappings(), before + 300);
  // Every sixteenth chunk, one after the other: a block that is released is written to.
  std::sort(handles.begin(), handles.end());
  const size_t held = arena.held_bytes();
  for (const Handle handle : handles)
    if ((handle >> 17) % 16 == 0) arena.release(handle);
  EXPECT_LT(arena.held_bytes(), held - (size_t(3) << 30));
  EXPECT_LT(mappings(), before + 300);
}

}  // namespace
}  // namespace quipu
