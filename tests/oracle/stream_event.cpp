#include "stream_event.h"

#include <algorithm>

#include "parts.h"

namespace oracle {

namespace {

constexpr int64_t kLast_ms = int64_t{7'258'118'400} * 1000 - 1;  // the end of 2199

}  // namespace

const PropertyLayout* line_property(const Layout& layout, const std::string& name) {
  for (const PropertyLayout& p : layout.properties)
    if (p.kind == PropertyLayout::kLine && p.name == name) return &p;
  return nullptr;
}

void EventDrawer::draw_profiles_and_foci() {
  profiles_ = options_.tiny ? 3
                            : static_cast<int>(rng_.chance(0.5) ? rng_.between(2, 12)
                                                                : rng_.between(20, 200));
  for (const TenantLayout& t : layout_.tenants) {
    std::vector<int64_t> foci;
    for (const CalendarLayout& c : t.calendars)
      for (int64_t s : zone_hints()[c.zone].changes_s) foci.push_back(s);
    for (int i = 0; i < 3; ++i) foci.push_back(rng_.of(rng_.of(zone_hints()).changes_s));
    rng_.shuffle(&foci);
    foci.resize(std::min<size_t>(foci.size(), rng_.between(2, 5)));
    foci_.push_back(foci);
    heavy_.push_back(rng_.of(foci));
    if (options_.edge_share > 0)
      edges_.push_back(month_of(rng_.of(foci) * 1000) + rng_.between(-1, 0));
  }
}

int64_t EventDrawer::clamped(int64_t ms) { return std::clamp<int64_t>(ms, 0, kLast_ms); }

// The start of a local day, week, month or year near an instant, by the zone's offset (or an hour
// more).
int64_t EventDrawer::edge_near(int64_t s, const CalendarLayout& c) {
  int64_t offset = zone_hints()[c.zone].standard_offset_s + (rng_.chance(0.4) ? 3600 : 0);
  int64_t day = floor_div(s + offset, 86400) + rng_.between(-2, 2), year;
  int month, of_month;
  civil_from_days(day, &year, &month, &of_month);
  switch (rng_.below(4)) {
    case 0:
      break;
    case 1:
      day -= (day + 3) % 7 - rng_.between(0, 7);
      break;
    case 2:
      day = days_from_civil(year, month, 1);
      break;
    default:
      day = days_from_civil(year + rng_.below(2), 1, 1);
  }
  return day * 86400 - offset;
}

int64_t EventDrawer::jitter_ms() {
  switch (rng_.below(9)) {
    case 0:
      return 0;
    case 1:
      return -1;
    case 2:
      return rng_.between(0, 1) * 1000;
    case 3:
      return -1000;
    case 4:
      return rng_.between(-15 * 60, 15 * 60) * 1000;
    case 5:
      return rng_.between(-7'200'000, 7'200'000);
    case 6:
      return rng_.between(-48, 48) * 3'600'000;
    case 7:
      return rng_.between(-86'400'000, 86'400'000);
    default:
      return rng_.between(-35, 35) * 86'400'000 + rng_.between(0, 86'399'999);
  }
}

// The UTC month, since year 0.
int64_t EventDrawer::month_of(int64_t ms) {
  int64_t year;
  int month, of_month;
  civil_from_days(floor_div(ms, 86'400'000), &year, &month, &of_month);
  return year * 12 + month - 1;
}

// Close to the begin of one of three UTC months, or to what may be its begin in some zone.
int64_t EventDrawer::at_edge(int tenant) {
  int64_t month = edges_[tenant] + rng_.below(3);
  int64_t begin = days_from_civil(month / 12, static_cast<int>(month % 12) + 1, 1) * 86'400'000;
  int64_t hours = rng_.chance(0.5) ? 1 : rng_.chance(0.7) ? 15 : 50;
  int64_t quarters = rng_.between(-hours * 4, hours * 4 - 1);
  return clamped(begin + quarters * 900'000 + (rng_.chance(0.3) ? rng_.below(900'000) : 0));
}

int64_t EventDrawer::draw_time(int tenant, bool heavy) {
  if (options_.edge_share > 0 && rng_.chance(options_.edge_share)) return at_edge(tenant);
  if (heavy) return clamped(heavy_[tenant] * 1000 + rng_.between(-10 * 86400, 10 * 86400) * 1000);
  if (rng_.chance(0.02))
    return rng_.chance(0.5) ? clamped(kLast_ms - rng_.between(0, 3 * 86'400'000))
                            : rng_.between(0, 3 * 86'400'000);
  if (rng_.chance(0.04)) return rng_.between(0, kLast_ms);
  int64_t focus = rng_.of(foci_[tenant]);
  if (rng_.chance(0.06)) focus -= rng_.between(1, 5) * 365 * 86400;
  if (rng_.chance(0.4)) focus = edge_near(focus, rng_.of(layout_.tenants[tenant].calendars));
  return clamped(focus * 1000 + jitter_ms());
}

std::string EventDrawer::draw_number() {
  switch (rng_.below(12)) {
    case 0:
      return "0";
    case 1:
      return rng_.chance(0.5) ? "100000000000000000000" : "-100000000000000000000";
    case 2:
      return std::to_string(rng_.between(1, 999'999'999'999'999)) + "." +
             std::to_string(rng_.between(100'000'001, 999'999'999));
    case 3:
      return "0.0000005";
    case 4:
      return "2.0000015";
    case 5:
      return "-0.0000025";
    default:
      break;
  }
  std::string out =
      (rng_.chance(0.2) ? "-" : "") + std::to_string(rng_.between(0, rng_.chance(0.5) ? 9 : 9999));
  int64_t decimals = rng_.chance(0.5) ? 2 : rng_.between(0, 9);
  if (decimals > 0) out += ".";
  for (; decimals > 0; --decimals) out += char('0' + rng_.below(10));
  return out;
}

Event EventDrawer::draw(const std::vector<Event>& recent) {
  if (!recent.empty() && rng_.chance(0.05)) {  // another event close to an earlier one: one id
                                               // under two metrics, profiles or times
    Event e = rng_.of(recent);
    Event other = draw_anew();
    if (rng_.chance(0.5)) e.metric = other.metric;
    if (rng_.chance(0.5)) e.profile = other.profile, e.profile_number = other.profile_number;
    if (rng_.chance(0.3)) e.time_ms = other.time_ms;
    if (rng_.chance(0.3)) e.topic = other.topic;
    return e;
  }
  return draw_anew();
}

Event EventDrawer::draw_anew() {
  Event e;
  e.tenant = static_cast<int>(rng_.below(layout_.tenants.size()));
  e.metric = static_cast<int>(rng_.below(layout_.metrics.size()));
  bool heavy = rng_.chance(options_.heavy_share);
  if (heavy && rng_.chance(0.9)) e.tenant = 0;
  e.time_ms = draw_time(e.tenant, heavy);
  if (layout_.time == Layout::kFormat && layout_.format != "%F %T.%f")
    e.time_ms -= e.time_ms % 1000;
  e.with_offset = layout_.time != Layout::kLocal || rng_.chance(0.2);
  int64_t who = heavy ? 0 : rng_.chance(0.03) ? rng_.below(1'000'000) : rng_.below(profiles_);
  e.profile_number = who % 5 == 4;
  if (heavy || !rng_.chance(0.07))
    e.profile =
        e.profile_number ? std::to_string(1000 + who) : "p" + std::to_string(who) + "@x.test";
  if (!rng_.chance(0.1))
    e.id = rng_.chance(0.2) ? "8209829119" + std::to_string(46154508 + next_id_++)
                            : "m" + std::to_string(next_id_++);
  if (!rng_.chance(0.1)) e.topic = "topic" + std::to_string(rng_.below(2));
  for (size_t i = 0; i < layout_.value_names.size(); ++i)
    e.values.push_back(rng_.chance(0.25) ? "" : draw_number());
  bool lines = false;
  for (const PropertyLayout& p : layout_.properties) {
    auto draw = [&] {
      return rng_.chance(0.1)
                 ? -1
                 : static_cast<int>(rng_.below(
                       rng_.chance(0.5) ? std::min<int64_t>(3, p.pool.size()) : p.pool.size()));
    };
    if (p.kind == PropertyLayout::kLine) lines = true;
    if (p.kind != PropertyLayout::kScalar && p.kind != PropertyLayout::kArray &&
        p.kind != PropertyLayout::kCode)
      continue;
    if (e.choices.count(p.path)) continue;
    std::vector<int>& chosen = e.choices[p.path];
    int64_t n = rng_.chance(0.1)                                        ? 0
                : p.kind == PropertyLayout::kScalar || rng_.chance(0.5) ? 1
                                                                        : rng_.between(1, 5);
    // Two such lists make more rows than an event may have, if anything joins them.
    if (p.kind != PropertyLayout::kScalar && rng_.chance(0.06)) n = rng_.between(15, 45);
    for (; n > 0; --n) chosen.push_back(draw());
  }
  if (lines)
    for (int64_t n = rng_.between(0, rng_.chance(0.1) ? 12 : 4); n > 0; --n)
      e.lines.push_back({draw_member("sku"), draw_member("color")});
  e.flow = rng_.chance(0.5);
  return e;
}

int EventDrawer::draw_member(const std::string& name) {
  const PropertyLayout* p = line_property(layout_, name);
  return !p || rng_.chance(0.15)
             ? -1
             : static_cast<int>(rng_.below(std::min<int64_t>(4, p->pool.size())));
}

}  // namespace oracle
