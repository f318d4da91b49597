#include "engine/checkpoint_parts.h"

namespace quipu {

void CheckpointParts::add_part(DecoderPart part) {
  std::lock_guard lock(mutex_);
  whole_.decoders.push_back(std::move(part));
  changed_.notify_all();
}

void CheckpointParts::add_part(ShardPart part) {
  std::lock_guard lock(mutex_);
  whole_.shards.push_back(std::move(part));
  changed_.notify_all();
}

bool CheckpointParts::wait(Whole& whole) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return interrupted_ || whole_.decoders.size() + whole_.shards.size() == expected_;
  });
  if (interrupted_) return false;
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
