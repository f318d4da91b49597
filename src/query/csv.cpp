#include "query/csv.h"

namespace quipu {

void append_csv_field(std::string_view text, std::string& out, CsvTexts texts) {
  const bool formula = texts == CsvTexts::no_formulas && !text.empty() &&
                       std::string_view("=+-@\t\r\n").find(text[0]) != std::string_view::npos;
  const bool quotes = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quotes) out += '"';
  if (formula) out += '\'';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  if (quotes) out += '"';
}

}  // namespace quipu
