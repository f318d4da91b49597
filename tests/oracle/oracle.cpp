#include "oracle.h"

#include "counter_state.h"
#include "parts.h"

namespace oracle {
namespace {

constexpr size_t kLongestLine = 1 << 20;
constexpr int64_t kQuarterHour_s = 900;

}  // namespace

Counter::State::State(Plan p) : plan_owner(std::move(p)), plan(plan_owner.data()) {
  for (const Rule& rule : plan.rules)
    if (!rule.together.empty()) {
      std::string key = joined({"together", rule.together, rule.every_metric ? "*" : "",
                                joined({rule.metrics.begin(), rule.metrics.end()})});
      for (const Entry& entry : rule.entries)
        together_of[&entry] = dimension(key, "\"together\":" + json_quoted(rule.together), entry);
    }
  header = plan.input.columns;
}

const Zone& Counter::State::zone(size_t v, const std::string& name) const {
  auto it = zones.find({v, name});
  if (it == zones.end())
    it = zones
             .emplace(std::make_pair(v, name),
                      name == "UTC" ? Zone() : Zone::read(rules_versions[v] + "/" + name))
             .first;
  return it->second;
}

size_t Counter::State::version_of(const std::string& tenant, int64_t month) const {
  auto it = pins.find({tenant, month});
  return it == pins.end() ? version : it->second;
}

const std::vector<CalendarSpec>& Counter::State::calendars(const std::string& tenant) const {
  auto it = plan.tenant_calendars.find(tenant);
  return it == plan.tenant_calendars.end() ? plan.default_calendars : it->second;
}

Dimension* Counter::State::dimension(const std::string& selector_key, const std::string& selector,
                                     const Entry& wanted) {
  Entry entry = wanted;
  std::set<std::string> definitions;
  entry.by.clear();
  for (int p : wanted.by)
    if (definitions.insert(plan.properties[p].definition).second) entry.by.push_back(p);
  std::map<std::string, std::set<std::string>> when;
  for (const auto& [p, alternatives] : entry.when)
    when[plan.properties[p].definition] = alternatives;
  std::vector<std::string> parts = {selector_key, joined({definitions.begin(), definitions.end()})};
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

const std::vector<Dimension*>& Counter::State::dimensions_of(const std::string& metric) {
  auto [it, fresh] = dimensions_by_metric.try_emplace(metric);
  if (!fresh) return it->second;
  std::set<Dimension*> seen;
  for (const Rule& rule : plan.rules)
    if (rule.selects(metric))
      for (const Entry& entry : rule.entries) {
        Dimension* d = rule.together.empty() ? dimension(joined({"metric", metric}),
                                                         "\"metric\":" + json_quoted(metric), entry)
                                             : together_of[&entry];
        if (seen.insert(d).second) it->second.push_back(d);
      }
  return it->second;
}

Json Counter::State::read_record(std::string_view line) {
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

std::optional<std::string> Counter::State::read_id(const Json& record, int64_t utc_s) {
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

std::string Counter::State::read_time_of(const Json& record, int64_t* utc_ms) {
  const Zone* local = &zone(version, plan.time.no_offset);
  if (plan.time.join.empty())
    return read_time(plan.time, read_first(record, plan.time.first), local, utc_ms);
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

// What comes behind the checks of tenant, metric and time, in the order of decision 18.
void Counter::State::read_rest(const Json& record, ReadEvent* event) {
  const size_t rules = version_of(event->tenant, event->utc_month);
  for (const CalendarSpec& c : calendars(event->tenant)) {
    int32_t offset = zone(rules, c.zone).bucket_offset(event->utc_s);
    if (offset % kQuarterHour_s != 0) throw Fault{"zone_offset_odd"};
    event->labels.emplace_back();
    for (int i = 0; i < kIntervals; ++i)
      event->labels.back()[i] = label_of(Interval(i), event->utc_s, offset, c.week_start);
  }
  event->profile = read_field(plan.profile, record);
  if (!event->profile && plan.profile.required) throw Fault{"profile_missing"};
  event->id = read_id(record, event->utc_s);
  for (const auto& value : plan.values)
    event->values.push_back(read_value(value.second, record, &event->rounded));
  event->texts = read_texts(plan.properties, record);
}

Counter::State::Counts Counter::State::counts_of(const std::vector<Dimension*>& wanted,
                                                 const Texts& texts) const {
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
  Counts counts;
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
  return counts;
}

void Counter::State::count(const ReadEvent& event, const Counts& counts) {
  std::optional<uint32_t> who;
  if (event.profile)
    who = profiles
              .try_emplace(joined({event.tenant, *event.profile}),
                           static_cast<uint32_t>(profiles.size()))
              .first->second;
  for (const auto& [d, distinct] : counts)
    for (const auto& value : distinct) {
      Group& group = d->tenants[event.tenant][joined(value)];
      group.values = value;
      group.calendars.resize(event.labels.size());
      auto count_in = [&](Cell& cell) {
        ++cell.count;
        if (who && d->entry.unique) cell.profiles.insert(*who);
        for (int v : d->entry.sums) cell.sums[v] += event.values[v].value_or(0);
      };
      if (d->entry.lifetime) count_in(group.lifetime);
      for (size_t c = 0; c < event.labels.size(); ++c)
        for (int i = 0; i < kIntervals; ++i) count_in(group.calendars[c][i][event.labels[c][i]]);
    }
}

std::string Counter::State::add(std::string_view line) {
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
  ReadEvent event;
  event.tenant = *tenant;
  event.metric = *metric;
  event.utc_s = floor_div(utc_ms, 1000);
  event.utc_month = month_of_day(floor_div(event.utc_s, kDay_s));
  read_rest(record, &event);
  const Counts counts = counts_of(wanted, event.texts);
  if (counts.empty()) return "unplanned";

  if (event.id && !ids.insert(joined({event.tenant, event.metric,
                                      event.profile ? "p" + *event.profile : "", *event.id}))
                       .second)
    return "duplicate";
  pins.try_emplace({event.tenant, event.utc_month}, version);
  tallies.rounded += event.rounded;
  count(event, counts);
  return "counted";
}

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
