// Short codes of the elements that come often: in the bytes of stored records (record_format.h)
// they stand for 64-bit hashes. A row of a marketing event has some twenty elements, most of them
// of a few thousand values: as codes of one to three bytes they are a quarter as long, and what is
// stored of a profile is written, merged and read accordingly faster. A code is given once and for
// ever, in the order of the numbers, and made durable in the commit whose records use it first (the
// durable tier does that). How often an element came is told by a small table of candidates, in
// which rare ones displace each other (after the Misra-Gries sketch, 1982); when all codes are
// given, others stay as they are. Codes never change what a record says.
//
// The writer's thread gives codes; element() may be called by any thread, for codes that it read in
// a record.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/huge_array.h"

namespace quipu {

class ElementCodes {
 public:
  static constexpr uint32_t kMostCodes = 1 << 18;  // of a store
  static constexpr uint32_t kChunk = 512;          // codes that are stored together
  static constexpr uint32_t kSightings = 4;        // after which a candidate has a code
  static constexpr uint32_t kNone = ~uint32_t(0);

  // most: codes that may be given; those that are restored come on top. Memory: 8 bytes a code
  // given, 21 (its table full) to 43 (just grown) more for the writer, and candidates of 128 KiB.
  explicit ElementCodes(uint32_t most = kMostCodes);
  ~ElementCodes();

  // 0: that code was never given. (No code stands for the empty element.)
  uint64_t element(uint32_t code) const {
    if (code >= kMostCodes) return 0;
    const std::atomic<uint64_t>* chunk = chunks_[code / kChunk].load(std::memory_order_acquire);
    return chunk == nullptr ? 0 : chunk[code % kChunk].load(std::memory_order_relaxed);
  }
  uint32_t size() const { return size_; }  // writer's thread

  // For a code_of() that is near.
  void prefetch(uint64_t element) const { __builtin_prefetch(&table_[home(element)]); }
  // The code of an element (not 0) that is about to be stored; kNone if it has none yet.
  uint32_t code_of(uint64_t element);

  // For the durable tier. Chunks (all but the last one whole) that changed since the last call, by
  // number.
  std::vector<uint32_t> take_changed();
  std::vector<uint64_t> chunk(uint32_t number) const;
  // The next chunk that was stored, in order; false if these cannot be codes of one store: then
  // nothing is to be read.
  bool restore(std::span<const uint64_t> elements);

 private:
  struct Candidate {
    uint64_t element = 0;
    uint32_t sightings = 0;
  };
  static constexpr uint32_t kCandidates = 1 << 13;

  size_t home(uint64_t element) const { return mix64(element) & (table_.size() - 1); }
  uint32_t find(uint64_t element) const;
  void give(uint64_t element);
  void place(uint64_t element, uint32_t code);
  void grow();

  const uint32_t most_;
  uint32_t size_ = 0, taken_ = 0;
  std::array<std::atomic<std::atomic<uint64_t>*>, kMostCodes / kChunk> chunks_{};  // owned
  // Open addressing, at most three quarters full; a power of two. An empty place holds element 0.
  struct Place {
    uint64_t element;
    uint32_t code;
  };
  HugeArray<Place> table_;
  std::vector<Candidate> candidates_;
};

}  // namespace quipu
