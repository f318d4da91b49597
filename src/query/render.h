// Answers as text: an aligned table for people, JSON and CSV for programs. Pure functions, any
// thread.
#pragma once

#include <string>

#include "query/answer.h"

namespace quipu {

std::string render_table(const Answer& answer);
std::string render_json(const Answer& answer);  // one object; the fields stand in docs/formats.md
std::string render_csv(const Answer& answer);

std::string render_metrics_table(const std::vector<MetricLine>& lines);
std::string render_metrics_json(const std::vector<MetricLine>& lines);
std::string render_metrics_csv(const std::vector<MetricLine>& lines);

// A table with a heading and aligned columns; numbers (second argument: by column) to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows,
                    const std::vector<bool>& right);
std::string with_thousands(uint64_t n);  // 58,694

}  // namespace quipu
