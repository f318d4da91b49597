#include "stream.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "parts.h"
#include "stream_parts.h"

namespace oracle {
namespace {

constexpr int kWideEvents = 150;  // of a wide layout: each counts in thousands of buckets
constexpr int64_t kLast_ms = int64_t{7'258'118'400} * 1000 - 1;  // the end of 2199

// A JSON object under construction; members are shuffled and keys sometimes escaped when it is
// written.
struct Node {
  std::string raw;  // a finished token, or an object where it is ""
  std::vector<std::pair<std::string, Node>> members;

  Node& member(const std::string& name) {
    for (auto& [key, node] : members)
      if (key == name) return node;
    members.emplace_back(name, Node());
    return members.back().second;
  }
  Node& at(const std::string& path) {
    Node* node = this;
    for (const std::string& token : Path::parse(path).tokens) node = &node->member(token);
    return *node;
  }
  void set(const std::string& path, const std::string& token) {
    if (!token.empty()) at(path) = Node{token, {}};  // "": the member is missing
  }
  std::string write(Rng* rng) {
    if (!raw.empty()) return raw;
    rng->shuffle(&members);
    std::string out;
    for (auto& [key, node] : members) {
      std::string name = rng->chance(0.02) ? text_choice(key).spellings.back() : json_string(key);
      out += (out.empty()        ? ""
              : rng->chance(0.1) ? " , "
                                 : ",") +
             name + (rng->chance(0.1) ? " : " : ":") + node.write(rng);
    }
    return "{" + out + "}";
  }
};

struct Line {
  int sku = -1, color = -1;  // of their pools; -1: none
};

// What an event says. Its lines are written from this, each time in other spellings.
struct Event {
  int tenant = 0, metric = 0;
  std::string profile;  // as its canonical text; "": none
  bool profile_number = false;
  int64_t time_ms = 0;
  bool with_offset = true;          // of a local time
  std::string id, topic;            // "": not present
  std::vector<std::string> values;  // decimal texts; "": none
  std::map<std::string, std::vector<int>>
      choices;  // path -> of the pool; -1: an element that is empty
  std::vector<Line> lines;
  bool flow = false;
};

class Generator {
 public:
  Generator(uint64_t seed, const StreamOptions& options)
      : rng_(seed), options_(options), layout_(make_layout(&rng_, options)) {
    if (layout_.wide) options_.events = std::min(options_.events, kWideEvents);
    draw_profiles_and_foci();
  }

  Stream run() {
    struct Placed {
      int64_t place, month;
      std::string line;
    };
    std::vector<Placed> placed;
    bool shuffled = rng_.chance(0.3);
    auto place = [&](int64_t near, const std::string& line, int64_t month) {
      int64_t reach = rng_.chance(0.9) ? 20 : options_.events / 2 + 1;
      placed.push_back(
          {shuffled ? rng_.below(1 << 30) : near + rng_.between(-reach, reach), month, line});
    };
    for (int64_t i = 0; i < options_.events; ++i) {
      if (rng_.chance(options_.bad_share)) place(i, bad_line(), -1);
      Event e = draw_event();
      std::string key = key_of(e);
      if (!key.empty() && !keys_.insert(key).second && !options_.conflicting_ids) continue;
      std::string line = write(e);
      const int64_t month = month_of(e.time_ms);
      place(i, line, month);
      for (int64_t n = rng_.chance(options_.duplicate_share) ? rng_.between(1, 2) : 0; n > 0; --n) {
        bool far = rng_.chance(0.3);
        place(far ? rng_.below(options_.events) : i, rng_.chance(0.5) ? line : write(e), month);
      }
      recent_.push_back(e);
    }
    std::stable_sort(placed.begin(), placed.end(),
                     [](auto& a, auto& b) { return a.place < b.place; });
    Stream out;
    out.plan = layout_.plan;
    out.tenants_csv = layout_.tenants_csv;
    for (Placed& p : placed) {
      out.lines.push_back(std::move(p.line));
      out.months.push_back(p.month);
    }
    return out;
  }

 private:
  // ---- what events say ----

  void draw_profiles_and_foci() {
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

  int64_t clamped(int64_t ms) { return std::clamp<int64_t>(ms, 0, kLast_ms); }

  // The start of a local day, week, month or year near an instant, by the zone's offset (or an hour
  // more).
  int64_t edge_near(int64_t s, const CalendarLayout& c) {
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

  int64_t jitter_ms() {
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
  static int64_t month_of(int64_t ms) {
    int64_t year;
    int month, of_month;
    civil_from_days(floor_div(ms, 86'400'000), &year, &month, &of_month);
    return year * 12 + month - 1;
  }

  // Close to the begin of one of three UTC months, or to what may be its begin in some zone.
  int64_t at_edge(int tenant) {
    int64_t month = edges_[tenant] + rng_.below(3);
    int64_t begin = days_from_civil(month / 12, static_cast<int>(month % 12) + 1, 1) * 86'400'000;
    int64_t hours = rng_.chance(0.5) ? 1 : rng_.chance(0.7) ? 15 : 50;
    int64_t quarters = rng_.between(-hours * 4, hours * 4 - 1);
    return clamped(begin + quarters * 900'000 + (rng_.chance(0.3) ? rng_.below(900'000) : 0));
  }

  int64_t draw_time(int tenant, bool heavy) {
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

  std::string draw_number() {
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
    std::string out = (rng_.chance(0.2) ? "-" : "") +
                      std::to_string(rng_.between(0, rng_.chance(0.5) ? 9 : 9999));
    int64_t decimals = rng_.chance(0.5) ? 2 : rng_.between(0, 9);
    if (decimals > 0) out += ".";
    for (; decimals > 0; --decimals) out += char('0' + rng_.below(10));
    return out;
  }

  Event draw_event() {
    if (!recent_.empty() && rng_.chance(0.05)) {  // another event close to an earlier one: one id
                                                  // under two metrics, profiles or times
      Event e = rng_.of(recent_);
      Event other = draw_event_anew();
      if (rng_.chance(0.5)) e.metric = other.metric;
      if (rng_.chance(0.5)) e.profile = other.profile, e.profile_number = other.profile_number;
      if (rng_.chance(0.3)) e.time_ms = other.time_ms;
      if (rng_.chance(0.3)) e.topic = other.topic;
      return e;
    }
    return draw_event_anew();
  }

  Event draw_event_anew() {
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

  const PropertyLayout* line_property(const std::string& name) {
    for (const PropertyLayout& p : layout_.properties)
      if (p.kind == PropertyLayout::kLine && p.name == name) return &p;
    return nullptr;
  }

  int draw_member(const std::string& name) {
    const PropertyLayout* p = line_property(name);
    return !p || rng_.chance(0.15)
               ? -1
               : static_cast<int>(rng_.below(std::min<int64_t>(4, p->pool.size())));
  }

  // "" for an event that is never deduplicated.
  std::string key_of(const Event& e) {
    std::string id =
        layout_.id == Layout::kNoId || (layout_.id == Layout::kAll && e.topic.empty()) ? "" : e.id;
    if (!id.empty() && layout_.id == Layout::kAll) id += "\n" + e.topic;
    if (id.empty() && layout_.id == Layout::kElseTime)
      id = "second " + std::to_string(floor_div(e.time_ms, 1000));
    std::string profile = layout_.profile_planned ? e.profile : "";
    return id.empty() ? ""
                      : std::to_string(e.tenant) + "\n" + std::to_string(e.metric) + "\n" +
                            profile + "\n" + id;
  }

  // ---- how lines are written ----

  std::string one_of(const std::vector<std::string>& spellings) { return rng_.of(spellings); }

  // A token that says there is nothing, "" for a missing member.
  std::string absent() {
    return one_of({"", "", "null", "\"\"", "\"  \"", "\"\\t\"", "{}", "[]", "[1]", "{\"a\":1}"});
  }

  std::string text_or_number(const std::string& text, bool number) {
    if (!number) return json_string(text);
    return one_of({text, json_string(text), text + ".0", json_string(text + "e0")});
  }

  std::string digits(int64_t n, int width) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%0*lld", width, static_cast<long long>(n));
    return buffer;
  }

  struct Clock {
    int64_t year;
    int month, day, hour, minute, second, ms;
  };

  Clock clock(int64_t ms) {
    Clock c;
    int64_t day = floor_div(ms, 86'400'000), rest = ms - day * 86'400'000;
    civil_from_days(day, &c.year, &c.month, &c.day);
    c.hour = static_cast<int>(rest / 3'600'000), c.minute = static_cast<int>(rest / 60'000 % 60),
    c.second = static_cast<int>(rest / 1000 % 60), c.ms = static_cast<int>(rest % 1000);
    return c;
  }

  std::string date(const Clock& c) {
    return digits(c.year, 4) + "-" + digits(c.month, 2) + "-" + digits(c.day, 2);
  }

  std::string rfc3339(int64_t ms, bool offset_needed, bool offset_allowed) {
    int64_t offset =
        rng_.chance(0.6) || !offset_allowed ? 0 : rng_.between(-72, 72) * 15;  // minutes
    bool whole_hours = offset % 60 == 0;
    Clock c = clock(ms + offset * 60'000);
    if (c.year < 1000) offset = 0, c = clock(ms);
    bool bare = offset == 0 && !offset_needed;
    if (bare && c.hour + c.minute + c.second + c.ms == 0 && rng_.chance(0.4)) return date(c);
    std::string out =
        date(c) + one_of({"T", "T", "T", "t", " "}) + digits(c.hour, 2) + ":" + digits(c.minute, 2);
    if (c.second || c.ms || rng_.chance(0.9)) {
      out += ":" + digits(c.second == 59 && rng_.chance(0.2) ? 60 : c.second, 2);
      if (c.ms || rng_.chance(0.2)) {
        std::string fraction = digits(c.ms, 3);
        if (rng_.chance(0.3))
          fraction += digits(rng_.below(1'000'000), 6);
        else
          while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
        out += one_of({".", ".", ","}) + fraction;
      }
    }
    if (bare && (!offset_allowed || rng_.chance(0.3))) return out;
    if (rng_.chance(0.1)) out += " ";
    if (offset == 0 && rng_.chance(0.8)) return out + one_of({"Z", "z"});
    int64_t size = offset < 0 ? -offset : offset;
    std::string hours = (offset < 0 ? "-" : "+") + digits(size / 60, 2),
                minutes = digits(size % 60, 2);
    if (whole_hours && rng_.chance(0.2)) return out + hours;
    return out + hours + (rng_.chance(0.3) ? "" : ":") + minutes;
  }

  std::string formatted(int64_t ms) {
    static const char* kMonths[] = {"January",   "February", "March",    "April",
                                    "May",       "June",     "July",     "August",
                                    "September", "October",  "November", "December"};
    Clock c = clock(ms);
    std::string name = kMonths[c.month - 1],
                hms = digits(c.hour, 2) + ":" + digits(c.minute, 2) + ":" + digits(c.second, 2);
    if (layout_.format[0] == '[')
      return "[" + digits(c.day, 2) + "/" + name.substr(0, 3) + "/" + digits(c.year, 4) + ":" +
             hms + " +0000]";
    if (layout_.format == "%F %T.%f")
      return date(c) + " " + hms + "." + digits(c.ms, 3) + (rng_.chance(0.3) ? "000" : "");
    if (layout_.format[1] == 'B')
      return name + " " + (c.day < 10 && rng_.chance(0.5) ? " " : "") + std::to_string(c.day) +
             " " + digits(c.year, 4) + ", " + digits((c.hour + 11) % 12 + 1, 2) + hms.substr(2) +
             (c.hour < 12 ? " AM" : " PM") + " UTC";
    if (layout_.format == "%Y%j%H%M%S")
      return digits(c.year, 4) +
             digits(days_from_civil(c.year, c.month, c.day) - days_from_civil(c.year, 1, 1) + 1,
                    3) +
             digits(c.hour, 2) + digits(c.minute, 2) + digits(c.second, 2);
    return date(c) + "T" + hms + one_of({"Z", "UTC", "GMT"});
  }

  std::string in_unit(int64_t ms) {
    std::string seconds = std::to_string(ms / 1000), fraction = digits(ms % 1000, 3),
                below = digits(rng_.below(1'000'000), 6), token;
    if (layout_.unit == "unix_s")
      token = ms % 1000 == 0 && rng_.chance(0.7)
                  ? seconds
                  : seconds + "." + fraction + (rng_.chance(0.3) ? below : "");
    else if (layout_.unit == "unix_ms")
      token = std::to_string(ms) + (rng_.chance(0.2) ? "." + below : "");
    else if (layout_.unit == "unix_us")
      token = std::to_string(ms) + below.substr(0, 3);
    else
      token = std::to_string(ms) + below;
    if (ms > 0 && token.find('.') == std::string::npos && rng_.chance(0.1)) token += "0E-1";
    return rng_.chance(0.3) ? json_string(token) : token;
  }

  std::string time_token(const Event& e) {
    switch (layout_.time) {
      case Layout::kUnit:
        return rng_.chance(0.1) ? json_string(rfc3339(e.time_ms, false, true)) : in_unit(e.time_ms);
      case Layout::kFormat:
        return json_string(formatted(e.time_ms));
      case Layout::kLocal:
        if (e.with_offset) return json_string(rfc3339(e.time_ms, true, true));
        return json_string(rfc3339(
            e.time_ms + zone_hints()[layout_.local_zone].standard_offset_s * 1000, false, false));
      default:
        return json_string(rfc3339(e.time_ms, false, true));
    }
  }

  std::string number_token(const std::string& number) {
    if (number.empty()) return one_of({"", "null", "\"\""});
    bool point = number.find('.') != std::string::npos;
    if (number == "0" || number == "-0")
      return one_of({"0", "-0", "0.0", "\"0\"", "0e7", "\" -0.000\""});
    std::string other = number + (point ? "0" : ".0");
    return one_of({number, number, json_string(number), other, json_string(" " + number + "\t"),
                   json_string(other), number + "e0", number + "0E-" + (point ? "0" : "1")});
  }

  std::string element_token(const PropertyLayout& p, int choice) {
    return choice < 0 ? one_of({"null", "\"\"", "{}", "[]", "[\"x\"]", "{\"x\":[1]}"})
                      : one_of(p.pool[choice].spellings);
  }

  std::string property_token(const PropertyLayout& p, const std::vector<int>& choices) {
    bool code = p.kind == PropertyLayout::kCode;
    std::string alone =
        choices.size() == 1 && choices[0] >= 0 ? one_of(p.pool[choices[0]].spellings) : "";
    if (!alone.empty() && (p.kind == PropertyLayout::kScalar || rng_.chance(0.5)) &&
        rng_.chance(0.95))
      return alone;
    if (std::all_of(choices.begin(), choices.end(), [](int c) { return c < 0; }) &&
        rng_.chance(0.7))
      return one_of({"", "", "null", "\"\"", "[]", "{}", code ? "{\"y\":\"z\"}" : "[[]]"});
    std::string out;
    for (int c : choices) out += (out.empty() ? "" : ",") + element_token(p, c);
    return "[" + out + "]";
  }

  std::string lines_token(const Event& e) {
    if (e.lines.empty()) return one_of({"", "null", "[]", "{}", "\"x\"", "7"});
    std::string out;
    for (const Line& line : e.lines) {
      std::string members = rng_.chance(0.3) ? "\"qty\":1,\"qty\":2" : "";
      auto add = [&](const char* name, int choice) {
        const PropertyLayout* p = line_property(name);
        std::string token = !p           ? ""
                            : choice < 0 ? one_of({"", "null", "\"\"", "{}", "[]"})
                                         : one_of(p->pool[choice].spellings);
        if (!token.empty())
          members += (members.empty() ? "" : ",") + std::string("\"") + name + "\":" + token;
      };
      add("sku", line.sku);
      add("color", line.color);
      bool nothing = line.sku < 0 && line.color < 0;
      out += (out.empty() ? "" : ",") + (nothing && rng_.chance(0.5)
                                             ? one_of({"null", "7", "\"x\"", "[]"})
                                             : "{" + members + "}");
    }
    return "[" + out + "]";
  }

  void set_first_present(Node* root, const std::vector<std::string>& paths,
                         const std::string& token) {
    size_t at = token.empty() ? paths.size() : rng_.below(paths.size());
    for (size_t i = 0; i < paths.size(); ++i)
      root->set(paths[i], i < at             ? absent()
                          : i == at          ? token
                          : rng_.chance(0.5) ? "\"other\""
                                             : "");
  }

  std::string profile_token(const Event& e) {
    if (e.profile.empty()) return "";
    if (e.profile_number) return text_or_number(e.profile, true);
    std::string text = e.profile;
    if (layout_.profile_lowercase && rng_.chance(0.4)) text[0] = 'P', text[text.size() - 6] = 'X';
    if (layout_.profile_trim && rng_.chance(0.3)) text = " " + text + "\n";
    return json_string(text);
  }

  Node build(const Event& e) {
    Node root;
    const TenantLayout& tenant = layout_.tenants[e.tenant];
    if (!layout_.tenant_constant) root.set(layout_.tenant_path, one_of(tenant.name.spellings));
    if (!layout_.metric_constant)
      root.set(layout_.metric_path, one_of(layout_.metrics[e.metric].spellings));
    root.set(layout_.time_path, time_token(e));
    set_first_present(&root, layout_.profile_paths, profile_token(e));
    bool numeric = !e.id.empty() && e.id[0] == '8';
    std::string id = e.id.empty() ? "" : text_or_number(e.id, numeric);
    if (layout_.id == Layout::kAll) {
      root.set("/uid", id.empty() ? absent() : id);
      root.set("/topic", e.topic.empty() ? absent() : json_string(e.topic));
    } else {
      set_first_present(&root, layout_.id_paths, id);
    }
    for (size_t i = 0; i < e.values.size(); ++i)
      root.set(layout_.value_paths[i], number_token(e.values[i]));
    std::set<std::string> done;
    for (const PropertyLayout& p : layout_.properties) {
      if (p.kind == PropertyLayout::kPresent)
        root.set(p.path, e.flow ? one_of({"\"x\"", "0", "false", "{}", "[null]", "\" y\""})
                                : one_of({"", "null", "\"\"", "\"  \"", "[]"}));
      else if (p.kind == PropertyLayout::kLine || p.kind == PropertyLayout::kFirstLine) {
        if (done.insert(layout_.lines_path).second) root.set(layout_.lines_path, lines_token(e));
      } else if (done.insert(p.path).second) {
        root.set(p.path, property_token(p, e.choices.at(p.path)));
      }
    }
    if (rng_.chance(0.2))
      root.set("/extra", one_of({"1", "[[[{}]]]", "{\"k\":1,\"k\":2}", "\"\xff\xfe\"",
                                 "\"\\udc00\"", "1e5000", "{\"\\ud800\":null}",
                                 std::string(50, '[') + std::string(50, ']')}));
    return root;
  }

  std::string write(const Event& e) {
    std::string line = build(e).write(&rng_);
    return rng_.chance(0.05) ? " " + line + "\t" : line;
  }

  // ---- lines that do not count ----

  std::string planned_path() {
    std::vector<std::string> paths = {layout_.time_path};
    if (!layout_.tenant_constant) paths.push_back(layout_.tenant_path);
    if (!layout_.metric_constant) paths.push_back(layout_.metric_path);
    if (layout_.profile_planned)
      paths.insert(paths.end(), layout_.profile_paths.begin(), layout_.profile_paths.end());
    if (layout_.id != Layout::kNoId)
      paths.insert(paths.end(), layout_.id_paths.begin(), layout_.id_paths.end());
    paths.insert(paths.end(), layout_.value_paths.begin(), layout_.value_paths.end());
    for (const PropertyLayout& p : layout_.properties)
      if (p.kind == PropertyLayout::kScalar || p.kind == PropertyLayout::kArray ||
          p.kind == PropertyLayout::kPresent)
        paths.push_back(p.path);
    return rng_.of(paths);
  }

  void spoil(Node* root) {
    switch (rng_.below(12)) {
      case 0:
        root->set("/deep", std::string(80, '[') + std::string(80, ']'));
        break;
      case 1:
        if (!layout_.tenant_constant)
          root->at(layout_.tenant_path) =
              Node{one_of({"null", "\" \"", "[]", "{}", "[\"t1\"]"}), {}};
        break;
      case 2:
        if (!layout_.tenant_constant)
          root->at(layout_.tenant_path) = Node{"\"nobody knows me\"", {}};
        break;
      case 3:
        if (!layout_.metric_constant)
          root->at(layout_.metric_path) = Node{one_of({"null", "\"\"", "[1]", "{}"}), {}};
        break;
      case 4:
        if (!layout_.metric_constant && !layout_.unplanned_metrics.empty())
          root->at(layout_.metric_path) = Node{json_string(rng_.of(layout_.unplanned_metrics)), {}};
        break;
      case 5:
        root->at(layout_.time_path) = Node{one_of({"null", "\"\""}), {}};
        break;
      case 6:
        root->at(layout_.time_path) =
            Node{one_of({"\"yesterday\"", "\"2026-02-30\"", "\"2026-13-01T00:00:00Z\"",
                         "\"2026-03-01T25:00:00Z\"", "\"2026-03-01T10:00:00+19:00\"", "true", "{}",
                         "[]", "\"2026-03-01T10:00:00.Z\"", "\"2026-3-1\"",
                         "\"2100-02-29T00:00:00Z\"", "\"2026-03-01T10:00:61Z\""}),
                 {}};
        break;
      case 7: {
        std::string token = one_of({"\"1969-12-31T23:59:59.999Z\"", "\"2200-01-01\"",
                                    "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59-18:00\""});
        if (layout_.time == Layout::kUnit)
          token = one_of({"-1", "-0.5", "1e300", "72581184000000000000000", token});
        root->at(layout_.time_path) = Node{token, {}};
        break;
      }
      case 8:
        if (!layout_.value_paths.empty())
          root->at(rng_.of(layout_.value_paths)) = Node{
              one_of({"\"abc\"", "true", "[1]", "{}", "\"0x10\"", "\"+5\"", "\"1,5\"", "\"NaN\"",
                      "1e21", "100000000000000000000.1", "-100000000000000000001", "1e999999999"}),
              {}};
        break;
      case 9: {  // too many rows
        std::string array;
        for (int i = 0; i < 1001; ++i)
          array += (i ? ",{\"sku\":\"s" : "{\"sku\":\"s") + std::to_string(i) + "\"}";
        root->set(layout_.lines_path, "[" + array + "]");
        break;
      }
      case 10: {  // a key twice
        std::vector<std::string> tokens = Path::parse(planned_path()).tokens;
        Node* at = root;
        for (size_t i = 0; i + 1 < tokens.size(); ++i) at = &at->member(tokens[i]);
        Node copy = at->member(tokens.back());
        if (copy.raw.empty() && copy.members.empty())
          at->member(tokens.back()).raw = copy.raw = "null";
        at->members.emplace_back(tokens.back(), copy);
        break;
      }
      default:
        root->at(planned_path()) =
            Node{one_of({"\"\xff\"", "\"a\\ud800b\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"",
                         "\"\\udc00\\ud800\"", "\"\xe2\x82\""}),
                 {}};
    }
  }

  std::string bad_line() {
    if (rng_.chance(0.1)) return one_of({"", "   ", "\t", "\r"});
    if (options_.long_lines && rng_.chance(0.05))
      return "{\"long\":\"" + std::string((1 << 20) + 1, 'x') + "\"}";
    Event e = recent_.empty() || rng_.chance(0.5)
                  ? draw_event_anew()
                  : rng_.of(recent_);  // also under an id that counts
    Node root = build(e);
    if (rng_.chance(0.8)) {
      spoil(&root);
      if (rng_.chance(0.2)) spoil(&root);
      return root.write(&rng_);
    }
    std::string line = root.write(&rng_);
    switch (rng_.below(7)) {
      case 0:
        return line.substr(0, line.size() - 1 - rng_.below(line.size() / 2));
      case 1:
        return line + "}";
      case 2:
        return "[" + line + "]";
      case 3:
        return one_of({"null", "42", "\"text\"", "not json at all", "{'a':1}", "{\"a\":1,}",
                       "{\"a\":01}", "{\"a\":NaN}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\" 1}",
                       "{\"a\":\"\\x\"}", "{\"a\":tru}"});
      case 4:
        return line + " " + line;
      case 5:
        return "{\"a\":\"\x01\"," + line.substr(1);
      default:
        return "{\"a\":1. ," + line.substr(1);
    }
  }

  Rng rng_;
  StreamOptions options_;
  Layout layout_;
  int profiles_ = 0;
  int64_t next_id_ = 0;
  std::vector<std::vector<int64_t>> foci_;  // of each tenant
  std::vector<int64_t> heavy_;
  std::vector<int64_t> edges_;  // of each tenant: the first of three UTC months
  std::vector<Event> recent_;
  std::set<std::string> keys_;
};

}  // namespace

Stream make_stream(uint64_t seed, const StreamOptions& options) {
  Stream stream = Generator(seed, options).run();
  stream.seed = seed;
  return stream;
}

}  // namespace oracle
