#include "plan/normalise.h"

#include <algorithm>

#include "base/decimal.h"

namespace quipu {
namespace {

bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

// With an exponent a string stays text: hexadecimal ids such as "0e82703583" are no numbers.
bool string_is_number(std::string_view text, std::string& scratch) {
  return text.find_first_of("eE") == std::string_view::npos && canonical_number(text, scratch);
}

}  // namespace

std::string_view trim_ascii(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ascii_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view canonical_text(std::string_view text, std::string& scratch) {
  return string_is_number(text, scratch) ? std::string_view(scratch) : text;
}

std::string_view canonical_field(std::string_view text, bool trim, bool lowercase,
                                 std::string& scratch) {
  if (trim) text = trim_ascii(text);
  if (string_is_number(text, scratch)) return scratch;
  if (!lowercase || std::none_of(text.begin(), text.end(), is_upper)) return text;
  scratch.assign(text);
  for (char& c : scratch) c = is_upper(c) ? char(c - 'A' + 'a') : c;
  return scratch;
}

}  // namespace quipu
