// Texts from outside (names, values, paths) as people may be shown them. A terminal obeys control
// characters: without this, whoever sends an event could move an operator's cursor or write to the
// clipboard. For people only: the result does not say whether the text held an escape or looked
// like one. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quipu {

// On one line: control characters, DEL and bytes that are no UTF-8 as \x1b, U+0080 to U+009F
// (controls too) as \u009b. Longer than `most_bytes`, it is cut between characters and ends in
// "...".
std::string printable(std::string_view text, size_t most_bytes = std::string_view::npos);

// The same of a message, whose line ends and tabs stay.
std::string printable_lines(std::string_view text);

}  // namespace quipu
