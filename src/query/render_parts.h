// What the tables and the CSV of answers share: their columns. For this folder.
#pragma once

#include <string>
#include <vector>

#include "query/answer.h"

namespace quipu {

// Of a figure that is compared with the period before: its change in percent with one decimal
// ("+12.5", rounded half away from zero); none where there was nothing before.
std::optional<std::string> percent_text(Fixed6 now, Fixed6 before);

// "day", "year": the interval of a series.
std::string series_name(const Answer& answer);

// Headings of columns: a name that is a figure's or another column's, too, says what it is of. None
// else begins with "by:" or "sum:", so no two are alike.
std::vector<std::string> column_names(const std::string& prefix,
                                      const std::vector<std::string>& names,
                                      const std::vector<std::string>& others,
                                      const std::vector<std::string>& fixed);

// Figures of entry i of a group, or of that group in the period before: a count, a unique, sums.
struct FigureOf {
  std::string name;  // "count", "unique", or a value's
  bool is_sum = false;
  std::optional<Fixed6> now, before;
};
std::vector<FigureOf> figures_at(const Answer& answer, size_t group, size_t entry);

}  // namespace quipu
