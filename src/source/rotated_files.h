// The files that a log's rotation leaves beside it, told by their names. Stateless.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/held_file.h"

namespace quipu {

inline constexpr size_t kMostRotatedFiles = 64;  // that are looked at: the newest

// Whether `name` is what a rotation makes of `log`. Of app.log these are app.log.1, app.log.old,
// app.log-20260305, app.log.2026-03-05, app-2026-03-05.log, app.1.log, each also with .gz or .zst
// behind it. Of a name with digits also those that differ in nothing else.
bool is_rotated_name(const std::string& log, const std::string& name);

struct RotatedFile {
  std::string path;
  FileId id;
  uint64_t size = 0;
  int64_t changed_ns = 0;
};

// Those of a path, and where it is a link those beside the file that it leads to; without the path
// itself, and without what is being compressed, for its old form is still there. The oldest first.
Result<std::vector<RotatedFile>> rotated_files_of(const std::string& path);

}  // namespace quipu
