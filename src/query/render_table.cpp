// Answers as a table for people.
#include <algorithm>
#include <numeric>

#include "base/printable.h"
#include "query/label.h"
#include "query/render.h"
#include "query/render_parts.h"
#include "query/whole.h"

namespace quipu {
namespace {

// Code points, as a terminal shows them (wide and combining characters apart).
size_t shown_width(const std::string& text) {
  return size_t(
      std::count_if(text.begin(), text.end(), [](char c) { return (uint8_t(c) & 0xC0) != 0x80; }));
}

// A label as a terminal has room for it.
std::string cut_label(std::string label, const TableStyle& style) {
  if (!style.terminal || shown_width(label) <= kMaxShownLabel) return label;
  size_t end = 0, points = 0;
  for (; end < label.size() && points < kMaxShownLabel - 1; ++points) {
    do ++end;
    while (end < label.size() && (uint8_t(label[end]) & 0xC0) == 0x80);
  }
  return label.substr(0, end) + "…";
}

std::string with_commas(std::string text) {
  const size_t begin = text[0] == '-' ? 1 : 0;
  size_t point = std::min(text.find('.'), text.size());
  while (point > begin + 3) text.insert(point -= 3, ",");
  return text;
}

std::string figure_text(const std::optional<Fixed6>& value, bool is_sum) {
  if (!value) return "-";
  return with_commas(format_fixed6(is_sum ? *value : *value * 1000000));
}

std::string short_bucket(const Answer& a, size_t i) {
  const std::string& b = a.buckets[i];
  if (a.years) return b.substr(0, 4);
  if (a.interval == Interval::hour) return b.substr(0, 16) + b.substr(19);
  if (a.interval == Interval::month) return b.substr(0, 7);
  return b.substr(0, 10);
}

std::string title_of(const Answer& a) {
  std::string title = label_of(a.question.metric, ",") + (a.group ? " (together)" : "");
  for (const Filter& f : a.question.where) {
    title += ", " + label_of(f.property, ",");
    if (f.kind == Filter::Kind::not_empty) title += " not empty";
    if (f.kind == Filter::Kind::prefix) title += " begins with ";
    if (f.kind == Filter::Kind::none_of) title += " not ";
    if (f.kind == Filter::Kind::any_of) title += " ";
    for (size_t i = 0; i < f.values.size(); ++i)
      title += (i ? "|" : "") + label_of(f.values[i], ",");
  }
  if (a.question.tenants == TenantsAsked::total) title += ", all tenants";
  title += ", " + a.range_text;
  if (a.previous) title += ", previous: " + a.previous->range_text;
  if (a.lifetime) return title;
  return title + ", " + printable(a.calendar.name) +
         (a.calendar.name == a.calendar.zone ? "" : " (" + a.calendar.zone + ")");
}

// As many eighths of kChartWidth as the count is of the most.
std::string bar(uint64_t count, uint64_t most) {
  static const char* const kParts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (count == 0 || most == 0) return "";
  const uint64_t eighths =
      std::max<uint64_t>(1, uint64_t(static_cast<long double>(count) /
                                     static_cast<long double>(most) * (kChartWidth * 8)));
  std::string text;
  for (uint64_t i = 0; i < eighths / 8; ++i) text += "█";
  return text + kParts[eighths % 8];
}

// A character a bucket; a dot where nothing was counted.
std::string sparkline(const std::vector<uint64_t>& counts) {
  static const char* const kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const uint64_t most = *std::max_element(counts.begin(), counts.end());
  std::string text;
  for (uint64_t count : counts) {
    const auto height =
        count == 0 ? 0
                   : size_t(static_cast<long double>(count) / static_cast<long double>(most) * 7);
    text += count == 0 ? "·" : kHeights[std::min<size_t>(height, 7)];
  }
  return text;
}

struct Table {
  std::vector<std::vector<std::string>> rows{1};
  std::vector<bool> right;
  size_t in_all = 0;  // rows, with those that a terminal has no room for

  void column(const std::string& name, bool is_right) {
    rows[0].push_back(name);
    right.push_back(is_right);
  }
};

void name_columns(const Answer& a, bool with_buckets, Table& table) {
  const std::vector<std::string>& by = a.question.by;
  std::vector<std::string> fixed{"count", "unique", "previous", "change", "%"};
  if (with_buckets) fixed.push_back(series_name(a));
  const bool each = a.question.tenants == TenantsAsked::each;
  if (each) fixed.push_back("tenant"), table.column("tenant", false);
  for (const std::string& name : column_names("by:", by, a.values, fixed))
    table.column(label_of(name), false);
  if (with_buckets) table.column(series_name(a), false);
  std::vector<std::string> figures{"count"};
  if (a.unique_planned) figures.push_back("unique");
  for (const std::string& name : column_names("sum:", a.values, by, fixed))
    figures.push_back(label_of(name));
  for (const std::string& name : figures) {
    table.column(name, true);
    if (!a.previous) continue;
    for (const char* compared : {"previous", "change", "%"}) table.column(compared, true);
  }
}

void add_names(const Answer& a, const Group& g, const TableStyle& style,
               std::vector<std::string>& row) {
  if (a.question.tenants == TenantsAsked::each) row.push_back(cut_label(label_of(g.tenant), style));
  for (const std::string& text : g.by) row.push_back(cut_label(label_of(text), style));
}

void add_figures(const Answer& a, size_t group, size_t entry, std::vector<std::string>& row) {
  for (const FigureOf& f : figures_at(a, group, entry)) {
    if (!f.is_sum && f.name == "unique" && !a.unique_planned) continue;
    row.push_back(figure_text(f.now, f.is_sum));
    if (!a.previous) continue;
    row.push_back(figure_text(f.before, f.is_sum));
    const bool both = f.now && f.before;
    const std::string change =
        both ? figure_text(Fixed6(*f.now - *f.before), f.is_sum) : std::string("-");
    row.push_back((both && *f.now > *f.before ? "+" : "") + change);
    row.push_back(both ? percent_text(*f.now, *f.before).value_or("-") : "-");
  }
}

// A row a group and bucket.
Table rows_of(const Answer& a, const TableStyle& style) {
  const bool series = a.is_series() && a.buckets.size() > 1;
  Table table;
  name_columns(a, series, table);
  if (style.chart) table.column("", false);
  uint64_t most = 0;
  for (const Group& g : a.groups)
    most = std::max(most, *std::max_element(g.count.begin(), g.count.end()));
  for (size_t n = 0; n < a.groups.size(); ++n) {
    const Group& g = a.groups[n];
    for (size_t i = 0; i < g.count.size(); ++i) {
      if (++table.in_all > kTerminalRows && style.terminal && !a.question.limit) continue;
      std::vector<std::string> row;
      add_names(a, g, style, row);
      if (series) {
        const bool is_partial = std::find(a.partial.begin(), a.partial.end(), i) != a.partial.end();
        row.push_back(short_bucket(a, i) + (is_partial ? " (partial)" : ""));
      }
      add_figures(a, n, i, row);
      if (style.chart) row.push_back(bar(g.count[i], most));
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

// A row a group: its count over all buckets, and their course.
Table courses_of(const Answer& a, const TableStyle& style) {
  Table table;
  std::vector<std::string> fixed{"count", "most"};
  const bool each = a.question.tenants == TenantsAsked::each;
  if (each) fixed.push_back("tenant"), table.column("tenant", false);
  for (const std::string& name : column_names("by:", a.question.by, {}, fixed))
    table.column(label_of(name), false);
  table.column("count", true);
  table.column("most", true);
  table.column(short_bucket(a, 0) + " .. " + short_bucket(a, a.buckets.size() - 1), false);
  for (const Group& g : a.groups) {
    if (++table.in_all > kTerminalRows && style.terminal && !a.question.limit) continue;
    std::vector<std::string> row;
    add_names(a, g, style, row);
    row.push_back(with_thousands(std::accumulate(g.count.begin(), g.count.end(), uint64_t(0))));
    row.push_back(with_thousands(*std::max_element(g.count.begin(), g.count.end())));
    row.push_back(sparkline(g.count));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

std::string with_thousands(uint64_t n) { return with_commas(std::to_string(n)); }

std::string aligned(const std::vector<std::vector<std::string>>& rows,
                    const std::vector<bool>& right) {
  std::vector<size_t> widths(right.size());
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], shown_width(row[c]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string pad(widths[c] - shown_width(row[c]), ' ');
      line += (c ? "  " : "") + (right[c] ? pad + row[c] : row[c] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string render_table(const Answer& a, const TableStyle& style) {
  const bool named = !a.question.by.empty() || a.question.tenants == TenantsAsked::each;
  const bool courses = style.chart && named && a.is_series() && a.buckets.size() > 1 &&
                       a.buckets.size() <= kMaxSparkline && !a.groups.empty();
  const Table table = courses ? courses_of(a, style) : rows_of(a, style);
  std::string out = title_of(a) + "\n" + aligned(table.rows, table.right);
  if (table.rows.size() - 1 < table.in_all) {
    out += "(the first " + std::to_string(table.rows.size() - 1) + " of " +
           with_thousands(table.in_all) +
           " rows: --limit N for the first groups, | less for all)\n";
  } else if (a.groups.size() < a.groups_in_all) {
    out += "(" + std::to_string(a.groups.size()) + " of " + with_thousands(a.groups_in_all) +
           " groups)\n";
  }
  if (a.groups.empty()) out += "(nothing counted)\n";
  if (!a.figures.empty() && !a.figures[0].partial.empty())
    out += "partial: counted only " + spans_text(a.figures[0].since) + "\n";
  if (a.previous && !a.previous->partial.empty())
    out += "partial: the period before was not counted whole\n";
  if (a.counted_in_several_groups) out += "some events count in several groups\n";
  for (const std::string& note : a.notes) out += printable(note) + "\n";
  return out;
}

}  // namespace quipu
