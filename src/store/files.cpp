#include "store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace quipu {

Error file_error(const std::string& doing, const std::string& path, int error_number) {
  std::string message = "cannot " + doing + " " + path + ": " + std::strerror(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT)
    message += "; free some space and run the same command again";
  return Error{std::move(message)};
}

std::string parent_of(const std::string& path) {
  std::filesystem::path p = std::filesystem::absolute(path).lexically_normal();
  if (!p.has_filename()) p = p.parent_path();  // a trailing slash
  return p.parent_path().string();
}

Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) return file_error("make the folder", path, errno);
  return sync_folder(parent_of(path));
}

}  // namespace quipu
