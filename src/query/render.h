// Answers as text: an aligned table for people, JSON and CSV for programs. Pure functions, any
// thread.
#pragma once

#include <string>

#include "query/answer.h"
#include "query/csv.h"

namespace quipu {

// What a table is shown on. A terminal gets the first rows and the beginning of long values, with a
// word on the rest; a file, or another program, gets everything.
struct TableStyle {
  bool terminal = false;
  bool chart = false;  // bars beside the counts; of grouped series, a line each with its course
};
inline constexpr size_t kTerminalRows = 40;   // unless --limit says how many groups
inline constexpr size_t kMaxShownLabel = 40;  // characters of a value on a terminal
inline constexpr size_t kChartWidth = 24;
inline constexpr size_t kMaxSparkline = 120;     // buckets; more are shown as rows
inline constexpr size_t kMaxCountersText = 100;  // bytes, in the list of metrics

std::string render_table(const Answer& answer, const TableStyle& style = {});
std::string render_json(const Answer& answer);  // one object; the fields stand in docs/formats.md
// A line of JSON for each group and bucket.
std::string render_ndjson(const Answer& answer);
std::string render_csv(const Answer& answer, CsvTexts texts = CsvTexts::exact);

std::string render_metrics_table(const std::vector<MetricLine>& lines);
std::string render_metrics_json(const std::vector<MetricLine>& lines);
std::string render_metrics_csv(const std::vector<MetricLine>& lines);

std::string render_counters_table(const std::vector<CounterLine>& lines);
std::string render_counters_json(const std::vector<CounterLine>& lines);
std::string render_counters_csv(const std::vector<CounterLine>& lines);

std::string render_tenants_table(const std::vector<TenantLine>& lines);
std::string render_tenants_json(const std::vector<TenantLine>& lines);
std::string render_tenants_csv(const std::vector<TenantLine>& lines);

// A table with a heading and aligned columns; numbers (second argument: by column) to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows,
                    const std::vector<bool>& right);
std::string with_thousands(uint64_t n);  // 58,694

}  // namespace quipu
