// The page that a server shows to people: files that need no key, for there is nothing of anybody's
// in them; what they show they ask for with the reader's key. A strict Content-Security-Policy lets
// them load nothing from elsewhere and run nothing that is not a file of theirs. Pure, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "http/response.h"

namespace quipu {

// `/`, `/assets/NAME`, and the OpenAPI document; nothing for other paths.
std::optional<Response> page_file(std::string_view path);

}  // namespace quipu
