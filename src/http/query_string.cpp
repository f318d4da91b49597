#include "http/query_string.h"

#include "base/json_text.h"

namespace quipu {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// False: a % without two digits, or no UTF-8.
bool decode(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = text.size() - i > 2 ? hex_digit(text[i + 1]) : -1;
      const int low = text.size() - i > 2 ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return false;
      out += char(high << 4 | low);
      i += 2;
    }
  }
  return is_valid_utf8(out) && out.find('\0') == std::string::npos;
}

}  // namespace

Result<QueryParameters> read_query_string(std::string_view query) {
  QueryParameters parameters;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    std::string name, value;
    if (equals == std::string_view::npos || !decode(part.substr(0, equals), name) ||
        !decode(part.substr(equals + 1), value))
      return Error{"no NAME=VALUE in UTF-8, with %XX where needed: " + std::string(part)};
    parameters.emplace_back(std::move(name), std::move(value));
  }
  return parameters;
}

}  // namespace quipu
