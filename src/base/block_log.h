// An append-only log in blocks that are never moved or copied: no append stalls, and what lies in it keeps its address.
// A piece lies in one block. One thread; any thread may read what nobody appends to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace quipu {

template <typename T>
class BlockLog {
 public:
  static constexpr size_t kFirstBlock = (size_t(64) << 10) / sizeof(T);  // small, for logs that hold little
  static constexpr size_t kBlock = (size_t(1) << 20) / sizeof(T);

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
      const size_t size = std::max(n, blocks_.empty() ? kFirstBlock : kBlock);
      blocks_.push_back({std::unique_ptr<T[]>(new T[size]), 0, size});
    }
    Block& block = blocks_[last_];
    T* piece = block.items.get() + block.used;
    block.used += n;
    size_ += n;
    return piece;
  }
  // Whether take(n) would give this very place: then a piece that ends here can grow.
  bool goes_on_at(const T* end, size_t n) const {
    if (last_ == blocks_.size()) return false;
    const Block& block = blocks_[last_];
    return block.size - block.used >= n && block.items.get() + block.used == end;
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
      if (block.used != 0) visit(block.items.get(), block.items.get() + block.used);
    }
  }

 private:
  struct Block {
    std::unique_ptr<T[]> items;
    size_t used = 0;
    size_t size = 0;
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
