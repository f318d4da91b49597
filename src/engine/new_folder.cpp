#include "engine/new_folder.h"

#include <unistd.h>

#include <filesystem>

namespace quipu {

namespace fs = std::filesystem;

NewFolder::NewFolder(const std::string& folder) {
  fs::path path(folder);
  if (path.filename().empty()) path = path.parent_path();  // "name/"
  folder_ = path.string();
  std::error_code failed;
  made_here_ = !fs::exists(path, failed) && !failed;
}

bool NewFolder::may_go() const {
  if (!made_here_) return false;
  std::error_code failed;
  for (fs::directory_iterator at(folder_ + "/spool", failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->file_size(failed) > 0 || failed) return false;
  }
  return true;
}

void NewFolder::move_away() {
  const std::string to = folder_ + ".failed-" + std::to_string(::getpid());
  std::error_code failed;
  fs::rename(folder_, to, failed);
  if (!failed) away_ = to;
}

void NewFolder::remove() const {
  std::error_code ignored;
  if (!away_.empty()) fs::remove_all(away_, ignored);
}

}  // namespace quipu
