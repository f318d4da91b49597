#include "base/huge_array.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace quipu {
namespace {

constexpr size_t kLineBytes = 64;

size_t rounded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

void* map_aligned(size_t bytes, size_t alignment) {
  void* mapped = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(mapped != MAP_FAILED);
  auto* begin = static_cast<uint8_t*>(mapped);
  const size_t before = (alignment - reinterpret_cast<uintptr_t>(begin) % alignment) % alignment;
  if (before != 0) munmap(begin, before);
  if (before != alignment) munmap(begin + before + bytes, alignment - before);
  return begin + before;
}

void* new_zeros(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes < kHugePageBytes) {
    void* memory = std::aligned_alloc(kLineBytes, rounded(bytes, kLineBytes));
    CHECK(memory != nullptr);
    return std::memset(memory, 0, bytes);
  }
  void* memory = map_aligned(rounded(bytes, kHugePageBytes), kHugePageBytes);
  madvise(memory, rounded(bytes, kHugePageBytes), MADV_HUGEPAGE);  // a hint
  return memory;
}

void free_zeros(void* memory, size_t bytes) {
  if (memory == nullptr) return;
  if (bytes < kHugePageBytes) {
    std::free(memory);
  } else {
    munmap(memory, rounded(bytes, kHugePageBytes));
  }
}

}  // namespace quipu
