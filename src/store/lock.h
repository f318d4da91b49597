// The lock of a store: an exclusive flock on the file `lock` in its folder, taken before anything
// of the database is touched (RocksDB moves its log aside before it looks for its own lock, so that
// two that open it at once may each see half of it). The file holds the holder's process id and a
// newline, for messages; it stays when the lock is given back, which happens at the latest when the
// process ends. Any thread; a second lock in one process is refused like another process's.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace quipu {

class StoreLock {
 public:
  // nullopt: somebody else holds it. An error: the file cannot be made or locked.
  static Result<std::optional<StoreLock>> take(const std::string& folder);
  // Who holds it, for a message: "process 123", or "another process" where that cannot be read.
  static std::string holder(const std::string& folder);

  StoreLock(StoreLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  StoreLock& operator=(StoreLock&&) = delete;
  ~StoreLock();

 private:
  explicit StoreLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace quipu
