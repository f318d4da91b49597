// Klaviyo's filter grammar, as its clients and code in the wild write it: calls such as
// greater-or-equal(datetime,2026-03-01T00:00:00), not(equals($flow,"")), any(URL,["a","b"]), one or
// several in a text, with commas or and(...) around them; texts in either kind of quotes. A pure
// function, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu {

inline constexpr size_t kMaxFilterCalls = 100;
inline constexpr size_t kMaxFilterDepth = 8;  // of not( and and(

// One condition; all of them must hold.
struct KlaviyoCondition {
  std::string call;  // "equals", "any", "greater-or-equal" ...
  bool negated = false;
  std::string field;
  std::vector<std::string> values;  // without their quotes
};

// Adds the conditions of one text. An error says what is wrong where.
Status read_klaviyo_filter(std::string_view text, std::vector<KlaviyoCondition>& conditions);

}  // namespace quipu
