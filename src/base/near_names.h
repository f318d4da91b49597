// Which known names a misspelt one may have meant. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quipu {

// Those of `known` that are near `name`, nearest first, at most `most`. Near: as many edits away as
// a third of the longer name, or two; or it holds the name. An edit puts in, leaves out or changes
// a character, or swaps two neighbours; the case of ASCII letters does not count. Names longer than
// 200 bytes are near nothing.
std::vector<std::string_view> near_names(std::string_view name,
                                         const std::vector<std::string>& known, size_t most);
// The nearest one, however far; none only if there is none to compare.
std::vector<std::string_view> nearest_name(std::string_view name,
                                           const std::vector<std::string>& known);

// For the end of a message: `; did you mean "a" or "b"?`, or "" without names.
std::string did_you_mean(const std::vector<std::string_view>& names);

}  // namespace quipu
