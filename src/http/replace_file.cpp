#include "http/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/files.h"

namespace quipu {
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
  const bool good = fd >= 0 && give_to_owner(fd, folder) && write_all(fd, bytes) &&
                    ::fsync(fd) == 0 && ::rename(fresh.c_str(), path.c_str()) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!good) return Error{path + ": cannot be written: " + std::strerror(error)};
  return sync_folder(folder);
}

}  // namespace quipu
