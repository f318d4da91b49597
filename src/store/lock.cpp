#include "store/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "store/files.h"

namespace quipu {
namespace {

std::string path_of(const std::string& folder) { return folder + "/lock"; }

}  // namespace

Result<std::optional<StoreLock>> StoreLock::take(const std::string& folder) {
  const std::string path = path_of(folder);
  StoreLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.fd_ < 0) return file_error("open", path, errno);
  int locked;
  do {
    locked = ::flock(lock.fd_, LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0 && errno == EWOULDBLOCK) return std::optional<StoreLock>();
  if (locked != 0) return file_error("lock", path, errno);
  // The number is a help for people: on a full disk the lock is as good without it.
  const std::string number = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.fd_, 0) == 0) {
    [[maybe_unused]] const ssize_t n = ::pwrite(lock.fd_, number.data(), number.size(), 0);
  }
  return std::optional<StoreLock>(std::move(lock));
}

std::string StoreLock::holder(const std::string& folder) {
  char text[24];
  const int fd = ::open(path_of(folder).c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t n = fd < 0 ? 0 : ::pread(fd, text, sizeof text, 0);
  if (fd >= 0) ::close(fd);
  const std::string line(text, size_t(std::max<ssize_t>(n, 0)));
  const size_t digits = line.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || line[digits] != '\n') return "another process";
  return "process " + line.substr(0, digits);
}

StoreLock::~StoreLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace quipu
