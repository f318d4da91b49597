#include "query/render.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/printable.h"
#include "query/label.h"
#include "query/whole.h"

namespace quipu {
namespace {

// Code points, as a terminal shows them (wide and combining characters apart).
size_t shown_width(const std::string& text) {
  return size_t(
      std::count_if(text.begin(), text.end(), [](char c) { return (uint8_t(c) & 0xC0) != 0x80; }));
}

std::string sum_for_people(Fixed6 value) {
  std::string text = format_fixed6(value);
  const size_t begin = text[0] == '-' ? 1 : 0;
  size_t point = std::min(text.find('.'), text.size());
  while (point > begin + 3) text.insert(point -= 3, ",");
  return text;
}

std::string quoted(const std::string& text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

// Headings of columns: a name that is a figure's or another column's, too, says what it is of. None
// else begins with "by:" or "sum:", so no two are alike.
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

// The figures that have not all of entry i, as a JSON list; nothing if all have.
std::string partial_text(const Answer& a, size_t i) {
  std::string list;
  for (const Answer::ShownFigure& f : a.figures) {
    if (std::find(f.partial.begin(), f.partial.end(), i) != f.partial.end())
      list += (list.empty() ? "" : ",") + quoted(f.name);
  }
  return list.empty() ? list : "[" + list + "]";
}

std::string time_text(int64_t s) { return s ? "\"" + format_instant(s, 0) + "\"" : "null"; }

std::string short_bucket(const Answer& a, size_t i) {
  const std::string& b = a.buckets[i];
  if (a.interval == Interval::hour) return b.substr(0, 16) + b.substr(19);
  if (a.interval == Interval::month) return b.substr(0, 7);
  return b.substr(0, 10);
}

template <typename T, typename F>
std::string join(const std::vector<T>& items, F text) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) out += (i ? "," : "") + text(items[i]);
  return out;
}

std::string spans_json(const std::vector<SinceSpan>& spans) {
  return "[" +
         join(spans,
              [](const SinceSpan& s) {
                return "[" + time_text(s.from_time_s) + "," + time_text(s.to_time_s) + "]";
              }) +
         "]";
}

std::string buckets_json(const Answer& a, const std::vector<size_t>& entries) {
  if (a.lifetime) return entries.empty() ? "[]" : "[\"lifetime\"]";
  return "[" + join(entries, [&](size_t i) { return quoted(a.buckets[i]); }) + "]";
}

std::string figures_json(const Answer& a) {
  return "{" +
         join(a.figures,
              [&](const Answer::ShownFigure& f) {
                return quoted(f.name) + ":{\"since\":" + spans_json(f.since) +
                       ",\"partial\":" + buckets_json(a, f.partial) + "}";
              }) +
         "}";
}

std::string title_of(const Answer& a) {
  std::string title = label_of(a.question.metric, ",") + (a.group ? " (together)" : "");
  for (const Filter& f : a.question.where) {
    title += ", " + label_of(f.property, ",");
    if (f.kind == Filter::Kind::not_empty) title += " not empty";
    if (f.kind != Filter::Kind::not_empty) title += f.kind == Filter::Kind::none_of ? " not " : " ";
    for (size_t i = 0; i < f.values.size(); ++i)
      title += (i ? "|" : "") + label_of(f.values[i], ",");
  }
  title += ", " + a.range_text;
  if (a.lifetime) return title;
  return title + ", " + printable(a.calendar.name) +
         (a.calendar.name == a.calendar.zone ? "" : " (" + a.calendar.zone + ")");
}

}  // namespace

std::string with_thousands(uint64_t n) {
  std::string text = std::to_string(n);
  for (size_t point = text.size(); point > 3;) text.insert(point -= 3, ",");
  return text;
}

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

std::string render_table(const Answer& a) {
  const bool series = a.interval && a.buckets.size() > 1;
  const std::vector<std::string>& by = a.question.by;
  std::vector<std::string> fixed{"count", "unique"};
  if (series) fixed.push_back(interval_name(*a.interval));
  std::vector<std::vector<std::string>> rows(1);
  std::vector<bool> right;
  auto column = [&](const std::string& name, bool is_right) {
    rows[0].push_back(label_of(name));
    right.push_back(is_right);
  };
  for (const std::string& name : column_names("by:", by, a.values, fixed)) column(name, false);
  if (series) column(interval_name(*a.interval), false);
  column("count", true);
  column("unique", true);
  for (const std::string& name : column_names("sum:", a.values, by, fixed)) column(name, true);
  for (const Group& g : a.groups) {
    for (size_t i = 0; i < g.count.size(); ++i) {
      if (series && !by.empty() && g.count[i] == 0) continue;
      std::vector<std::string> row;
      for (const std::string& text : g.by) row.push_back(label_of(text));
      if (series) {
        const bool is_partial = std::find(a.partial.begin(), a.partial.end(), i) != a.partial.end();
        row.push_back(short_bucket(a, i) + (is_partial ? " (partial)" : ""));
      }
      row.push_back(with_thousands(g.count[i]));
      row.push_back(a.has_unique ? with_thousands(g.unique[i]) : "-");
      for (const auto& sums : g.sums) row.push_back(sum_for_people(sums[i]));
      rows.push_back(std::move(row));
    }
  }
  std::string out = title_of(a) + "\n" + aligned(rows, right);
  if (a.groups.size() < a.groups_in_all) {
    out += "(" + std::to_string(a.groups.size()) + " of " + with_thousands(a.groups_in_all) +
           " groups)\n";
  }
  if (a.groups.empty()) out += "(nothing counted)\n";
  if (!a.figures.empty() && !a.figures[0].partial.empty())
    out += "partial: counted only " + spans_text(a.figures[0].since) + "\n";
  if (a.counted_in_several_groups) out += "some events count in several groups\n";
  for (const std::string& note : a.notes) out += printable(note) + "\n";
  return out;
}

std::string render_json(const Answer& a) {
  const Question& q = a.question;
  std::string out = "{\"question\":{\"tenant\":" + quoted(a.tenant) +
                    ",\"metric\":" + quoted(q.metric) +
                    ",\"together\":" + (a.group ? "true" : "false") + ",\"by\":[" +
                    join(q.by, quoted) + "],\"where\":[";
  out += join(q.where, [](const Filter& f) {
    const char* kind = f.kind == Filter::Kind::any_of    ? "any"
                       : f.kind == Filter::Kind::none_of ? "not"
                                                         : "not_empty";
    std::string text = "{\"property\":" + quoted(f.property) + ",\"is\":\"" + kind + "\"";
    if (f.kind != Filter::Kind::not_empty) text += ",\"values\":[" + join(f.values, quoted) + "]";
    return text + "}";
  });
  out += "],\"range\":" + quoted(a.range_text) + ",\"interval\":" +
         (a.lifetime   ? "\"lifetime\""
          : a.interval ? quoted(interval_name(*a.interval))
                       : "null") +
         "}";
  out += ",\"calendar\":" + (a.lifetime ? "null" : quoted(a.calendar.name)) +
         ",\"zone\":" + (a.lifetime ? "null" : quoted(a.calendar.zone));
  out += ",\"as_of\":{\"checkpoint\":" + std::to_string(a.checkpoint) +
         ",\"time\":" + time_text(a.time_s) + "}";
  out += ",\"since\":" + spans_json(a.since) + ",\"partial\":" + buckets_json(a, a.partial) +
         ",\"figures\":" + figures_json(a);
  out += std::string(",\"counted_in_several_groups\":") +
         (a.counted_in_several_groups ? "true" : "false");
  out += ",\"buckets\":[" + join(a.buckets, quoted) + "],\"groups\":[";
  auto number = [](uint64_t n) { return std::to_string(n); };
  for (size_t g = 0; g < a.groups.size(); ++g) {
    const Group& group = a.groups[g];
    out += g ? ",{\"by\":{" : "{\"by\":{";
    for (size_t i = 0; i < group.by.size(); ++i)
      out += (i ? "," : "") + quoted(q.by[i]) + ":" + quoted(group.by[i]);
    out += "},\"count\":[" + join(group.count, number) +
           "],\"unique\":" + (a.has_unique ? "[" + join(group.unique, number) + "]" : "null");
    out += ",\"sum\":{";
    for (size_t v = 0; v < a.values.size(); ++v) {
      out += (v ? "," : "") + quoted(a.values[v]) + ":[" +
             join(group.sums[v], [](Fixed6 s) { return "\"" + format_fixed6(s) + "\""; }) + "]";
    }
    out += "}}";
  }
  return out + "]}\n";
}

std::string render_csv(const Answer& a) {
  const std::vector<std::string> fixed{"bucket", "count", "unique", "partial"};
  std::string out;
  for (const std::string& name : column_names("by:", a.question.by, a.values, fixed))
    out += csv_field(name) + ",";
  out += "bucket,count,unique";
  for (const std::string& name : column_names("sum:", a.values, a.question.by, fixed))
    out += "," + csv_field(name);
  out += ",partial\n";
  for (const Group& g : a.groups) {
    for (size_t i = 0; i < g.count.size(); ++i) {
      for (const std::string& text : g.by) out += csv_field(text) + ",";
      out += (i < a.buckets.size() && a.interval ? a.buckets[i] : "") + "," +
             std::to_string(g.count[i]) + "," + (a.has_unique ? std::to_string(g.unique[i]) : "");
      for (const auto& sums : g.sums) out += "," + format_fixed6(sums[i]);
      out += "," + csv_field(partial_text(a, i)) + "\n";
    }
  }
  return out;
}

std::string render_metrics_table(const std::vector<MetricLine>& lines) {
  std::vector<std::vector<std::string>> rows{
      {"metric", "count", "first day", "last day", "counted by"}};
  for (const MetricLine& m : lines) {
    std::string counters;
    for (const std::string& c : m.counters)
      counters += (counters.empty() ? "" : "; ") + printable(c);
    if (counters.size() > 100) counters = std::to_string(m.counters.size()) + " dimensions";
    rows.push_back({label_of(m.name) + (m.group ? " (together)" : ""),
                    (m.partial ? "(partial) " : "") + (m.count ? with_thousands(*m.count) : "-"),
                    m.first_day, m.last_day, counters});
  }
  return aligned(rows, {false, true, false, false, false});
}

std::string render_metrics_json(const std::vector<MetricLine>& lines) {
  return "{\"metrics\":[" +
         join(lines,
              [](const MetricLine& m) {
                return "{\"name\":" + quoted(m.name) +
                       ",\"together\":" + (m.group ? "true" : "false") +
                       ",\"count\":" + (m.count ? std::to_string(*m.count) : "null") +
                       ",\"partial\":" + (m.partial ? "true" : "false") +
                       ",\"first_day\":" + quoted(m.first_day) +
                       ",\"last_day\":" + quoted(m.last_day) + ",\"counted_by\":[" +
                       join(m.counters, quoted) + "]}";
              }) +
         "]}\n";
}

std::string render_metrics_csv(const std::vector<MetricLine>& lines) {
  std::string out = "metric,together,count,first_day,last_day,partial\n";
  for (const MetricLine& m : lines) {
    out += csv_field(m.name) + (m.group ? ",yes," : ",no,") +
           (m.count ? std::to_string(*m.count) : "") + "," + m.first_day + "," + m.last_day +
           (m.partial ? ",yes\n" : ",no\n");
  }
  return out;
}

}  // namespace quipu
