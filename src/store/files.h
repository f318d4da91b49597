// Folders of a store. Errors carry the path and the system's reason. Any thread.
#pragma once

#include <string>

#include "base/files.h"
#include "base/result.h"

namespace quipu {

// The error of a failed system call on `path` (errno), with advice where the disk is full.
Error file_error(const std::string& doing, const std::string& path, int error_number);

Status make_folder(const std::string& path);  // mode 0700; its parent is synced. It must not exist.
std::string parent_of(const std::string& path);

}  // namespace quipu
