#include "base/heap.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

namespace quipu {
namespace {

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * size_t(::sysconf(_SC_PAGE_SIZE));
}

TEST(Heap, WhatIsFreedLeavesTheProcess) {
#ifndef QUIPU_JEMALLOC
  GTEST_SKIP() << "built with a sanitizer's allocator";
#endif
  keep_heap_small();
  constexpr size_t kBlocks = 64 << 10, kBlockBytes = 1000;
  const size_t before = resident_bytes();
  {
    std::vector<std::unique_ptr<char[]>> blocks;
    for (size_t i = 0; i < kBlocks; ++i)
      std::memset(blocks.emplace_back(new char[kBlockBytes]).get(), 1, kBlockBytes);
    ASSERT_GT(resident_bytes(), before + kBlocks * kBlockBytes / 2);
  }
  // Nothing is allocated meanwhile, as in a process that has nothing to do.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5 * kKeptMs);
  while (resident_bytes() > before + kBlocks * kBlockBytes / 4 &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(resident_bytes(), before + kBlocks * kBlockBytes / 4);
}

}  // namespace
}  // namespace quipu
