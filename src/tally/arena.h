// Memory of the hot tier: blocks of 16 bytes to 1 MiB, named by 32-bit handles, from chunks of 2
// MiB that each hold blocks of one size class (steps of 16 bytes up to 512, then of at most an
// eighth). Blocks of 512 bytes and more begin at multiples of 64. A chunk whose blocks are all
// released is given back; mark_sparse() names chunks that hold little, whose owner then moves the
// blocks elsewhere (is_sparse()). From its ninth chunk on a class asks for huge pages, as look-ups
// jump about in gigabytes. At most 64 GiB. Address space is taken in regions of 256 MiB, each of
// small or of huge pages, and kept: a region is one mapping of the process, of which the system
// allows some 65,000. One thread. Contents are uninitialised.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace quipu {

using Handle = uint32_t;
inline constexpr Handle kNoHandle = 0;  // no block has it

class Arena {
 public:
  static constexpr size_t kUnitBytes = 16;
  static constexpr size_t kMaxBlockBytes = size_t(1) << 20;
  static constexpr Handle kMaxHandle = 0xFFFE0000 - 1;

  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  Handle allocate(size_t bytes);  // 1 .. kMaxBlockBytes
  void release(Handle handle);

  // Valid until the block is released.
  template <typename T>
  T* at(Handle handle) const {
    return reinterpret_cast<T*>(bases_[handle >> kUnitBits] +
                                size_t(handle & kUnitMask) * kUnitBytes);
  }

  // What a block of so many bytes really has.
  static size_t rounded(size_t bytes);
  size_t block_bytes(Handle handle) const {
    return chunks_[handle >> kUnitBits].block_units * kUnitBytes;
  }
  size_t live_bytes() const { return live_bytes_; }  // of blocks in use, rounded
  size_t held_bytes() const { return held_bytes_; }  // of chunks, as far as they were ever used

  // Marks chunks whose blocks fit into the holes of others of their class; no block is given out
  // from a marked one.
  void mark_sparse();
  size_t sparse_chunks() const { return sparse_chunks_; }
  bool is_sparse(Handle handle) const { return chunks_[handle >> kUnitBits].sparse; }

 private:
  static constexpr int kUnitBits = 17;
  static constexpr uint32_t kUnitMask = (1 << kUnitBits) - 1;
  static constexpr uint32_t kChunkUnits = 1 << kUnitBits;
  static constexpr size_t kChunkBytes = kChunkUnits * kUnitBytes;
  static constexpr uint32_t kSmallPagedChunks = 8;
  static constexpr uint32_t kRegionChunks = 128;
  static constexpr int kClasses = 32 + 8 * 11;
  struct Chunk {
    uint32_t block_units = 0;
    uint32_t live = 0;  // blocks in use
    uint32_t used = 0;  // units ever given out
    uint32_t free_head =
        0;  // 1 + unit of the first released block; each holds the next in its first 4 bytes
    uint32_t next = 0, previous = 0;  // in the class's list of chunks with room
    uint8_t size_class = 0;
    bool huge_paged = false;  // for ever, as its region
    bool in_use = false;
    bool listed = false;
    bool sparse = false;
  };
  static int class_of(uint32_t units);
  static uint32_t class_units(int size_class);
  static bool has_room(const Chunk& chunk);
  void new_region(bool huge_paged);
  uint32_t new_chunk(int size_class);
  void give_back(uint32_t number);
  void list(uint32_t number);
  void unlist(uint32_t number);

  std::vector<uint8_t*> bases_;
  std::vector<Chunk> chunks_;
  std::array<std::vector<uint32_t>, 2> unused_numbers_;  // in regions of small, of huge pages
  std::array<uint32_t, kClasses> with_room_{};
  std::array<uint32_t, kClasses> chunks_of_class_{};
  size_t live_bytes_ = 0;
  size_t held_bytes_ = 0;
  size_t sparse_chunks_ = 0;
};

}  // namespace quipu
