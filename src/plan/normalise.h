// Canonical text of scalars (decisions 10, 11): the one rule for properties, tenant, metric,
// profile, id. Pure functions, any thread; `scratch` holds the result when it differs from the
// input.
#pragma once

#include <string>
#include <string_view>

namespace quipu {

std::string_view trim_ascii(std::string_view text);
// A string's canonical text: itself, or the canonical number if all of it is a JSON number without
// exponent. Not for numbers of a line: those go through canonical_number, with any exponent.
std::string_view canonical_text(std::string_view text, std::string& scratch);
// With trim and lowercase first, as a Field asks.
std::string_view canonical_field(std::string_view text, bool trim, bool lowercase,
                                 std::string& scratch);

}  // namespace quipu
