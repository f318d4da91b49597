#include <algorithm>
#include <cstdio>
#include <set>

#include "parts.h"
#include "stream_parts.h"

namespace oracle {
namespace {

int64_t utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  return days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

std::vector<Choice> special_choices() {
  std::vector<Choice> out;
  for (const char* text : {"null", "None", "a|b", "x\ty", "say \"hi\"", "back\\slash", "0095", "+5",
                           " 5", "1e", "Zürich", "日本", "🦙 quipu", "a/b~c", "NaN", "é"})
    out.push_back(text_choice(text));
  out.push_back(text_choice(std::string("p\0q", 3)));
  out.push_back(text_choice(std::string("p\0", 2)));
  out.push_back(text_choice("p"));
  out.push_back({"true", {"true", "\"true\""}});
  out.push_back({"false", {"false", "\"false\""}});
  for (const char* text : {"95", "0.5", "-7.25", "9007199254740992", "9007199254740993",
                           "820982911946154508", "820982911946154509", "100000", "0.001"})
    out.push_back(number_choice(text));
  out.push_back({"0", {"0", "-0", "0.0", "0e5", "\"-0.00\"", "0E-3"}});
  out.push_back({"1e999999999", {"1e999999999", "10e999999998", "0.1E+1000000000"}});
  out.push_back({"1e38", {"1e38", "100000000000000000000000000000000000000", "1E38"}});
  out.push_back({"10000000000000000000000000000000000000",
                 {"1e37", "10000000000000000000000000000000000000.0"}});
  out.push_back({"1.5e-400", {"1.5e-400", "15e-401"}});
  out.push_back({"1e9999999999999999999", {"1e9999999999999999999", "\"1e9999999999999999999\""}});
  return out;
}

std::vector<Choice> draw_pool(Rng* rng, const std::string& prefix) {
  static const std::vector<Choice> specials = special_choices();
  std::vector<Choice> pool;
  int size = static_cast<int>(rng->chance(0.15) ? rng->between(20, 200) : rng->between(1, 5));
  for (int i = 0; i < size; ++i) pool.push_back(text_choice(prefix + std::to_string(i)));
  for (int64_t i = rng->between(0, 4); i > 0; --i) {
    const Choice& special = rng->of(specials);
    if (std::none_of(pool.begin(), pool.end(),
                     [&](const Choice& c) { return c.text == special.text; }))
      pool.push_back(special);
  }
  return pool;
}

void draw_properties(Rng* rng, const StreamOptions& options, Layout* layout) {
  using P = PropertyLayout;
  std::vector<std::string> scalars = {"/properties/campaign", "/properties/Client Name",
                                      "/properties/a~1b",     "/properties/n~0m",
                                      "/ctx/deep/er/x",       "/url"};
  rng->shuffle(&scalars);
  auto add = [&](P::Kind kind, const std::string& name, const std::string& path) -> P& {
    layout->properties.push_back({kind, name, path, rng->chance(0.2), {}});
    if (kind != P::kPresent)
      layout->properties.back().pool = draw_pool(rng, name.substr(0, 1) + "-");
    return layout->properties.back();
  };
  int64_t count = layout->wide ? rng->between(4, 6) : rng->between(1, options.tiny ? 2 : 4);
  for (int64_t i = 0; i < count; ++i) add(P::kScalar, "p" + std::to_string(i), scalars[i]);
  if (rng->chance(0.3)) {
    P twin = layout->properties[0];
    twin.name = "p0 again";
    twin.skip = !twin.skip;
    layout->properties.push_back(twin);
  }
  // A key that is longer than what a reader may load ahead of it.
  if (rng->chance(0.15))
    add(P::kScalar, "long", "/properties/" + std::string(rng->between(60, 200), 'k'));
  if (layout->wide || rng->chance(0.4)) add(P::kArray, "tags", "/properties/tags");
  if (rng->chance(layout->wide ? 0.7 : 0.3)) add(P::kArray, "labels", "/labels");
  layout->lines_path = rng->chance(0.5) ? "/line_items" : "/properties/items";
  layout->codes_path = "/properties/codes";
  if (rng->chance(0.45)) {
    add(P::kLine, "sku", layout->lines_path + "/*/sku");
    if (rng->chance(0.7)) add(P::kLine, "color", layout->lines_path + "/*/color");
    if (rng->chance(0.2)) {
      add(P::kFirstLine, "first sku", layout->lines_path + "/0/sku");
    }
  }
  if (rng->chance(0.2)) add(P::kCode, "code", layout->codes_path + "/*");
  if (rng->chance(0.3)) add(P::kPresent, "has_flow", "/properties/$flow").skip = false;
  rng->shuffle(&layout->properties);
  for (PropertyLayout& p : layout->properties)
    for (const PropertyLayout& sku : layout->properties)
      if (p.kind == P::kFirstLine && sku.name == "sku") p.pool = sku.pool;
}

std::string property_yaml(const PropertyLayout& p) {
  if (p.kind == PropertyLayout::kPresent) return "{present: " + yaml_string(p.path) + "}";
  return p.skip ? "{at: " + yaml_string(p.path) + ", missing: skip}" : yaml_string(p.path);
}

void draw_tenants(Rng* rng, const StreamOptions& options, Layout* layout) {
  std::vector<Choice> names = {text_choice("t1"), text_choice("shop"), number_choice("95"),
                               text_choice("müller"), text_choice("t 2")};
  bool from_file = rng->chance(0.35);
  layout->unknown_set_aside = rng->chance(0.4);
  static const std::vector<std::string> kDays = {"", "", "", "sunday", "saturday", "wednesday"};
  auto draw_calendars = [&] {
    std::vector<CalendarLayout> out;
    const int64_t most = layout->wide ? 8 : rng->chance(0.2) ? 4 : 2;
    int64_t i = options.calendars ? options.calendars : rng->between(layout->wide ? 4 : 1, most);
    for (; i > 0; --i) {
      CalendarLayout c;
      c.zone = static_cast<int>(rng->below(static_cast<int64_t>(zone_hints().size())));
      c.week_start = rng->of(kDays);
      if (rng->chance(0.3)) c.name = "cal" + std::to_string(i);
      std::string name = c.name.empty() ? zone_hints()[c.zone].name : c.name;
      if (std::any_of(out.begin(), out.end(), [&](const CalendarLayout& o) {
            return (o.name.empty() ? zone_hints()[o.zone].name : o.name) == name;
          }))
        c.name = "other" + std::to_string(i);
      out.push_back(c);
    }
    return out;
  };
  auto calendars_yaml = [](const std::vector<CalendarLayout>& list) {
    std::vector<std::string> items;
    for (const CalendarLayout& c : list)
      items.push_back("{zone: " + zone_hints()[c.zone].name +
                      (c.week_start.empty() ? "" : ", week_start: " + c.week_start) +
                      (c.name.empty() ? "" : ", name: " + c.name) + "}");
    return list_of(items);
  };

  int64_t count = rng->between(1, options.tiny ? 1 : 4);
  bool calendars = rng->chance(0.95);
  std::vector<CalendarLayout> standard = {{"", "", 0}};
  if (calendars && rng->chance(0.7)) standard = draw_calendars();
  std::string inline_yaml;
  layout->tenants_csv = "tenant,zone,week_start,name\n";
  for (int64_t i = 0; i < count; ++i) {
    TenantLayout t;
    t.name = names[i];
    t.listed = calendars && (layout->unknown_set_aside || rng->chance(0.5));
    t.calendars = t.listed ? draw_calendars() : standard;
    layout->tenants.push_back(t);
    if (!t.listed) continue;
    inline_yaml += (inline_yaml.empty() ? "" : ", ") + yaml_string(t.name.text) + ": " +
                   calendars_yaml(t.calendars);
    for (const CalendarLayout& c : t.calendars)
      layout->tenants_csv +=
          t.name.text + "," + zone_hints()[c.zone].name + "," + c.week_start + "," + c.name + "\n";
  }
  if (!calendars || inline_yaml.empty()) from_file = false;
  if (!from_file) layout->unknown_set_aside = false, layout->tenants_csv.clear();
  layout->tenant_constant = count == 1 && rng->chance(0.3);
  if (!calendars) return;
  layout->plan += "calendars:\n  default: " + calendars_yaml(standard) + "\n";
  if (from_file)
    layout->plan += "  tenants: {file: tenants.csv, unknown: " +
                    std::string(layout->unknown_set_aside ? "set_aside" : "default") + "}\n";
  else if (!inline_yaml.empty())
    layout->plan += "  tenants: {" + inline_yaml + "}\n";
}

// Now and then a path before the time's that no event has. (One that some have is event_test's.)
std::string with_first(Rng* rng, const std::string& path, const std::string& time) {
  const std::string at = "{at: " + path;
  if (!rng->chance(0.3)) return time;
  if (time == path) return "{first: [/event/never, " + path + "]}";
  if (!time.starts_with(at)) return time;
  return "{first: [/event/never, " + path + "]" + time.substr(at.size());
}

void add_time(Rng* rng, Layout* layout, Members* event) {
  layout->time = rng->chance(0.5) ? Layout::kRfc3339 : Layout::Time(rng->below(4));
  std::string time = layout->time_path;
  if (layout->time == Layout::kUnit) {
    layout->unit = rng->of(std::vector<std::string>{"unix_s", "unix_ms", "unix_us", "unix_ns"});
    time = "{at: " + layout->time_path + ", unit: " + layout->unit + "}";
  } else if (layout->time == Layout::kLocal) {
    static const std::vector<std::string> kZones = {"Europe/Berlin", "America/New_York",
                                                    "Australia/Lord_Howe", "Pacific/Apia",
                                                    "Asia/Kathmandu"};
    std::string zone = rng->of(kZones);
    for (size_t i = 0; i < zone_hints().size(); ++i)
      if (zone_hints()[i].name == zone) layout->local_zone = static_cast<int>(i);
    time = "{at: " + layout->time_path + ", no_offset: " + zone + "}";
  } else if (layout->time == Layout::kFormat) {
    layout->format = rng->of(
        std::vector<std::string>{"[%d/%b/%Y:%H:%M:%S %z]", "%F %T.%f", "%B %e %Y, %I:%M:%S %p UTC",
                                 "%Y%j%H%M%S", "%Y-%m-%dT%H:%M:%S%Z", "%a, %d %b %Y %H:%M:%S %z"});
    time = "{at: " + layout->time_path + ", format: " + yaml_string(layout->format) + "}";
  }
  event->emplace_back("time", with_first(rng, layout->time_path, time));
}

void add_profile(Rng* rng, Layout* layout, Members* event) {
  layout->profile_planned = rng->chance(0.95);
  layout->profile_paths = rng->chance(0.5)
                              ? std::vector<std::string>{"/profile"}
                              : std::vector<std::string>{"/user/email", "/user/phone", "/id"};
  bool profile_alternatives = layout->profile_paths.size() > 1 || rng->chance(0.3);
  if (layout->profile_planned && profile_alternatives) {
    layout->profile_trim = rng->chance(0.5);
    layout->profile_lowercase = rng->chance(0.5);
    layout->profile_required = rng->chance(0.2);
    event->emplace_back("profile", "{first: " + list_of(layout->profile_paths) +
                                       (layout->profile_trim ? ", trim: true" : "") +
                                       (layout->profile_lowercase ? ", lowercase: yes" : "") +
                                       (layout->profile_required ? ", required: yes" : "") + "}");
  } else if (layout->profile_planned) {
    event->emplace_back("profile", layout->profile_paths[0]);
  }
}

void add_id(Rng* rng, Layout* layout, Members* event) {
  layout->id = Layout::Id(rng->chance(0.1) ? 0 : rng->between(1, 4));
  if (layout->time == Layout::kLocal && layout->id == Layout::kElseTime)
    layout->id = Layout::kFirst;
  layout->id_paths = layout->id == Layout::kPath  ? std::vector<std::string>{"/uid"}
                     : layout->id == Layout::kAll ? std::vector<std::string>{"/uid", "/topic"}
                                                  : std::vector<std::string>{"/unique_id", "/uid"};
  if (layout->id == Layout::kPath) event->emplace_back("id", "/uid");
  if (layout->id == Layout::kFirst) event->emplace_back("id", "{first: [/unique_id, /uid]}");
  if (layout->id == Layout::kAll) event->emplace_back("id", "{all: [/uid, /topic]}");
  if (layout->id == Layout::kElseTime)
    event->emplace_back("id", "{first: [/unique_id, /uid], else: time_to_second}");
}

void add_values(Rng* rng, Layout* layout, Members* event) {
  std::string values;
  static const std::vector<std::string> kNames = {"revenue", "units", "ms", "odd one"};
  for (int64_t i = rng->between(0, 4); i > 0; --i) {
    std::string name = kNames[layout->value_names.size()],
                path = rng->chance(0.5) ? "/v" + std::to_string(i)
                                        : "/properties/$v" + std::to_string(i);
    layout->value_names.push_back(name);
    layout->value_paths.push_back(path);
    values += (values.empty() ? "" : ", ") + yaml_string(name) + ": " +
              (rng->chance(0.3) ? "{first: [" + path + "]}" : path);
  }
  if (!values.empty()) event->emplace_back("values", "{" + values + "}");
}

void draw_event(Rng* rng, Layout* layout) {
  Members event;
  layout->tenant_path = rng->chance(0.5) ? "/tenant" : "/account/id";
  layout->metric_path = rng->chance(0.5) ? "/metric" : "/event/name";
  layout->time_path = rng->chance(0.5) ? "/time" : "/event/at";
  event.emplace_back("tenant", layout->tenant_constant
                                   ? "{const: " + yaml_string(layout->tenants[0].name.text) + "}"
                                   : layout->tenant_path);
  event.emplace_back("metric", layout->metric_constant
                                   ? "{const: " + yaml_string(layout->metrics[0].text) + "}"
                                   : layout->metric_path);
  add_time(rng, layout, &event);
  add_profile(rng, layout, &event);
  add_id(rng, layout, &event);
  add_values(rng, layout, &event);
  layout->plan += "event:" + mapping(rng, "  ", event);
}

}  // namespace

std::string json_string(const std::string& text) { return json_quoted(text); }

Choice text_choice(const std::string& text) {
  Choice c{text, {json_string(text)}};
  std::string escaped = "\"";  // the first byte as an escape, where it is ASCII
  if (!text.empty() && static_cast<unsigned char>(text[0]) < 0x80) {
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, "\\u%04X", text[0]);
    c.spellings.push_back("\"" + std::string(buffer) + json_string(text.substr(1)).substr(1));
  }
  if (text == "🦙 quipu") c.spellings.push_back("\"\\ud83e\\udd99 quipu\"");
  return c;
}

Choice number_choice(const std::string& text) {
  Choice c{text, {text, json_string(text)}};
  bool whole = text.find('.') == std::string::npos;
  c.spellings.push_back(text + (whole ? ".0" : "0"));
  c.spellings.push_back(json_string(text + (whole ? ".000" : "00")));
  c.spellings.push_back(text + "e0");
  if (whole)
    c.spellings.push_back(text + "000E-3");
  else
    c.spellings.push_back(text + "0e-0");
  return c;
}

const std::vector<ZoneHint>& zone_hints() {
  static const std::vector<ZoneHint> hints = {
      {"UTC", 0, {utc(2026, 3, 1), utc(2024, 2, 29), utc(2100, 3, 1), utc(2000, 2, 29, 12)}},
      {"Asia/Kolkata", 19800, {utc(2026, 2, 28, 18, 30), utc(2025, 12, 31, 18, 30)}},
      {"Asia/Kathmandu", 20700, {utc(2026, 2, 28, 18, 15), utc(1985, 12, 31, 18, 30)}},
      {"Europe/Berlin",
       3600,
       {utc(2026, 3, 29, 1), utc(2026, 10, 25, 1), utc(2050, 3, 27, 1), utc(2199, 10, 27, 1),
        utc(1980, 4, 6, 1)}},
      {"America/New_York",
       -18000,
       {utc(2026, 3, 8, 7), utc(2026, 11, 1, 6), utc(2100, 3, 14, 7), utc(1974, 1, 6, 7)}},
      {"America/Los_Angeles",
       -28800,
       {utc(2026, 3, 8, 10), utc(2026, 11, 1, 9), utc(2038, 11, 7, 9)}},
      {"Pacific/Auckland", 43200, {utc(2026, 4, 4, 14), utc(2026, 9, 26, 14), utc(2150, 4, 4, 14)}},
      {"Australia/Lord_Howe",
       37800,
       {utc(2026, 4, 4, 15), utc(2026, 10, 3, 15, 30), utc(2077, 4, 3, 15), utc(1981, 2, 28, 14)}},
      {"America/St_Johns",
       -12600,
       {utc(2009, 11, 1, 2, 31), utc(2010, 3, 14, 3, 31), utc(2009, 10, 31, 2, 30),
        utc(2026, 11, 1, 4, 30)}},
      {"Antarctica/Casey",
       28800,
       {utc(2010, 3, 4, 15), utc(2020, 10, 3, 16, 1), utc(2009, 10, 17, 18),
        utc(2021, 10, 2, 16, 1)}},
      {"Africa/Cairo", 7200, {utc(2025, 4, 24, 22), utc(2025, 10, 30, 21), utc(2090, 4, 27, 22)}},
      {"Pacific/Apia", 46800, {utc(2011, 12, 30, 10), utc(2011, 12, 31, 10), utc(2012, 3, 31, 14)}},
      {"Africa/Monrovia",
       0,
       {utc(1972, 1, 7, 0, 44, 30), utc(1972, 1, 7, 0, 30), utc(1972, 2, 1), utc(1970, 1, 1)}},
  };
  return hints;
}

Layout make_layout(Rng* rng, const StreamOptions& options) {
  Layout layout;
  layout.plan = std::string(rng->chance(0.5) ? "# a random plan\n" : "") + "quipu: 1\n";
  layout.metrics = {text_choice("Opened Email"), text_choice("Clicked"), number_choice("95"),
                    text_choice("Ordre ✓")};
  layout.metrics.resize(rng->between(2, 4));
  layout.wide = !options.tiny && rng->chance(0.2);
  layout.metric_constant = rng->chance(0.1);
  if (layout.metric_constant) layout.metrics.resize(1);
  std::string before = layout.plan;
  layout.plan.clear();
  draw_tenants(rng, options, &layout);
  std::string calendars = layout.plan;
  layout.plan.clear();
  draw_event(rng, &layout);
  std::string event = layout.plan;
  layout.plan.clear();
  draw_properties(rng, options, &layout);
  std::vector<std::pair<std::string, std::string>> properties;
  for (const PropertyLayout& p : layout.properties)
    properties.emplace_back(yaml_string(p.name), property_yaml(p));
  layout.plan = before + event + "properties:" + mapping(rng, "  ", properties) + calendars;
  draw_rules(rng, options, &layout);
  if (layout.metric_constant) layout.unplanned_metrics.clear();
  return layout;
}

}  // namespace oracle
