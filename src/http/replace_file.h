// Writing a small file anew so that it is either the old or the new one, whatever crashes: beside
// the old one, synced, renamed, and the folder synced. Mode 0600. Any thread; one writer a path.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu {

std::string folder_of(const std::string& path);
// What root makes in a folder of somebody else's is theirs, so that a server of theirs can use it.
// False: errno tells why not.
bool give_to_owner(int fd, const std::string& folder);
Status replace_file(const std::string& path, std::string_view bytes);

}  // namespace quipu
