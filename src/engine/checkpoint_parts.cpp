#include "engine/checkpoint_parts.h"

#include <utility>

#include "base/check.h"

namespace quipu {

template <typename Part>
void CheckpointParts::add_to(std::vector<Part>& parts_of_kind, Part part) {
  std::lock_guard lock(mutex_);
  if (parts() == 0) epoch_ = part.epoch;
  CHECK_EQ(part.epoch, epoch_);
  CHECK_LT(parts(), expected_);
  parts_of_kind.push_back(std::move(part));
  changed_.notify_all();
}

void CheckpointParts::add_part(DecoderPart part) { add_to(whole_.decoders, std::move(part)); }
void CheckpointParts::add_part(ShardPart part) { add_to(whole_.shards, std::move(part)); }

bool CheckpointParts::wait(uint64_t epoch, Whole& whole) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return interrupted_ || parts() == expected_; });
  if (interrupted_) return false;
  CHECK_EQ(epoch_, epoch);
  whole = std::move(whole_);
  whole_ = {};
  return true;
}

void CheckpointParts::interrupt() {
  std::lock_guard lock(mutex_);
  interrupted_ = true;
  changed_.notify_all();
}

}  // namespace quipu
