// The oracle's answers, as lines.
#include <algorithm>

#include "counter_state.h"
#include "parts.h"

namespace oracle {
namespace {

constexpr int64_t kWidestOffset_s = 26 * 3600;

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

// The first instant of a bucket: the union of its pieces in the UTC months around, each under its
// own month's rules (what lies before 1970 under those of January 1970).
std::string Counter::State::bucket_text(const std::string& tenant, const CalendarSpec& c,
                                        Interval interval, Label label) const {
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
  for (int64_t month = month_of_day(floor_div(from - kWidestOffset_s, kDay_s)); month <= last_month;
       ++month) {
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

void Counter::State::print(const std::string& prefix, const Dimension& d, const Cell& cell,
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

std::string Counter::State::when_text(const Dimension& d) const {
  std::string when;
  std::map<std::string, std::set<std::string>> by_name;
  for (const auto& [p, alternatives] : d.entry.when)
    by_name[plan.properties[p].name] = alternatives;
  for (const auto& [name, alternatives] : by_name) {
    std::string list;
    for (const std::string& a : alternatives) list += (list.empty() ? "" : ",") + json_quoted(a);
    when += (when.empty() ? "" : ",") + json_quoted(name) + ":[" + list + "]";
  }
  return when.empty() ? "" : ",\"when\":{" + when + "}";
}

void Counter::State::export_tenant(const Dimension& d, const std::string& tenant,
                                   const std::unordered_map<std::string, Group>& groups,
                                   std::vector<std::string>* out) const {
  const std::string when = when_text(d);
  std::map<std::pair<size_t, int>, std::unordered_map<Label, std::string, LabelHash>> buckets;
  const std::vector<CalendarSpec>& cals = calendars(tenant);
  for (const auto& [key, group] : groups) {
    std::string by;
    for (size_t i = 0; i < group.values.size(); ++i)
      by += (i ? "," : "") + json_quoted(plan.properties[d.entry.by[i]].name) + ":" +
            json_quoted(group.values[i]);
    std::string prefix =
        "{\"tenant\":" + json_quoted(tenant) + "," + d.selector + when + ",\"by\":{" + by + "}";
    if (d.entry.lifetime)
      print(prefix + ",\"calendar\":null,\"interval\":\"lifetime\",\"bucket\":null", d,
            group.lifetime, out);
    for (size_t c = 0; c < cals.size(); ++c)
      for (int i = 0; i < kIntervals; ++i)
        for (const auto& [label, cell] : group.calendars[c][i]) {
          std::string& name = buckets[{c, i}][label];
          if (name.empty()) name = bucket_text(tenant, cals[c], Interval(i), label);
          print(prefix + ",\"calendar\":" + json_quoted(cals[c].name) + ",\"interval\":\"" +
                    kIntervalNames[i] + "\",\"bucket\":\"" + name + "\"",
                d, cell, out);
        }
  }
}

std::vector<std::string> Counter::State::export_lines() const {
  std::vector<std::string> out;
  for (const auto& d : dimensions)
    for (const auto& [tenant, groups] : d->tenants) export_tenant(*d, tenant, groups, &out);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace oracle
