// Writing a small file anew so that it is either the old or the new one, whatever crashes: beside
// the old one, synced, renamed, and the folder synced. Mode 0600. Any thread; one writer a path.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu {

Status replace_file(const std::string& path, std::string_view bytes);

}  // namespace quipu
