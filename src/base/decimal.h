// Decimal numbers without floats: fixed point for sums, canonical text for elements.
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace quipu {

// A value in units of 10^-6. |value| <= 10^20, so sums of 10^12 such values fit in 128 bits.
using Fixed6 = Int128;
inline constexpr int kMaxValueDigits = 20;  // |value| <= 10^20

enum class DecimalError { none, not_a_number, too_large };
struct ParsedFixed6 {
  Fixed6 value = 0;
  bool rounded = false;  // more than six decimals: rounded half to even
  DecimalError error = DecimalError::none;
};
// `text` must be a JSON number (RFC 8259) as a whole. 1e999999999 costs nothing.
ParsedFixed6 parse_fixed6(std::string_view text);

// "10.50", "0.125", "167881": an integer without point, else at least two decimals and no further
// zeros.
std::string format_fixed6(Fixed6 value);

bool is_json_number(std::string_view text);

// Canonical text of a JSON number: see docs/plan.md, "numbers". Returns false, and leaves `out`
// alone, when the text is no JSON number or its exponent is beyond +-10^18 (it then stays as
// spelled).
bool canonical_number(std::string_view text, std::string& out);

}  // namespace quipu
