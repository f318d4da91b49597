#include "stream_line.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace oracle {

std::string LineWriter::one_of(const std::vector<std::string>& spellings) {
  return rng_.of(spellings);
}

// A token that says there is nothing, "" for a missing member.
std::string LineWriter::absent() {
  return one_of({"", "", "null", "\"\"", "\"  \"", "\"\\t\"", "{}", "[]", "[1]", "{\"a\":1}"});
}

std::string LineWriter::text_or_number(const std::string& text, bool number) {
  if (!number) return json_string(text);
  return one_of({text, json_string(text), text + ".0", json_string(text + "e0")});
}

std::string LineWriter::digits(int64_t n, int width) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%0*lld", width, static_cast<long long>(n));
  return buffer;
}

LineWriter::Clock LineWriter::clock(int64_t ms) {
  Clock c;
  int64_t day = floor_div(ms, 86'400'000), rest = ms - day * 86'400'000;
  civil_from_days(day, &c.year, &c.month, &c.day);
  c.hour = static_cast<int>(rest / 3'600'000), c.minute = static_cast<int>(rest / 60'000 % 60),
  c.second = static_cast<int>(rest / 1000 % 60), c.ms = static_cast<int>(rest % 1000);
  return c;
}

std::string LineWriter::date(const Clock& c) {
  return digits(c.year, 4) + "-" + digits(c.month, 2) + "-" + digits(c.day, 2);
}

std::string LineWriter::rfc3339(int64_t ms, bool offset_needed, bool offset_allowed) {
  int64_t offset = rng_.chance(0.6) || !offset_allowed ? 0 : rng_.between(-72, 72) * 15;  // minutes
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

std::string LineWriter::formatted(int64_t ms) {
  static const char* kMonths[] = {"January",   "February", "March",    "April",
                                  "May",       "June",     "July",     "August",
                                  "September", "October",  "November", "December"};
  Clock c = clock(ms);
  std::string name = kMonths[c.month - 1],
              hms = digits(c.hour, 2) + ":" + digits(c.minute, 2) + ":" + digits(c.second, 2);
  if (layout_.format[0] == '[')
    return "[" + digits(c.day, 2) + "/" + name.substr(0, 3) + "/" + digits(c.year, 4) + ":" + hms +
           " +0000]";
  if (layout_.format == "%F %T.%f")
    return date(c) + " " + hms + "." + digits(c.ms, 3) + (rng_.chance(0.3) ? "000" : "");
  if (layout_.format[1] == 'B')
    return name + " " + (c.day < 10 && rng_.chance(0.5) ? " " : "") + std::to_string(c.day) + " " +
           digits(c.year, 4) + ", " + digits((c.hour + 11) % 12 + 1, 2) + hms.substr(2) +
           (c.hour < 12 ? " AM" : " PM") + " UTC";
  if (layout_.format == "%Y%j%H%M%S")
    return digits(c.year, 4) +
           digits(days_from_civil(c.year, c.month, c.day) - days_from_civil(c.year, 1, 1) + 1, 3) +
           digits(c.hour, 2) + digits(c.minute, 2) + digits(c.second, 2);
  return date(c) + "T" + hms + one_of({"Z", "UTC", "GMT"});
}

std::string LineWriter::in_unit(int64_t ms) {
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

std::string LineWriter::time_token(const Event& e) {
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

std::string LineWriter::number_token(const std::string& number) {
  if (number.empty()) return one_of({"", "null", "\"\""});
  bool point = number.find('.') != std::string::npos;
  if (number == "0" || number == "-0")
    return one_of({"0", "-0", "0.0", "\"0\"", "0e7", "\" -0.000\""});
  std::string other = number + (point ? "0" : ".0");
  return one_of({number, number, json_string(number), other, json_string(" " + number + "\t"),
                 json_string(other), number + "e0", number + "0E-" + (point ? "0" : "1")});
}

std::string LineWriter::element_token(const PropertyLayout& p, int choice) {
  return choice < 0 ? one_of({"null", "\"\"", "{}", "[]", "[\"x\"]", "{\"x\":[1]}"})
                    : one_of(p.pool[choice].spellings);
}

std::string LineWriter::property_token(const PropertyLayout& p, const std::vector<int>& choices) {
  bool code = p.kind == PropertyLayout::kCode;
  std::string alone =
      choices.size() == 1 && choices[0] >= 0 ? one_of(p.pool[choices[0]].spellings) : "";
  if (!alone.empty() && (p.kind == PropertyLayout::kScalar || rng_.chance(0.5)) &&
      rng_.chance(0.95))
    return alone;
  if (std::all_of(choices.begin(), choices.end(), [](int c) { return c < 0; }) && rng_.chance(0.7))
    return one_of({"", "", "null", "\"\"", "[]", "{}", code ? "{\"y\":\"z\"}" : "[[]]"});
  std::string out;
  for (int c : choices) out += (out.empty() ? "" : ",") + element_token(p, c);
  return "[" + out + "]";
}

std::string LineWriter::lines_token(const Event& e) {
  if (e.lines.empty()) return one_of({"", "null", "[]", "{}", "\"x\"", "7"});
  std::string out;
  for (const Line& line : e.lines) {
    std::string members = rng_.chance(0.3) ? "\"qty\":1,\"qty\":2" : "";
    auto add = [&](const char* name, int choice) {
      const PropertyLayout* p = line_property(layout_, name);
      std::string token = !p           ? ""
                          : choice < 0 ? one_of({"", "null", "\"\"", "{}", "[]"})
                                       : one_of(p->pool[choice].spellings);
      if (!token.empty())
        members += (members.empty() ? "" : ",") + std::string("\"") + name + "\":" + token;
    };
    add("sku", line.sku);
    add("color", line.color);
    bool nothing = line.sku < 0 && line.color < 0;
    out +=
        (out.empty() ? "" : ",") +
        (nothing && rng_.chance(0.5) ? one_of({"null", "7", "\"x\"", "[]"}) : "{" + members + "}");
  }
  return "[" + out + "]";
}

void LineWriter::set_first_present(Node* root, const std::vector<std::string>& paths,
                                   const std::string& token) {
  size_t at = token.empty() ? paths.size() : rng_.below(paths.size());
  for (size_t i = 0; i < paths.size(); ++i)
    root->set(paths[i], i < at ? absent() : i == at ? token : rng_.chance(0.5) ? "\"other\"" : "");
}

std::string LineWriter::profile_token(const Event& e) {
  if (e.profile.empty()) return "";
  if (e.profile_number) return text_or_number(e.profile, true);
  std::string text = e.profile;
  if (layout_.profile_lowercase && rng_.chance(0.4)) text[0] = 'P', text[text.size() - 6] = 'X';
  if (layout_.profile_trim && rng_.chance(0.3)) text = " " + text + "\n";
  return json_string(text);
}

Node LineWriter::build(const Event& e) {
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
    root.set("/extra",
             one_of({"1", "[[[{}]]]", "{\"k\":1,\"k\":2}", "\"\xff\xfe\"", "\"\\udc00\"", "1e5000",
                     "{\"\\ud800\":null}", std::string(50, '[') + std::string(50, ']')}));
  return root;
}

std::string LineWriter::write(const Event& e) {
  std::string line = build(e).write(&rng_);
  return rng_.chance(0.05) ? " " + line + "\t" : line;
}

}  // namespace oracle
