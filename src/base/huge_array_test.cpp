#include "base/huge_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace quipu {
namespace {

TEST(HugeArray, HoldsZerosOfAnySizeAndMoves) {
  for (const size_t bytes : {size_t(8), size_t(1000), kHugePageBytes - 8, kHugePageBytes,
                             kHugePageBytes + 8, 5 * kHugePageBytes}) {
    HugeArray<uint64_t> array(bytes / 8);
    ASSERT_EQ(array.size(), bytes / 8);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(array.begin()) % 64, 0u);
    ASSERT_TRUE(std::all_of(array.begin(), array.end(), [](uint64_t item) { return item == 0; }));
    array[0] = 1;
    array[array.size() - 1] = 2;
    HugeArray<uint64_t> other = std::move(array);
    ASSERT_EQ(other[other.size() - 1], 2u);
    array = HugeArray<uint64_t>(3);
    other = std::move(array);
    ASSERT_EQ(other.size(), 3u);
    ASSERT_EQ(other[0], 0u);
  }
  const HugeArray<uint64_t> none;
  EXPECT_EQ(none.size(), 0u);
}

TEST(HugeArray, MapsAlignedMemory) {
  for (const size_t alignment : {size_t(4096), kHugePageBytes}) {
    auto* memory = static_cast<uint8_t*>(map_aligned(3 * kHugePageBytes, alignment));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(memory) % alignment, 0u);
    memory[0] = memory[3 * kHugePageBytes - 1] = 1;
    free_zeros(memory, 3 * kHugePageBytes);
  }
}

}  // namespace
}  // namespace quipu
