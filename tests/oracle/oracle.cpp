#include "oracle.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "parts.h"

namespace oracle {
namespace {

constexpr size_t kLongestLine = 1 << 20;
constexpr uint64_t kMostRows = 1000;
constexpr int64_t kDay_s = 86400;
constexpr int64_t kQuarterHour_s = 900;
constexpr int64_t kWidestOffset_s = 26 * 3600;

enum Interval { kHour, kDay, kWeek, kMonth, kIntervals };
constexpr const char* kIntervalNames[] = {"hour", "day", "week", "month"};

// What makes a bucket within a calendar and an interval. Hours: hours since 1970 by local clock,
// and the offset; days: local days since 1970; weeks: their first day; months: months since year 0.
struct Label {
  int64_t number = 0;
  int32_t offset = 0;
  bool operator==(const Label& o) const { return number == o.number && offset == o.offset; }
};
struct LabelHash {
  size_t operator()(const Label& l) const {
    return std::hash<int64_t>()(l.number * 1000003 + l.offset);
  }
};

int64_t week_of(int64_t day, int week_start) {
  int64_t monday_based = day + 3 - week_start;  // 1970-01-01 was a thursday
  return day - (monday_based - floor_div(monday_based, 7) * 7);
}

int64_t month_of_day(int64_t day) {
  int64_t year;
  int month, of_month;
  civil_from_days(day, &year, &month, &of_month);
  return year * 12 + month - 1;
}

int64_t first_day_of_month(int64_t month) {
  return days_from_civil(floor_div(month, 12),
                         static_cast<int>(month - floor_div(month, 12) * 12) + 1, 1);
}

Label label_of(Interval interval, int64_t utc_s, int32_t offset, int week_start) {
  int64_t local = utc_s + offset, day = floor_div(local, kDay_s);
  switch (interval) {
    case kHour:
      return {floor_div(local, 3600), offset};
    case kDay:
      return {day, 0};
    case kWeek:
      return {week_of(day, week_start), 0};
    default:
      return {month_of_day(day), 0};
  }
}

struct Cell {
  uint64_t count = 0;
  std::unordered_set<uint32_t> profiles;
  std::map<int, Fixed> sums;
};

// All buckets of one value of one dimension in one tenant.
struct Group {
  std::vector<std::string> values;
  Cell lifetime;
  std::vector<std::array<std::unordered_map<Label, Cell, LabelHash>, kIntervals>> calendars;
};

struct Dimension {
  std::string selector;  // of the answer: "metric":"M" or "together":"T"
  Entry entry;           // flags united over all entries that give this dimension
  std::map<std::string, std::unordered_map<std::string, Group>>
      tenants;  // by values, length-prefixed
};

struct Fault {
  std::string reason;
};

// One token down; an object where the token is a key twice is a fault.
const Json* step(const Json& at, const std::string& token) {
  if (at.kind == Json::kObject) {
    const Json* found = nullptr;
    for (const auto& [key, value] : at.fields) {
      if (key != token) continue;
      if (found) throw Fault{"duplicate_key"};
      found = &value;
    }
    return found;
  }
  bool index = at.kind == Json::kArray && !token.empty() && token.size() < 10 &&
               (token == "0" || token[0] != '0') &&
               std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!index || std::stoul(token) >= at.items.size()) return nullptr;
  return &at.items[std::stoul(token)];
}

const Json* walk(const Json* at, const std::vector<std::string>& tokens, size_t from, size_t to) {
  for (size_t i = from; i < to && at; ++i) at = step(*at, tokens[i]);
  return at;
}

const Json* read_at(const Json& record, const Path& path) {
  const Json* value = walk(&record, path.tokens, 0, path.tokens.size());
  if (value && value->bad_text) throw Fault{"invalid_utf8"};
  return value;
}

bool present(const Json* value) { return value && value->scalar() && !blank(value->text); }

std::optional<std::string> transformed(const FieldSpec& f, std::string text,
                                       bool is_number = false) {
  if (is_number) return canonical_number(text);
  if (f.trim) text = trimmed(text);
  if (f.lowercase)
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return canonical(text);
}

// A scalar of tenant, metric, profile or id.
std::optional<std::string> read_field(const FieldSpec& f, const Json& record) {
  if (f.constant) return blank(*f.constant) ? std::nullopt : transformed(f, *f.constant);
  std::vector<const Json*> found;
  for (const Path& path : f.paths) found.push_back(read_at(record, path));
  for (const Json* value : found)
    if (present(value)) return transformed(f, value->text, value->kind == Json::kNumber);
  return std::nullopt;
}

std::optional<Fixed> read_value(const FieldSpec& f, const Json& record, bool* rounded) {
  const Json* chosen = nullptr;
  Json constant;
  if (f.constant) {
    constant.kind = Json::kString;
    constant.text = *f.constant;
    chosen = &constant;
  }
  for (const Path& path : f.paths) {
    const Json* value = read_at(record, path);
    if (!chosen && (!f.alternatives || present(value))) chosen = value;
  }
  if (!chosen || chosen->kind == Json::kNull) return std::nullopt;
  std::string text = trimmed(chosen->text);
  if (chosen->kind == Json::kString && text.empty()) return std::nullopt;
  std::optional<Decimal> d;
  if (chosen->kind == Json::kString || chosen->kind == Json::kNumber) d = read_decimal(text);
  if (!d) throw Fault{"value_not_a_number"};
  Fixed fixed;
  bool was_rounded;
  if (to_fixed(*d, &fixed, &was_rounded) != FixedFault::kNone) throw Fault{"value_too_large"};
  *rounded |= was_rounded;
  return fixed;
}

std::string property_text(const Json* value) {
  if (!value || !value->scalar()) return "";
  if (value->bad_text) throw Fault{"invalid_utf8"};
  return value->kind == Json::kNumber ? canonical_number(value->text) : canonical(value->text);
}

// What an event's properties say: of each its text at every element of the list that it walks.
// Properties of one walk share a list.
struct Texts {
  std::vector<std::vector<std::string>> of;  // by property
  std::vector<size_t> list;                  // by property: its walk
  std::vector<size_t> size;                  // by walk: elements
};

Texts read_texts(const std::vector<PropertySpec>& properties, const Json& record) {
  Texts out;
  std::map<std::string, size_t> walks;
  for (const PropertySpec& p : properties) {
    std::vector<std::string> texts;
    size_t prefix = p.star >= 0 ? p.star : p.path.tokens.size(), end = p.path.tokens.size();
    const Json* at = walk(&record, p.path.tokens, 0, prefix);
    if (p.present) {
      if (at && at->bad_text) throw Fault{"invalid_utf8"};
      bool nothing = !at || at->kind == Json::kNull ||
                     (at->kind == Json::kString && blank(at->text)) ||
                     (at->kind == Json::kArray && at->items.empty());
      texts.push_back(nothing ? "false" : "true");
    } else if (at && at->kind == Json::kArray) {
      for (const Json& item : at->items)
        texts.push_back(
            property_text(p.star >= 0 ? walk(&item, p.path.tokens, prefix + 1, end) : &item));
    } else if (p.star < 0 || prefix + 1 == end) {
      texts.push_back(property_text(at));
    }
    if (texts.empty()) texts.push_back("");
    auto [walk, fresh] = walks.try_emplace(p.walk, walks.size());
    if (fresh) out.size.push_back(texts.size());
    out.list.push_back(walk->second);
    out.of.push_back(texts);
  }
  return out;
}

// A place in every list; what a dimension does not join stands at its first element.
using Places = std::vector<size_t>;

std::set<size_t> lists_of(const Entry& entry, const Texts& texts) {
  std::set<size_t> lists;
  for (int p : entry.by) lists.insert(texts.list[p]);
  for (const auto& [p, alternatives] : entry.when) lists.insert(texts.list[p]);
  return lists;
}

// All combinations of the elements of these lists.
std::vector<Places> combinations(const std::set<size_t>& lists, const Texts& texts) {
  uint64_t product = 1;
  std::vector<Places> rows(1, Places(texts.size.size(), 0));
  for (size_t list : lists) {
    product *= texts.size[list];
    if (product > kMostRows) throw Fault{"too_many_rows"};
    std::vector<Places> longer;
    for (const Places& row : rows)
      for (size_t element = 0; element < texts.size[list]; ++element) {
        longer.push_back(row);
        longer.back()[list] = element;
      }
    rows = longer;
  }
  return rows;
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& v : values) out += std::to_string(v.size()) + ":" + v;
  return out;
}

std::string two(int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); }

std::string local_text(int64_t utc_s, int32_t offset) {
  int64_t local = utc_s + offset, day = floor_div(local, kDay_s), second = local - day * kDay_s,
          year;
  int month, of_month;
  civil_from_days(day, &year, &month, &of_month);
  int32_t size = offset < 0 ? -offset : offset;
  std::string out = std::to_string(year) + "-" + two(month) + "-" + two(of_month) + "T" +
                    two(second / 3600) + ":" + two(second / 60 % 60) + ":" + two(second % 60) +
                    (offset < 0 ? "-" : "+") + two(size / 3600) + ":" + two(size / 60 % 60);
  return size % 60 ? out + ":" + two(size % 60) : out;
}

}  // namespace

struct Counter::State {
  explicit State(Plan p) : plan_owner(std::move(p)), plan(plan_owner.data()) {
    for (const Rule& rule : plan.rules)
      if (!rule.together.empty()) {
        std::string key = joined({"together", rule.together, rule.every_metric ? "*" : "",
                                  joined({rule.metrics.begin(), rule.metrics.end()})});
        for (const Entry& entry : rule.entries)
          together_of[&entry] = dimension(key, "\"together\":" + json_quoted(rule.together), entry);
      }
    header = plan.input.columns;
  }

  Plan plan_owner;
  const PlanData& plan;
  Tallies tallies;
  std::vector<std::string> header;
  bool header_expected = false;

  std::vector<std::unique_ptr<Dimension>> dimensions;
  std::map<std::string, Dimension*> dimension_by_key;
  std::map<const Entry*, Dimension*> together_of;
  std::map<std::string, std::vector<Dimension*>> dimensions_by_metric;

  std::unordered_set<std::string> ids;
  std::unordered_map<std::string, uint32_t> profiles;

  std::vector<std::string> rules_versions;  // zoneinfo folders; the last is in force
  std::map<std::string, size_t> version_by_folder;
  size_t version = 0;
  mutable std::map<std::pair<size_t, std::string>, Zone> zones;
  std::map<std::pair<std::string, int64_t>, size_t> pins;  // (tenant, UTC month) -> version

  const Zone& zone(size_t v, const std::string& name) const {
    auto it = zones.find({v, name});
    if (it == zones.end())
      it = zones
               .emplace(std::make_pair(v, name),
                        name == "UTC" ? Zone() : Zone::read(rules_versions[v] + "/" + name))
               .first;
    return it->second;
  }

  size_t version_of(const std::string& tenant, int64_t month) const {
    auto it = pins.find({tenant, month});
    return it == pins.end() ? version : it->second;
  }

  const std::vector<CalendarSpec>& calendars(const std::string& tenant) const {
    auto it = plan.tenant_calendars.find(tenant);
    return it == plan.tenant_calendars.end() ? plan.default_calendars : it->second;
  }

  // The dimension of an entry under a selector, united with what is there.
  Dimension* dimension(const std::string& selector_key, const std::string& selector,
                       const Entry& wanted) {
    Entry entry = wanted;
    std::set<std::string> definitions;
    entry.by.clear();
    for (int p : wanted.by)
      if (definitions.insert(plan.properties[p].definition).second) entry.by.push_back(p);
    std::map<std::string, std::set<std::string>> when;
    for (const auto& [p, alternatives] : entry.when)
      when[plan.properties[p].definition] = alternatives;
    std::vector<std::string> parts = {selector_key,
                                      joined({definitions.begin(), definitions.end()})};
    for (const auto& [definition, alternatives] : when)
      parts.push_back(joined({definition, joined({alternatives.begin(), alternatives.end()})}));
    Dimension*& d = dimension_by_key[joined(parts)];
    if (!d) {
      dimensions.push_back(std::make_unique<Dimension>());
      d = dimensions.back().get();
      d->selector = selector;
      d->entry = entry;
    }
    d->entry.unique |= entry.unique;
    d->entry.lifetime |= entry.lifetime;
    d->entry.sums.insert(entry.sums.begin(), entry.sums.end());
    return d;
  }

  const std::vector<Dimension*>& dimensions_of(const std::string& metric) {
    auto [it, fresh] = dimensions_by_metric.try_emplace(metric);
    if (!fresh) return it->second;
    std::set<Dimension*> seen;
    for (const Rule& rule : plan.rules)
      if (rule.selects(metric))
        for (const Entry& entry : rule.entries) {
          Dimension* d = rule.together.empty()
                             ? dimension(joined({"metric", metric}),
                                         "\"metric\":" + json_quoted(metric), entry)
                             : together_of[&entry];
          if (seen.insert(d).second) it->second.push_back(d);
        }
    return it->second;
  }

  Json read_record(std::string_view line) {
    Json record;
    if (line.size() > kLongestLine) throw Fault{"line_too_long"};
    if (!plan.input.delimited) {
      std::string reason = read_json(line, &record);
      if (!reason.empty()) throw Fault{reason};
      return record;
    }
    record.kind = Json::kObject;
    bool open = false;
    std::vector<std::string> fields =
        plan.input.log ? split_log(line, &open) : split_delimited(plan.input, line, &open);
    if (open) throw Fault{"quote_open"};
    if (!header.empty() && fields.size() != header.size()) throw Fault{"wrong_field_count"};
    std::set<std::string> names(header.begin(), header.end());
    for (size_t i = 0; i < fields.size(); ++i) {
      Json value;
      value.kind = Json::kString;
      value.text = fields[i];
      value.bad_text = !valid_utf8(fields[i]);
      if (i < header.size()) record.fields.emplace_back(header[i], value);
      if (!names.count(std::to_string(i))) record.fields.emplace_back(std::to_string(i), value);
    }
    return record;
  }

  // "n" or "s" and the id's parts, or nothing.
  std::optional<std::string> read_id(const Json& record, int64_t utc_s) {
    if (!plan.id.planned) return std::nullopt;
    if (plan.id.all) {
      std::vector<std::string> parts;
      bool complete = true;
      for (const Path& path : plan.id.field.paths) {
        const Json* value = read_at(record, path);
        complete &= present(value);
        if (complete)
          parts.push_back(value->kind == Json::kNumber ? canonical_number(value->text)
                                                       : canonical(value->text));
      }
      return complete ? std::optional("n" + joined(parts)) : std::nullopt;
    }
    std::optional<std::string> id = read_field(plan.id.field, record);
    if (id) return "n" + *id;
    if (plan.id.else_time_to_second) return "s" + std::to_string(utc_s);
    return std::nullopt;
  }

  std::string read_time_of(const Json& record, int64_t* utc_ms) {
    const Zone* local = &zone(version, plan.time.no_offset);
    for (const Path& path : plan.time.first) {
      const Json* there = read_at(record, path);
      if (there && there->kind != Json::kNull &&
          (there->kind != Json::kString || !there->text.empty()))
        return read_time(plan.time, there, local, utc_ms);
    }
    if (!plan.time.first.empty()) return "time_missing";
    if (plan.time.join.empty())
      return read_time(plan.time, read_at(record, plan.time.at), local, utc_ms);
    Json joined_parts;
    joined_parts.kind = Json::kString;
    for (const Path& path : plan.time.join) {
      const Json* part = read_at(record, path);
      if (!part || part->kind == Json::kNull || (part->kind == Json::kString && part->text.empty()))
        return "time_missing";
      if (part->kind != Json::kString && part->kind != Json::kNumber) return "time_bad";
      joined_parts.text += (&path == &plan.time.join[0] ? "" : " ") + part->text;
    }
    return read_time(plan.time, &joined_parts, local, utc_ms);
  }

  std::string add(std::string_view line) {
    const Json record = read_record(line);
    std::optional<std::string> tenant = read_field(plan.tenant, record);
    if (!tenant) throw Fault{"tenant_missing"};
    if (plan.unknown_set_aside && !plan.tenant_calendars.count(*tenant))
      throw Fault{"tenant_unknown"};
    std::optional<std::string> metric = read_field(plan.metric, record);
    if (!metric) throw Fault{"metric_missing"};
    const std::vector<Dimension*>& wanted = dimensions_of(*metric);
    if (wanted.empty()) return "unplanned";

    int64_t utc_ms;
    std::string fault = read_time_of(record, &utc_ms);
    if (!fault.empty()) throw Fault{fault};
    int64_t utc_s = floor_div(utc_ms, 1000), utc_month = month_of_day(floor_div(utc_s, kDay_s));
    size_t rules = version_of(*tenant, utc_month);
    std::vector<std::array<Label, kIntervals>> labels;
    for (const CalendarSpec& c : calendars(*tenant)) {
      int32_t offset = zone(rules, c.zone).bucket_offset(utc_s);
      if (offset % kQuarterHour_s != 0) throw Fault{"zone_offset_odd"};
      labels.emplace_back();
      for (int i = 0; i < kIntervals; ++i)
        labels.back()[i] = label_of(Interval(i), utc_s, offset, c.week_start);
    }

    std::optional<std::string> profile = read_field(plan.profile, record);
    if (!profile && plan.profile.required) throw Fault{"profile_missing"};
    std::optional<std::string> id = read_id(record, utc_s);
    std::vector<std::optional<Fixed>> values;
    bool rounded = false;
    for (const auto& value : plan.values)
      values.push_back(read_value(value.second, record, &rounded));
    const Texts texts = read_texts(plan.properties, record);
    // The rows that all dimensions need together.
    std::map<std::set<size_t>, std::vector<Places>> rows_of;
    std::set<Places> rows;
    for (Dimension* d : wanted) {
      const std::set<size_t> lists = lists_of(d->entry, texts);
      if (rows_of.count(lists)) continue;
      rows_of[lists] = combinations(lists, texts);
      rows.insert(rows_of[lists].begin(), rows_of[lists].end());
      if (rows.size() > kMostRows) throw Fault{"too_many_rows"};
    }

    std::vector<std::pair<Dimension*, std::set<std::vector<std::string>>>> counts;
    for (Dimension* d : wanted) {
      std::set<std::vector<std::string>> distinct;
      for (const Places& row : rows_of[lists_of(d->entry, texts)]) {
        auto text = [&](int p) { return texts.of[p][row[texts.list[p]]]; };
        bool in = true;
        for (const auto& [p, alternatives] : d->entry.when) in = in && alternatives.count(text(p));
        std::vector<std::string> value;
        for (int p : d->entry.by) {
          in = in && !(plan.properties[p].skip && text(p).empty());
          value.push_back(text(p));
        }
        if (in) distinct.insert(value);
      }
      if (!distinct.empty()) counts.emplace_back(d, distinct);
    }
    if (counts.empty()) return "unplanned";

    if (id && !ids.insert(joined({*tenant, *metric, profile ? "p" + *profile : "", *id})).second)
      return "duplicate";
    pins.try_emplace({*tenant, utc_month}, version);
    tallies.rounded += rounded;
    std::optional<uint32_t> who;
    if (profile)
      who =
          profiles.try_emplace(joined({*tenant, *profile}), static_cast<uint32_t>(profiles.size()))
              .first->second;
    for (const auto& [d, distinct] : counts)
      for (const auto& value : distinct) {
        Group& group = d->tenants[*tenant][joined(value)];
        group.values = value;
        group.calendars.resize(labels.size());
        auto count_in = [&](Cell& cell) {
          ++cell.count;
          if (who && d->entry.unique) cell.profiles.insert(*who);
          for (int v : d->entry.sums) cell.sums[v] += values[v].value_or(0);
        };
        if (d->entry.lifetime) count_in(group.lifetime);
        for (size_t c = 0; c < labels.size(); ++c)
          for (int i = 0; i < kIntervals; ++i) count_in(group.calendars[c][i][labels[c][i]]);
      }
    return "counted";
  }

  // The first instant of a bucket: the union of its pieces in the UTC months around, each under its
  // own month's rules (what lies before 1970 under those of January 1970).
  std::string bucket_text(const std::string& tenant, const CalendarSpec& c, Interval interval,
                          Label label) const {
    int64_t from, to;  // local seconds
    switch (interval) {
      case kHour:
        from = label.number * 3600, to = from + 3600;
        break;
      case kDay:
        from = label.number * kDay_s, to = from + kDay_s;
        break;
      case kWeek:
        from = label.number * kDay_s, to = from + 7 * kDay_s;
        break;
      default:
        from = first_day_of_month(label.number) * kDay_s,
        to = first_day_of_month(label.number + 1) * kDay_s;
    }
    int64_t last_month = month_of_day(floor_div(to + kWidestOffset_s, kDay_s));
    for (int64_t month = month_of_day(floor_div(from - kWidestOffset_s, kDay_s));
         month <= last_month; ++month) {
      const Zone& rules = zone(version_of(tenant, std::max(month, month_of_day(0))), c.zone);
      for (const Zone::Segment& s : rules.bucket_segments(first_day_of_month(month) * kDay_s,
                                                          first_day_of_month(month + 1) * kDay_s)) {
        if (interval == kHour && s.offset != label.offset) continue;
        int64_t first = std::max(s.start, from - s.offset);
        if (first < std::min(s.end, to - s.offset)) return local_text(first, s.offset);
      }
    }
    throw Error("a bucket without instants");
  }

  void print(const std::string& prefix, const Dimension& d, const Cell& cell,
             std::vector<std::string>* out) const {
    std::string line = prefix + ",\"count\":" + std::to_string(cell.count);
    if (d.entry.unique) line += ",\"unique\":" + std::to_string(cell.profiles.size());
    if (!d.entry.sums.empty()) {
      std::string sums;
      for (int v : d.entry.sums)
        sums += (sums.empty() ? "" : ",") + json_quoted(plan.values[v].first) + ":\"" +
                fixed_text(cell.sums.at(v)) + "\"";
      line += ",\"sum\":{" + sums + "}";
    }
    out->push_back(line + "}");
  }

  std::vector<std::string> export_lines() const {
    std::vector<std::string> out;
    for (const auto& d : dimensions) {
      std::string when;
      std::map<std::string, std::set<std::string>> by_name;
      for (const auto& [p, alternatives] : d->entry.when)
        by_name[plan.properties[p].name] = alternatives;
      for (const auto& [name, alternatives] : by_name) {
        std::string list;
        for (const std::string& a : alternatives)
          list += (list.empty() ? "" : ",") + json_quoted(a);
        when += (when.empty() ? "" : ",") + json_quoted(name) + ":[" + list + "]";
      }
      if (!when.empty()) when = ",\"when\":{" + when + "}";
      for (const auto& [tenant, groups] : d->tenants) {
        std::map<std::pair<size_t, int>, std::unordered_map<Label, std::string, LabelHash>> buckets;
        const std::vector<CalendarSpec>& cals = calendars(tenant);
        for (const auto& [key, group] : groups) {
          std::string by;
          for (size_t i = 0; i < group.values.size(); ++i)
            by += (i ? "," : "") + json_quoted(plan.properties[d->entry.by[i]].name) + ":" +
                  json_quoted(group.values[i]);
          std::string prefix = "{\"tenant\":" + json_quoted(tenant) + "," + d->selector + when +
                               ",\"by\":{" + by + "}";
          if (d->entry.lifetime)
            print(prefix + ",\"calendar\":null,\"interval\":\"lifetime\",\"bucket\":null", *d,
                  group.lifetime, &out);
          for (size_t c = 0; c < cals.size(); ++c)
            for (int i = 0; i < kIntervals; ++i)
              for (const auto& [label, cell] : group.calendars[c][i]) {
                std::string& name = buckets[{c, i}][label];
                if (name.empty()) name = bucket_text(tenant, cals[c], Interval(i), label);
                print(prefix + ",\"calendar\":" + json_quoted(cals[c].name) + ",\"interval\":\"" +
                          kIntervalNames[i] + "\",\"bucket\":\"" + name + "\"",
                      *d, cell, &out);
              }
        }
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }
};

Counter::Counter(Plan plan, std::string zoneinfo_dir)
    : state_(std::make_unique<State>(std::move(plan))) {
  set_zoneinfo(std::move(zoneinfo_dir));
  begin_file();
}

Counter::~Counter() = default;

void Counter::begin_file() {
  state_->header_expected = state_->plan.input.delimited && state_->plan.input.header;
}

std::string Counter::add_line(std::string_view line) {
  State& s = *state_;
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (blank(line)) return "skipped";
  if (s.header_expected) {
    s.header_expected = false;
    s.header = split_delimited(s.plan.input, line);
    for (std::string& name : s.header) name = trimmed(name);
    return "skipped";
  }
  ++s.tallies.read;
  std::string verdict;
  try {
    verdict = s.add(line);
  } catch (const Fault& fault) {
    ++s.tallies.set_aside[fault.reason];
    return fault.reason;
  }
  ++(verdict == "counted"     ? s.tallies.counted
     : verdict == "duplicate" ? s.tallies.duplicate
                              : s.tallies.unplanned);
  return verdict;
}

void Counter::add_file(std::string_view bytes, bool complete) {
  State& s = *state_;
  begin_file();
  if (s.header_expected) s.header.clear();
  for (const std::string& record : records_of(s.plan.input, plain_text(bytes), complete))
    add_line(record);
}

void Counter::set_zoneinfo(std::string dir) {
  State& s = *state_;
  auto [it, fresh] = s.version_by_folder.try_emplace(dir, s.rules_versions.size());
  if (fresh) s.rules_versions.push_back(dir);
  s.version = it->second;
}

const Tallies& Counter::tallies() const { return state_->tallies; }

std::vector<std::string> Counter::export_lines() const { return state_->export_lines(); }

uint64_t Tallies::set_aside_total() const {
  uint64_t total = 0;
  for (const auto& reason : set_aside) total += reason.second;
  return total;
}

std::string Tallies::json() const {
  std::string reasons;
  for (const auto& [reason, n] : set_aside)
    reasons += (reasons.empty() ? "" : ",") + json_quoted(reason) + ":" + std::to_string(n);
  return "{\"read\":" + std::to_string(read) + ",\"counted\":" + std::to_string(counted) +
         ",\"duplicate\":" + std::to_string(duplicate) + ",\"set_aside\":{" + reasons +
         "},\"unplanned\":" + std::to_string(unplanned) +
         ",\"rounded\":" + std::to_string(rounded) + "}";
}

}  // namespace oracle
