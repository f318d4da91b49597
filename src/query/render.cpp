#include "query/render.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/printable.h"
#include "query/label.h"
#include "query/render_parts.h"
#include "query/whole.h"

namespace quipu {
namespace {

std::string csv_field(const std::string& text, CsvTexts texts = CsvTexts::exact) {
  std::string out;
  append_csv_field(text, out, texts);
  return out;
}

// The figures that have not all of entry i, as a JSON list; nothing if all have.
std::string partial_text(const Answer& a, size_t i) {
  std::string list;
  for (const Answer::ShownFigure& f : a.figures) {
    if (std::find(f.partial.begin(), f.partial.end(), i) != f.partial.end())
      list += (list.empty() ? "" : ",") + json_string(f.name);
  }
  return list.empty() ? list : "[" + list + "]";
}

std::string time_text(int64_t s) { return s ? "\"" + format_instant(s, 0) + "\"" : "null"; }

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
  return "[" + join(entries, [&](size_t i) { return json_string(a.buckets[i]); }) + "]";
}

std::string figures_json(const Answer& a) {
  return "{" +
         join(a.figures,
              [&](const Answer::ShownFigure& f) {
                return json_string(f.name) + ":{\"since\":" + spans_json(f.since) +
                       ",\"partial\":" + buckets_json(a, f.partial) + "}";
              }) +
         "}";
}

// "count":[..],"unique":[..],"sum":{..}
std::string figures_of_group(const Answer& a, const Group& group, bool has_unique, bool has_sums) {
  const auto number = [](uint64_t n) { return std::to_string(n); };
  std::string out = "\"count\":[" + join(group.count, number) + "],\"unique\":" +
                    (has_unique ? "[" + join(group.unique, number) + "]" : "null") + ",\"sum\":{";
  for (size_t v = 0; has_sums && v < a.values.size(); ++v) {
    out += (v ? "," : "") + json_string(a.values[v]) + ":[" +
           join(group.sums[v], [](Fixed6 s) { return "\"" + format_fixed6(s) + "\""; }) + "]";
  }
  return out + "}";
}

}  // namespace

std::string render_json(const Answer& a) {
  const Question& q = a.question;
  const bool one = q.tenants == TenantsAsked::one, each = q.tenants == TenantsAsked::each;
  std::string out = "{\"question\":{" +
                    (one    ? "\"tenant\":" + json_string(a.tenant)
                     : each ? std::string("\"tenants\":\"each\"")
                            : std::string("\"tenants\":\"total\"")) +
                    ",\"metric\":" + json_string(q.metric) +
                    ",\"together\":" + (a.group ? "true" : "false") + ",\"by\":[" +
                    join(q.by, json_string) + "],\"where\":[";
  out += join(q.where, [](const Filter& f) {
    const char* kind = f.kind == Filter::Kind::any_of    ? "any"
                       : f.kind == Filter::Kind::none_of ? "not"
                       : f.kind == Filter::Kind::prefix  ? "prefix"
                                                         : "not_empty";
    std::string text = "{\"property\":" + json_string(f.property) + ",\"is\":\"" + kind + "\"";
    if (f.kind != Filter::Kind::not_empty)
      text += ",\"values\":[" + join(f.values, json_string) + "]";
    return text + "}";
  });
  out += "],\"range\":" + json_string(a.range_text) + ",\"interval\":" +
         (a.lifetime      ? "\"lifetime\""
          : a.is_series() ? json_string(series_name(a))
                          : "null") +
         "}";
  out += ",\"calendar\":" + (a.lifetime ? "null" : json_string(a.calendar.name)) +
         ",\"zone\":" + (a.lifetime ? "null" : json_string(a.calendar.zone));
  out += ",\"as_of\":{\"checkpoint\":" + std::to_string(a.checkpoint) +
         ",\"time\":" + time_text(a.time_s) + "}";
  out += ",\"since\":" + spans_json(a.since) + ",\"partial\":" + buckets_json(a, a.partial) +
         ",\"figures\":" + figures_json(a);
  out += std::string(",\"counted_in_several_groups\":") +
         (a.counted_in_several_groups ? "true" : "false");
  out += ",\"buckets\":[" + join(a.buckets, json_string) +
         "],\"filling\":" + (a.filling ? json_string(a.buckets[*a.filling]) : "null");
  if (a.previous) {
    out +=
        ",\"previous\":{\"range\":" + json_string(a.previous->range_text) + ",\"buckets\":[" +
        join(a.previous->buckets, json_string) + "],\"partial\":[" +
        join(a.previous->partial, [&](size_t i) { return json_string(a.previous->buckets[i]); }) +
        "]}";
  }
  out += ",\"groups\":[";
  for (size_t g = 0; g < a.groups.size(); ++g) {
    const Group& group = a.groups[g];
    out += g ? ",{" : "{";
    if (each) out += "\"tenant\":" + json_string(group.tenant) + ",";
    out += "\"by\":{";
    for (size_t i = 0; i < group.by.size(); ++i)
      out += (i ? "," : "") + json_string(q.by[i]) + ":" + json_string(group.by[i]);
    out += "}," + figures_of_group(a, group, a.has_unique, true);
    if (a.previous) {
      out +=
          ",\"previous\":{" +
          figures_of_group(a, a.previous->groups[g], a.previous->has_unique, a.previous->has_sums) +
          "}";
    }
    out += "}";
  }
  out += "]";
  if (q.rest)
    out += ",\"rest\":" + (a.rest ? "{" + figures_of_group(a, *a.rest, false, true) + "}" : "null");
  if (q.limit) out += ",\"groups_in_all\":" + std::to_string(a.groups_in_all);
  return out + "}\n";
}

std::string render_csv(const Answer& a, CsvTexts texts) {
  const bool each = a.question.tenants == TenantsAsked::each;
  std::vector<std::string> fixed{"bucket", "count", "unique", "partial"};
  if (each) fixed.emplace_back("tenant");
  std::vector<std::string> figures{"count", "unique"};
  for (const std::string& name : column_names("sum:", a.values, a.question.by, fixed))
    figures.push_back(name);
  std::string out = each ? "tenant," : "";
  for (const std::string& name : column_names("by:", a.question.by, a.values, fixed))
    out += csv_field(name, texts) + ",";
  out += "bucket";
  for (const std::string& name : figures) out += "," + csv_field(name, texts);
  for (size_t f = 0; a.previous && f < figures.size(); ++f) {
    for (const char* compared : {"previous:", "change:", "percent:"})
      out += "," + csv_field(compared + figures[f]);
  }
  out += ",partial\n";
  const auto text = [](const std::optional<Fixed6>& value, bool is_sum) {
    return value ? format_fixed6(is_sum ? *value : *value * 1000000) : std::string();
  };
  for (size_t n = 0; n < a.groups.size(); ++n) {
    const Group& g = a.groups[n];
    for (size_t i = 0; i < g.count.size(); ++i) {
      if (each) out += csv_field(g.tenant, texts) + ",";
      for (const std::string& name : g.by) out += csv_field(name, texts) + ",";
      out += i < a.buckets.size() && a.is_series() ? a.buckets[i] : "";
      const std::vector<FigureOf> shown = figures_at(a, n, i);
      for (const FigureOf& f : shown) out += "," + text(f.now, f.is_sum);
      for (const FigureOf& f : shown) {
        if (!a.previous) break;
        const bool both = f.now && f.before;
        out += "," + text(f.before, f.is_sum) + "," +
               (both ? text(Fixed6(*f.now - *f.before), f.is_sum) : "") + "," +
               (both ? percent_text(*f.now, *f.before).value_or("") : "");
      }
      out += "," + csv_field(partial_text(a, i)) + "\n";
    }
  }
  return out;
}

std::string render_ndjson(const Answer& a) {
  std::string out;
  for (const Group& g : a.groups) {
    std::string by;
    for (size_t i = 0; i < g.by.size(); ++i)
      by += (i ? "," : "") + json_string(a.question.by[i]) + ":" + json_string(g.by[i]);
    for (size_t i = 0; i < g.count.size(); ++i) {
      out += "{\"by\":{" + by + "},\"bucket\":" +
             (i < a.buckets.size() && a.is_series() ? json_string(a.buckets[i]) : "null") +
             ",\"count\":" + std::to_string(g.count[i]) +
             ",\"unique\":" + (a.has_unique ? std::to_string(g.unique[i]) : "null") + ",\"sum\":{";
      for (size_t v = 0; v < a.values.size(); ++v)
        out +=
            (v ? "," : "") + json_string(a.values[v]) + ":\"" + format_fixed6(g.sums[v][i]) + "\"";
      const std::string partial = partial_text(a, i);
      out += "},\"partial\":" + (partial.empty() ? "[]" : partial) + "}\n";
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
    if (counters.size() > kMaxCountersText)
      counters = std::to_string(m.counters.size()) + " dimensions (--counters lists them)";
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
                return "{\"name\":" + json_string(m.name) +
                       ",\"together\":" + (m.group ? "true" : "false") +
                       ",\"count\":" + (m.count ? std::to_string(*m.count) : "null") +
                       ",\"partial\":" + (m.partial ? "true" : "false") +
                       ",\"first_day\":" + json_string(m.first_day) +
                       ",\"last_day\":" + json_string(m.last_day) + ",\"counted_by\":[" +
                       join(m.counters, json_string) + "]}";
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

std::string render_counters_table(const std::vector<CounterLine>& lines) {
  std::vector<std::vector<std::string>> rows{{"by", "when", "figures", "counted"}};
  const auto list = [](const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + label_of(name, ",");
    return text;
  };
  for (const CounterLine& c : lines) {
    std::string figures = c.unique ? "count, unique" : "count";
    for (const std::string& sum : c.sums) figures += ", sum of " + label_of(sum, ",");
    if (c.lifetime) figures += "; lifetime";
    const bool always = planned_always(c.since);
    rows.push_back({c.by.empty() ? "(all)" : list(c.by), printable(c.when), figures,
                    always ? "always" : spans_text(c.since)});
  }
  return aligned(rows, {false, false, false, false});
}

std::string render_counters_json(const std::vector<CounterLine>& lines) {
  const auto truth = [](bool yes) { return std::string(yes ? "true" : "false"); };
  return "{\"counters\":[" +
         join(lines,
              [&](const CounterLine& c) {
                return "{\"metric\":" + json_string(c.metric) + ",\"together\":" + truth(c.group) +
                       ",\"by\":[" + join(c.by, json_string) + "],\"when\":" + json_string(c.when) +
                       ",\"unique\":" + truth(c.unique) + ",\"lifetime\":" + truth(c.lifetime) +
                       ",\"sums\":[" + join(c.sums, json_string) +
                       "],\"planned\":" + truth(!c.retired) + ",\"since\":" + spans_json(c.since) +
                       "}";
              }) +
         "]}\n";
}

std::string render_counters_csv(const std::vector<CounterLine>& lines) {
  std::string out = "metric,together,by,when,unique,lifetime,sums,planned\n";
  const auto yes = [](bool is) { return is ? std::string("yes") : std::string("no"); };
  for (const CounterLine& c : lines) {
    out += csv_field(c.metric) + "," + yes(c.group) + "," +
           csv_field("[" + join(c.by, json_string) + "]") + "," + csv_field(c.when) + "," +
           yes(c.unique) + "," + yes(c.lifetime) + "," +
           csv_field("[" + join(c.sums, json_string) + "]") + "," + yes(!c.retired) + "\n";
  }
  return out;
}

std::string render_tenants_table(const std::vector<TenantLine>& lines) {
  std::vector<std::vector<std::string>> rows{{"tenant", "calendars"}};
  for (const TenantLine& t : lines) {
    std::string calendars;
    for (const Calendar& c : t.calendars) {
      calendars += (calendars.empty() ? "" : ", ") + label_of(c.name, ",");
      if (c.name != c.zone) calendars += " (" + c.zone + ")";
    }
    rows.push_back({label_of(t.name), calendars});
  }
  return aligned(rows, {false, false});
}

std::string render_tenants_json(const std::vector<TenantLine>& lines) {
  return "{\"tenants\":[" +
         join(lines,
              [](const TenantLine& t) {
                return "{\"name\":" + json_string(t.name) + ",\"calendars\":[" +
                       join(t.calendars,
                            [](const Calendar& c) {
                              return "{\"name\":" + json_string(c.name) +
                                     ",\"zone\":" + json_string(c.zone) + "}";
                            }) +
                       "]}";
              }) +
         "]}\n";
}

std::string render_tenants_csv(const std::vector<TenantLine>& lines) {
  std::string out = "tenant,calendars\n";
  for (const TenantLine& t : lines) {
    std::string calendars;
    for (const Calendar& c : t.calendars) calendars += (calendars.empty() ? "" : ",") + c.name;
    out += csv_field(t.name) + "," + csv_field(calendars) + "\n";
  }
  return out;
}

}  // namespace quipu
