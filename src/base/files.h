// What is written is written whole, and made durable. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu {

// From where the descriptor stands. False: errno tells what failed.
bool write_all(int fd, std::string_view bytes);

// Makes the names in a folder durable. An error names it.
Status sync_folder(const std::string& path);

}  // namespace quipu
