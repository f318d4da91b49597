#include "http/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace quipu {
namespace {

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(size_t(n));
  }
  return true;
}

}  // namespace

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool give_to_owner(int fd, const std::string& folder) {
  struct stat info {};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &info) != 0 || info.st_uid == 0) return true;
  return ::fchown(fd, info.st_uid, info.st_gid) == 0;
}

Status replace_file(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new", folder = folder_of(path);
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good = fd >= 0 && give_to_owner(fd, folder) && write_all(fd, bytes) && ::fsync(fd) == 0;
  int error = errno;
  if (fd >= 0) ::close(fd);
  if (good) {
    const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    good = folder_fd >= 0 && ::rename(fresh.c_str(), path.c_str()) == 0 && ::fsync(folder_fd) == 0;
    error = errno;
    if (folder_fd >= 0) ::close(folder_fd);
  }
  return good ? Status() : Status(Error{path + ": cannot be written: " + std::strerror(error)});
}

}  // namespace quipu
