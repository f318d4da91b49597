#include "query/label.h"

#include "base/printable.h"

namespace quipu {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Whether --where would read it as something else.
bool is_syntax(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '|') return true;
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\\') return true;
  }
  return false;
}

// The number in `digits` hexadecimal digits; -1 if they are not there.
int hexadecimal(std::string_view text, size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (char c : text.substr(0, digits)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return -1;
    number = number * 16 + digit;
  }
  return number;
}

// Reads what stands behind a backslash into `out`; its length, or 0 if it is no escape.
size_t read_escape(std::string_view text, std::string& out) {
  if (text.empty()) return 0;
  if (text[0] == '"' || text[0] == '\\') {
    out += text[0];
    return 1;
  }
  if (text[0] == 'x') {
    const int byte = hexadecimal(text.substr(1), 2);
    if (byte < 0) return 0;
    out += char(byte);
    return 3;
  }
  // Of these only U+0080 to U+009F are ever written.
  if (text[0] != 'u') return 0;
  const int point = hexadecimal(text.substr(1), 4);
  if (point < 0x80 || point > 0x9f) return 0;
  out += char(0xc2);
  out += char(point);
  return 5;
}

}  // namespace

std::string quoted_label(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return '"' + printable(escaped) + '"';
}

std::string label_of(std::string_view text, std::string_view special) {
  if (text.empty()) return kEmptyLabel;
  const bool plain = text != kEmptyLabel && text[0] != '"' && !is_blank(text.front()) &&
                     !is_blank(text.back()) && !is_syntax(text) &&
                     text.find_first_of(special) == std::string_view::npos &&
                     printable(text) == text;
  return plain ? std::string(text) : quoted_label(text);
}

std::optional<QuotedText> read_quoted_label(std::string_view text) {
  if (text.empty() || text[0] != '"') return std::nullopt;
  QuotedText read;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      read.length = i + 1;
      return read;
    }
    if (text[i] != '\\') {
      read.text += text[i];
      continue;
    }
    const size_t length = read_escape(text.substr(i + 1), read.text);
    if (length == 0) return std::nullopt;
    i += length;
  }
  return std::nullopt;
}

}  // namespace quipu
