// How many newlines a text has. Searches for one after the other: for lines of some hundred bytes,
// as events are, several times as fast as a count of bytes that is not built for one machine.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quipu {

inline uint64_t count_newlines(std::string_view text) {
  uint64_t n = 0;
  for (size_t at = 0; (at = text.find('\n', at)) != std::string_view::npos; ++at) ++n;
  return n;
}

}  // namespace quipu
