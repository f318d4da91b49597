#include "base/printable.h"

#include <cstdint>

#include "base/json_text.h"

namespace quipu {
namespace {

std::string escaped(const char* prefix, uint8_t byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  return std::string(prefix) + kHex[byte >> 4] + kHex[byte & 15];
}

// Appends the first character of `text`, which is not empty; its length in bytes.
size_t append_printable(std::string_view text, std::string& out) {
  const size_t n = utf8_length(text);
  const uint8_t first = uint8_t(text[0]);
  if (n == 0 || first < 0x20 || first == 0x7f) {
    out += escaped("\\x", first);
    return 1;
  }
  if (n == 2 && first == 0xc2 && uint8_t(text[1]) < 0xa0) {
    out += escaped("\\u00", uint8_t(text[1]));
  } else {
    out += text.substr(0, n);
  }
  return n;
}

}  // namespace

std::string printable(std::string_view text, size_t most_bytes) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t n = std::max<size_t>(1, utf8_length(text.substr(at)));
    if (at + n > most_bytes) return out + "...";
    at += append_printable(text.substr(at), out);
  }
  return out;
}

std::string printable_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t n = 1;
    if (text[0] == '\n' || text[0] == '\t') {
      out += text[0];
    } else {
      n = append_printable(text, out);
    }
    text.remove_prefix(n);
  }
  return out;
}

}  // namespace quipu
