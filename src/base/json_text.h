// Writing JSON text. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quipu {

// Length of the well-formed UTF-8 sequence (RFC 3629) that `text`, not empty, begins with; or 0.
size_t utf8_length(std::string_view text);
bool is_valid_utf8(std::string_view text);

// Appends `text` as a JSON string with quotes. Bytes that are no UTF-8 become U+FFFD, one for each.
void append_json_string(std::string_view text, std::string& out);

std::string json_string(std::string_view text);  // the same, on its own

// Standard base64 with padding (RFC 4648, section 4).
std::string base64(std::string_view bytes);

}  // namespace quipu
