// An append-only log in blocks that are never moved or copied: no append stalls, and what lies in
// it keeps its address. A piece lies in one block. Of a log that holds much the blocks are huge
// pages: what lies in it is read in any order. One thread; any thread may read what nobody appends
// to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/huge_array.h"

namespace quipu {

template <typename T>
class BlockLog {
 public:
  static constexpr size_t kFirstBlock =
      (size_t(64) << 10) / sizeof(T);  // small, for logs that hold little
  static constexpr size_t kBlock = (size_t(1) << 20) / sizeof(T);
  static constexpr size_t kHugeBlock = kHugePageBytes / sizeof(T);
  static constexpr size_t kSmallBlocks = 4;  // before the first huge one

  BlockLog() = default;
  BlockLog(BlockLog&& other) noexcept { swap(other); }
  BlockLog& operator=(BlockLog&& other) noexcept {
    BlockLog taken(std::move(other));
    swap(taken);
    return *this;
  }

  // Room for a piece of n at the end, not initialised.
  T* take(size_t n) {
    while (last_ < blocks_.size() && blocks_[last_].size - blocks_[last_].used < n) ++last_;
    if (last_ == blocks_.size()) {
      blocks_.emplace_back(std::max(n, blocks_.empty()                 ? kFirstBlock
                                       : blocks_.size() < kSmallBlocks ? kBlock
                                                                       : kHugeBlock));
    }
    Block& block = blocks_[last_];
    T* piece = block.items + block.used;
    block.used += n;
    size_ += n;
    return piece;
  }
  // Whether take(n) would give this very place: then a piece that ends here can grow.
  bool goes_on_at(const T* end, size_t n) const {
    if (last_ == blocks_.size()) return false;
    const Block& block = blocks_[last_];
    return block.size - block.used >= n && block.items + block.used == end;
  }
  void clear() {  // the blocks stay
    for (Block& block : blocks_) block.used = 0;
    last_ = size_ = 0;
  }

  size_t size() const { return size_; }  // of all pieces

  // visit(begin, end) of what lies in each block, in order.
  template <typename Visit>
  void each_block(const Visit& visit) const {
    for (const Block& block : blocks_) {
      if (block.used != 0) visit(block.items, block.items + block.used);
    }
  }

 private:
  struct Block {
    explicit Block(size_t n) : size(n) {
      if (n >= kHugeBlock) {
        huge = HugeArray<T>(n);
        items = huge.begin();
      } else {
        small.reset(new T[n]);
        items = small.get();
      }
    }
    std::unique_ptr<T[]> small;
    HugeArray<T> huge;
    T* items;
    size_t used = 0;
    size_t size;
  };
  void swap(BlockLog& other) noexcept {
    blocks_.swap(other.blocks_);
    std::swap(last_, other.last_);
    std::swap(size_, other.size_);
  }

  std::vector<Block> blocks_;
  size_t last_ = 0;  // the block in use; those behind it are empty
  size_t size_ = 0;
};

}  // namespace quipu
