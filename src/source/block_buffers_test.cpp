#include "source/block_buffers.h"

#include <gtest/gtest.h>

#include <thread>

namespace quipu {
namespace {

TEST(BlockBuffers, ABufferIsGivenOutAgainOnceNobodyHoldsIt) {
  BlockBuffers buffers;
  auto first = buffers.take(1000);
  auto second = buffers.take(1000);
  EXPECT_NE(first->data(), second->data());
  (*first)[0] = 'a';
  (*second)[0] = 'b';
  EXPECT_EQ((*first)[0], 'a');
  const char* const memory = first->data();
  auto also = first;
  first.reset();
  EXPECT_NE(buffers.take(1000)->data(), memory) << "it is still held";
  std::thread([held = std::move(also)]() mutable { held.reset(); }).join();
  EXPECT_EQ(buffers.take(500)->data(), memory);
  EXPECT_GE(buffers.take(1 << 20)->size(), size_t(1) << 20);
}

TEST(BlockBuffers, HaveNoEndOfTheirOwnForWhatIsHeld) {
  std::shared_ptr<std::vector<char>> held;
  {
    BlockBuffers buffers;
    held = buffers.take(100);
  }
  held->at(99) = 'x';
  held.reset();
}

TEST(BlockBuffers, KeepFewThatNobodyHolds) {
  BlockBuffers buffers;
  std::vector<std::shared_ptr<std::vector<char>>> many;
  for (size_t i = 0; i < 4 * BlockBuffers::kKept; ++i) many.push_back(buffers.take(10 + i));
  many.clear();
  size_t used_again = 0;
  for (size_t i = 0; i < 4 * BlockBuffers::kKept; ++i) {
    many.push_back(buffers.take(1));
    used_again += many.back()->size() >= 10;
  }
  EXPECT_EQ(used_again, BlockBuffers::kKept);
}

}  // namespace
}  // namespace quipu
