// Fields of CSV (RFC 4180). Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace quipu {

// Spreadsheets run a field that begins with = + - @ (or a tab or line end before one) as a formula.
enum class CsvTexts : uint8_t {
  exact,       // every byte of a text, as other programs need it
  no_formulas  // a ' before such a text; numbers stay
};

void append_csv_field(std::string_view text, std::string& out, CsvTexts texts = CsvTexts::exact);

}  // namespace quipu
