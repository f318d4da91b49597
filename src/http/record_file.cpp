#include "http/record_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace quipu {
namespace {

std::string system_error() { return std::strerror(errno); }

}  // namespace

FileStamp stamp_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec};
}

Result<std::vector<std::string>> read_private_lines(const std::string& path) {
  std::vector<std::string> lines;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return lines;
    return Error{path + ": cannot be read: " + system_error()};
  }
  if (info.st_mode & 077) return Error{path + ": others can read or write it; chmod 600 " + path};
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{path + ": cannot be read: " + system_error()};
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

Status with_lock(const std::string& path, const std::function<Status()>& work) {
  const std::string lock = path + ".lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || !give_to_owner(fd, folder_of(path))) {
    const std::string error = system_error();
    if (fd >= 0) ::close(fd);
    return Error{lock + ": cannot be made: " + error};
  }
  while (::flock(fd, LOCK_EX) != 0 && errno == EINTR) {
  }
  Status status = work();
  ::close(fd);
  return status;
}

std::string_view cut_field(std::string_view& line) {
  const size_t tab = line.find('\t');
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
  return field;
}

}  // namespace quipu
