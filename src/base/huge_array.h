// An array of zeros for tables that are looked up at random. A large one lies in memory of its own,
// for which huge pages are asked: a table of many megabytes in pages of 4 KiB costs a walk through
// page tables at nearly every look-up. It takes memory only where it is written to, but by 2 MiB at
// a time. One owner; a plain array to its readers.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace quipu {

// Zeros straight from the system, so that what is given back (by munmap) leaves the process. Both:
// whole pages; the alignment a power of two. These and new_zeros() end the process if there is no
// memory.
void* map_aligned(size_t bytes, size_t alignment);

inline constexpr size_t kHugePageBytes = size_t(2) << 20;
// Zeros, aligned to a memory line; below kHugePageBytes from the heap.
void* new_zeros(size_t bytes);
void free_zeros(void* memory, size_t bytes);

template <typename T>
class HugeArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> &&
                alignof(T) <= 64);

 public:
  HugeArray() = default;
  explicit HugeArray(size_t size)
      : items_(static_cast<T*>(new_zeros(size * sizeof(T)))), size_(size) {}
  ~HugeArray() { free_zeros(items_, size_ * sizeof(T)); }
  HugeArray(HugeArray&& other) noexcept
      : items_(std::exchange(other.items_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  HugeArray& operator=(HugeArray&& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(size_, other.size_);
    return *this;
  }

  size_t size() const { return size_; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }

 private:
  T* items_ = nullptr;
  size_t size_ = 0;
};

}  // namespace quipu
