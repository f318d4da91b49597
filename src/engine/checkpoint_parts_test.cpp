#include "engine/checkpoint_parts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace quipu {
namespace {

DecoderPart decoder_part(uint64_t read, uint64_t epoch = 1) {
  DecoderPart part;
  part.epoch = epoch;
  part.tallies.read = read;
  part.dead_letters = std::to_string(read);
  part.names.add({TenantId(1), PropertyId(2), read, "name"});
  return part;
}
ShardPart shard_part(uint64_t counted, uint64_t epoch = 1) {
  ShardPart part;
  part.epoch = epoch;
  part.tallies.counted = counted;
  return part;
}

TEST(CheckpointParts, AreWholeWhenTheLastOneCame) {
  CheckpointParts parts(4);
  std::atomic<bool> whole{false};
  CheckpointParts::Whole got;
  std::thread writer([&] {
    EXPECT_TRUE(parts.wait(1, got));
    whole = true;
  });
  parts.add_part(decoder_part(1));
  parts.add_part(shard_part(10));
  parts.add_part(shard_part(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(whole);
  parts.add_part(decoder_part(2));
  writer.join();
  ASSERT_EQ(got.decoders.size(), 2u);
  ASSERT_EQ(got.shards.size(), 2u);
  EXPECT_EQ(got.decoders[0].tallies.read + got.decoders[1].tallies.read, 3u);
  EXPECT_EQ(got.decoders[0].dead_letters + got.decoders[1].dead_letters, "12");
  EXPECT_EQ(got.decoders[1].names.size(), 1u);
  got.decoders[1].names.each([](const NameEntry& name) { EXPECT_EQ(name.element, 2u); });
  EXPECT_EQ(got.shards[0].tallies.counted + got.shards[1].tallies.counted, 30u);
}

TEST(CheckpointParts, TheNextEpochBeginsEmpty) {
  CheckpointParts parts(2);
  CheckpointParts::Whole got;
  for (uint64_t epoch = 1; epoch <= 3; ++epoch) {
    parts.add_part(shard_part(epoch, epoch));
    parts.add_part(decoder_part(100 * epoch, epoch));
    ASSERT_TRUE(parts.wait(epoch, got));
    ASSERT_EQ(got.decoders.size(), 1u);
    ASSERT_EQ(got.shards.size(), 1u);
    EXPECT_EQ(got.decoders[0].tallies.read, 100 * epoch);
    EXPECT_EQ(got.shards[0].tallies.counted, epoch);
  }
}

TEST(CheckpointParts, AnInterruptEndsTheWaitForGood) {
  CheckpointParts parts(2);
  std::thread writer([&] {
    CheckpointParts::Whole got;
    EXPECT_FALSE(parts.wait(1, got));
  });
  parts.add_part(shard_part(1));
  parts.interrupt();
  writer.join();
  // What is whole now was interrupted: it must not be committed.
  parts.add_part(decoder_part(1));
  CheckpointParts::Whole got;
  EXPECT_FALSE(parts.wait(1, got));
}

TEST(CheckpointPartsDeath, PartsOfAnotherEpochAndOnesTooManyEndTheProcess) {
  CheckpointParts parts(2);
  parts.add_part(shard_part(1, 7));
  EXPECT_DEATH(parts.add_part(decoder_part(1, 8)), "part.epoch == epoch_");
  parts.add_part(decoder_part(1, 7));
  EXPECT_DEATH(parts.add_part(decoder_part(1, 7)), "parts\\(\\) < expected_");
  CheckpointParts::Whole got;
  EXPECT_DEATH(parts.wait(6, got), "epoch_ == epoch");
}

}  // namespace
}  // namespace quipu
