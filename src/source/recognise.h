// What is no lines of text, told by its first bytes, so that it is named at once and nothing of it
// is read. Stateless.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // of UTF-8

// head: an input's first bytes, decompressed; a few hundred are plenty. An error that names what it
// is and how to make lines of it; none for what may be text.
Status check_is_text(std::string_view head, const std::string& name);

}  // namespace quipu
