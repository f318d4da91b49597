// Names and values as people are shown them and write them back. A label is the text itself, or, if
// that could be mistaken for another, the text in quotes with escapes; so two texts never have one
// label, and `--where` understands every label but that of the empty value. Pure functions, any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quipu {

inline constexpr char kEmptyLabel[] = "(none)";  // of the empty value, which is written as nothing

// In quotes: "(none)"; what begins or ends with a blank or begins with a quote; what holds `|`, or
// a backslash before `|` or a backslash; what holds characters that are not printed (base/
// printable.h), or any of `special`. Within quotes: \" \\ \x09 \u009b.
std::string label_of(std::string_view text, std::string_view special = "");
// The same in quotes in any case.
std::string quoted_label(std::string_view text);
// The text of a label in quotes that `text` begins with, and its length in bytes; none if its
// quotes or escapes are not whole.
struct QuotedText {
  std::string text;
  size_t length = 0;
};
std::optional<QuotedText> read_quoted_label(std::string_view text);

}  // namespace quipu
