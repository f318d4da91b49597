#include "query/render_parts.h"

#include <algorithm>

#include "query/buckets.h"

namespace quipu {
namespace {

constexpr Fixed6 kMostCompared = Fixed6(1) << 110;  // beyond it the products below could overflow

Fixed6 size_of(Fixed6 value) { return value < 0 ? -value : value; }

}  // namespace

std::optional<std::string> percent_text(Fixed6 now, Fixed6 before) {
  const Fixed6 base = size_of(before), change = size_of(now - before);
  if (base == 0 || base > kMostCompared || change > kMostCompared) return std::nullopt;
  const Fixed6 tenths = (change * 2000 + base) / (2 * base);
  const char* sign = tenths == 0 ? "" : now < before ? "-" : "+";
  std::string whole = format_fixed6(tenths / 10 * 1000000);
  return sign + whole + "." + char('0' + int(tenths % 10));
}

std::string series_name(const Answer& a) {
  return a.years ? "year" : a.interval ? interval_name(*a.interval) : "";
}

std::vector<std::string> column_names(const std::string& prefix,
                                      const std::vector<std::string>& names,
                                      const std::vector<std::string>& others,
                                      const std::vector<std::string>& fixed) {
  std::vector<std::string> columns;
  for (const std::string& name : names) {
    const bool taken = std::find(others.begin(), others.end(), name) != others.end() ||
                       std::find(fixed.begin(), fixed.end(), name) != fixed.end() ||
                       name.rfind("by:", 0) == 0 || name.rfind("sum:", 0) == 0;
    columns.push_back(taken ? prefix + name : name);
  }
  return columns;
}

std::vector<FigureOf> figures_at(const Answer& a, size_t group, size_t entry) {
  const Group& now = a.groups[group];
  const Group* before = a.previous ? &a.previous->groups[group] : nullptr;
  std::vector<FigureOf> figures{{"count", false, Fixed6(now.count[entry]), {}}};
  if (before) figures[0].before = Fixed6(before->count[entry]);
  FigureOf unique{"unique", false, {}, {}};
  if (a.has_unique) unique.now = Fixed6(now.unique[entry]);
  if (before && a.previous->has_unique) unique.before = Fixed6(before->unique[entry]);
  figures.push_back(std::move(unique));
  for (size_t v = 0; v < a.values.size(); ++v) {
    FigureOf sum{a.values[v], true, now.sums[v][entry], {}};
    if (before && a.previous->has_sums) sum.before = before->sums[v][entry];
    figures.push_back(std::move(sum));
  }
  return figures;
}

}  // namespace quipu
