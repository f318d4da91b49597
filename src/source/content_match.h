// Which known contents an input's content is, goes on from, or begins alike.
#pragma once

#include <optional>

#include "source/input.h"
#include "source/known_inputs.h"

namespace quipu {

struct ContentMatch {
  // The input begins with all that was counted of this one; of several, the furthest.
  std::optional<KnownContent> goes_on;
  // The input and this one share at least half the lines of the shorter of both (within the first
  // 64 KiB), but the input does not begin with all that was counted of it.
  std::optional<KnownContent> alike;
  uint64_t alike_lines = 0;  // that they share, at least
};

// Reads no more of the input than known content begins as it does; so standard input is waited for
// only while it may be a known one.
Result<ContentMatch> match_content(const Input& input, KnownInputs& known);

}  // namespace quipu
