#include "base/stop_flag.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/check.h"

namespace quipu {

StopFlag::StopFlag() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_ >= 0); }

StopFlag::~StopFlag() { ::close(fd_); }

void StopFlag::set() noexcept {
  const int error_before = errno;  // the code that a signal interrupts may be about to read it
  set_.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  // Fails only when it was set 2^64 times: then it is readable.
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  errno = error_before;
}

}  // namespace quipu
