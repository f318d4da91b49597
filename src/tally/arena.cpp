#include "tally/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/huge_array.h"

#if defined(__SANITIZE_ADDRESS__)
#define QUIPU_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QUIPU_POISON 1
#endif
#endif
#ifdef QUIPU_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace quipu {
namespace {

// Under the address sanitizer, bytes outside of live blocks may not be touched.
void poison([[maybe_unused]] const uint8_t* p, [[maybe_unused]] size_t bytes) {
#ifdef QUIPU_POISON
  ASAN_POISON_MEMORY_REGION(p, bytes);
#endif
}
void unpoison([[maybe_unused]] const uint8_t* p, [[maybe_unused]] size_t bytes) {
#ifdef QUIPU_POISON
  ASAN_UNPOISON_MEMORY_REGION(p, bytes);
#endif
}

constexpr size_t kFetchedBytes = 256;

uint32_t units_of(size_t bytes) {
  return uint32_t((bytes + Arena::kUnitBytes - 1) / Arena::kUnitBytes);
}

}  // namespace

Arena::Arena() {
  bases_.resize(kRegionChunks, nullptr);  // so that no handle is 0
  chunks_.resize(kRegionChunks);
}

Arena::~Arena() {
  for (size_t n = kRegionChunks; n < bases_.size(); n += kRegionChunks) {
    unpoison(bases_[n], kRegionChunks * kChunkBytes);
    munmap(bases_[n], kRegionChunks * kChunkBytes);
  }
}

int Arena::class_of(uint32_t units) {
  if (units <= 32) return int(units) - 1;
  const int power = 31 - std::countl_zero(units - 1);
  const int eighth = int((units - 1) >> (power - 3)) - 8;
  return 32 + (power - 5) * 8 + eighth;
}

uint32_t Arena::class_units(int size_class) {
  if (size_class < 32) return uint32_t(size_class) + 1;
  const int power = 5 + (size_class - 32) / 8;
  return uint32_t((size_class - 32) % 8 + 9) << (power - 3);
}

size_t Arena::rounded(size_t bytes) { return class_units(class_of(units_of(bytes))) * kUnitBytes; }

bool Arena::has_room(const Chunk& chunk) {
  return chunk.free_head != 0 || chunk.used + chunk.block_units <= kChunkUnits;
}

void Arena::list(uint32_t number) {
  Chunk& chunk = chunks_[number];
  chunk.listed = true;
  chunk.previous = 0;
  chunk.next = with_room_[chunk.size_class];
  if (chunk.next != 0) chunks_[chunk.next].previous = number;
  with_room_[chunk.size_class] = number;
}

void Arena::unlist(uint32_t number) {
  Chunk& chunk = chunks_[number];
  chunk.listed = false;
  if (chunk.next != 0) chunks_[chunk.next].previous = chunk.previous;
  (chunk.previous != 0 ? chunks_[chunk.previous].next : with_room_[chunk.size_class]) = chunk.next;
}

void Arena::new_region(bool huge_paged) {
  constexpr size_t kBytes = kRegionChunks * kChunkBytes;
  auto* base = static_cast<uint8_t*>(map_aligned(kBytes, kChunkBytes));
  if (huge_paged) madvise(base, kBytes, MADV_HUGEPAGE);  // a hint
  poison(base, kBytes);
  const uint32_t first = uint32_t(chunks_.size());
  CHECK(first < (kMaxHandle >> kUnitBits));
  chunks_.resize(first + kRegionChunks);
  for (uint32_t i = 0; i < kRegionChunks; ++i) {
    bases_.push_back(base + i * kChunkBytes);
    chunks_[first + i].huge_paged = huge_paged;
  }
  // The lowest is given out first.
  for (uint32_t i = kRegionChunks; i-- > 0;)
    if (first + i < (kMaxHandle >> kUnitBits)) unused_numbers_[huge_paged].push_back(first + i);
}

uint32_t Arena::new_chunk(int size_class) {
  const bool huge_paged = chunks_of_class_[size_t(size_class)]++ >= kSmallPagedChunks;
  std::vector<uint32_t>& unused = unused_numbers_[huge_paged];
  if (unused.empty()) new_region(huge_paged);
  const uint32_t number = unused.back();
  unused.pop_back();
  Chunk& chunk = chunks_[number];
  chunk.in_use = true;
  chunk.size_class = uint8_t(size_class);
  chunk.block_units = class_units(size_class);
  list(number);
  return number;
}

void Arena::give_back(uint32_t number) {
  Chunk& chunk = chunks_[number];
  if (chunk.listed) unlist(number);
  if (chunk.sparse) --sparse_chunks_;
  --chunks_of_class_[chunk.size_class];
  held_bytes_ -= size_t(chunk.used) * kUnitBytes;
  const bool huge_paged = chunk.huge_paged;
  chunk = Chunk();
  chunk.huge_paged = huge_paged;
  poison(bases_[number], kChunkBytes);
  CHECK(madvise(bases_[number], kChunkBytes, MADV_DONTNEED) == 0);
  unused_numbers_[huge_paged].push_back(number);
}

Handle Arena::allocate(size_t bytes) {
  CHECK(bytes >= 1 && bytes <= kMaxBlockBytes);
  const int size_class = class_of(units_of(bytes));
  uint32_t number = with_room_[size_t(size_class)];
  if (number == 0) number = new_chunk(size_class);
  Chunk& chunk = chunks_[number];
  uint32_t unit;
  if (chunk.free_head != 0) {
    unit = chunk.free_head - 1;
    const uint8_t* block = bases_[number] + size_t(unit) * kUnitBytes;
    unpoison(block, chunk.block_units * kUnitBytes);
    std::memcpy(&chunk.free_head, block, sizeof chunk.free_head);
    if (chunk.free_head != 0) {  // it is likely to be the next to be given out and written
      const uint8_t* next = bases_[number] + size_t(chunk.free_head - 1) * kUnitBytes;
      const size_t next_bytes = std::min<size_t>(chunk.block_units * kUnitBytes, kFetchedBytes);
      for (size_t i = 0; i < next_bytes; i += 64) __builtin_prefetch(next + i, 1);
    }
  } else {
    unit = chunk.used;
    chunk.used += chunk.block_units;
    held_bytes_ += chunk.block_units * kUnitBytes;
    unpoison(bases_[number] + size_t(unit) * kUnitBytes, chunk.block_units * kUnitBytes);
  }
  ++chunk.live;
  live_bytes_ += chunk.block_units * kUnitBytes;
  if (!has_room(chunk)) unlist(number);
  return number << kUnitBits | unit;
}

void Arena::release(Handle handle) {
  const uint32_t number = handle >> kUnitBits;
  Chunk& chunk = chunks_[number];
  CHECK(chunk.live > 0);
  --chunk.live;
  live_bytes_ -= chunk.block_units * kUnitBytes;
  // The last chunk with room stays, so that one block coming and going costs no chunk.
  const bool spare = chunk.sparse || !chunk.listed || chunk.next != 0 || chunk.previous != 0;
  if (chunk.live == 0 && spare) return give_back(number);
  uint8_t* block = bases_[number] + size_t(handle & kUnitMask) * kUnitBytes;
  std::memcpy(block, &chunk.free_head, sizeof chunk.free_head);
  poison(block, chunk.block_units * kUnitBytes);
  chunk.free_head = (handle & kUnitMask) + 1;
  if (!chunk.listed && !chunk.sparse) list(number);
}

void Arena::mark_sparse() {
  std::array<std::vector<uint32_t>, kClasses> by_class;
  for (uint32_t number = 1; number < chunks_.size(); ++number)
    if (chunks_[number].in_use && !chunks_[number].sparse)
      by_class[chunks_[number].size_class].push_back(number);
  for (std::vector<uint32_t>& numbers : by_class) {
    std::sort(numbers.begin(), numbers.end(),
              [&](uint32_t a, uint32_t b) { return chunks_[a].live < chunks_[b].live; });
    uint64_t holes = 0;  // in chunks that are not marked, of those ever used
    for (uint32_t n : numbers) holes += chunks_[n].used / chunks_[n].block_units - chunks_[n].live;
    uint64_t to_move = 0;
    for (uint32_t n : numbers) {
      Chunk& chunk = chunks_[n];
      const uint64_t own_holes = chunk.used / chunk.block_units - chunk.live;
      if (own_holes == 0 || to_move + chunk.live > holes - own_holes) break;
      holes -= own_holes;
      to_move += chunk.live;
      if (chunk.live == 0) {
        give_back(n);
        continue;
      }
      if (chunk.listed) unlist(n);
      chunk.sparse = true;
      ++sparse_chunks_;
    }
  }
}

}  // namespace quipu
