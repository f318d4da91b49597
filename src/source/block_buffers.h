// Buffers for blocks, used over and over: one that its block no longer needs is given out again,
// with its memory and what stood in it. take(): one thread; a buffer may be let go by any thread,
// also after the BlockBuffers is gone.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace quipu {

class BlockBuffers {
 public:
  static constexpr size_t kKept = 8;  // buffers that wait to be used again, at most

  // Of at least so many bytes, which are anything.
  std::shared_ptr<std::vector<char>> take(size_t bytes) {
    std::unique_ptr<std::vector<char>> buffer = waiting_->take();
    if (!buffer) buffer = std::make_unique<std::vector<char>>();
    if (buffer->size() < bytes) buffer->resize(bytes);
    return {buffer.release(), [waiting = waiting_](std::vector<char>* done) {
              waiting->give(std::unique_ptr<std::vector<char>>(done));
            }};
  }

 private:
  class Waiting {
   public:
    std::unique_ptr<std::vector<char>> take() {
      std::lock_guard lock(mutex_);
      if (buffers_.empty()) return nullptr;
      auto buffer = std::move(buffers_.back());
      buffers_.pop_back();
      return buffer;
    }
    void give(std::unique_ptr<std::vector<char>> buffer) {
      std::lock_guard lock(mutex_);
      if (buffers_.size() < kKept) buffers_.push_back(std::move(buffer));
    }

   private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<std::vector<char>>> buffers_;
  };
  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

}  // namespace quipu
