// Stored bytes of zone rules (version 1):
//   version u8 = 1 | name: varint length, bytes | first offset: signed varint, s | transitions:
//   varint per transition: time: signed varint, quarter-hours since the one before (since 1970 for
//   the first)
//                   offset: signed varint, s
#include "time/zone.h"

#include <absl/strings/string_view.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"

namespace quipu {
namespace {

constexpr uint8_t kZoneBytesVersion = 1;
constexpr const char* kSystemZoneinfo = "/usr/share/zoneinfo";
constexpr int64_t kMarginS = 2 * 86400;
constexpr int64_t kFirstTransitionS = kMinEventTimeS - kMarginS;
constexpr int64_t kEndTransitionS = kEndEventTimeS + kMarginS;
constexpr int32_t kWidestOffsetS = 86400;       // the furthest ever used is below 16 hours
constexpr int64_t kLongestMonthS = 35 * 86400;  // a local one, between the widest offsets
constexpr size_t kLongestName = 64;
constexpr size_t kNearNames = 3;

int64_t floor_to_quarter(int64_t s) { return s - ((s % kQuarterS) + kQuarterS) % kQuarterS; }

std::string zoneinfo_directory(const std::string& asked) {
  if (!asked.empty()) return asked;
  const char* tzdir = std::getenv("TZDIR");
  return tzdir != nullptr && *tzdir != 0 ? tzdir : kSystemZoneinfo;
}

// Area/Location names only: nothing that leads out of the folder, no copies with leap seconds.
bool is_zone_name(const std::string& name) {
  if (name.empty() || name.size() > kLongestName) return false;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const std::string part = name.substr(at, end - at);
    if (part.empty() || part == "." || part == ".." ||
        (at == 0 && (part == "posix" || part == "right")))
      return false;
    at = end + 1;
  }
  return name != "localtime" && name != "posixrules" &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '+' || c == '-';
         });
}

bool is_zone_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "TZif";
}

std::vector<std::string> zone_names(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().string().substr(folder.size());
    name.erase(0, std::min(name.find_first_not_of('/'), name.size()));
    if (is_zone_name(name) && is_zone_file(it->path().string())) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    if (c == ' ') c = '_';
  }
  return out;
}

// Insertions, deletions and changes from one text to the other.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

Error unknown_zone(const std::string& name, const std::string& folder) {
  const std::vector<std::string> names = zone_names(folder);
  const std::string start = "no time zone \"" + name.substr(0, kLongestName) + "\"";
  if (names.empty())
    return Error{start + ": there are no zone files under " + folder +
                 "; install the tzdata package"};
  const std::string wanted = lower(std::string_view(name).substr(0, kLongestName));
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& known : names) {
    const std::string low = lower(known);
    const size_t whole = edit_distance(wanted, low);
    const size_t last = edit_distance(wanted, std::string_view(low).substr(low.rfind('/') + 1));
    const size_t distance = std::min(whole, last);
    if (distance <= std::max<size_t>(1, wanted.size() / 4)) near.emplace_back(distance, known);
  }
  std::sort(near.begin(), near.end());
  if (near.empty())
    return Error{start + " under " + folder +
                 "; names are like Europe/Berlin, America/New_York or UTC"};
  std::string list;
  for (size_t i = 0; i < std::min(near.size(), kNearNames); ++i)
    list += (i > 0 ? ", " : "") + near[i].second;
  return Error{start + "; near names: " + list};
}

// Adds a transition under the contract's rules. Called in order of time.
void add_transition(ZoneRules& rules, int64_t utc_s, int32_t offset_s) {
  const int64_t quarter = floor_to_quarter(utc_s);
  auto& list = rules.transitions;
  if (!list.empty() && list.back().utc_s == quarter) list.pop_back();
  const int32_t before = list.empty() ? rules.first_offset_s : list.back().offset_s;
  if (offset_s != before) list.push_back({quarter, offset_s});
}

}  // namespace

int32_t ZoneRules::offset_at(int64_t utc_s) const {
  auto after = std::upper_bound(transitions.begin(), transitions.end(), utc_s,
                                [](int64_t t, const ZoneTransition& x) { return t < x.utc_s; });
  return after == transitions.begin() ? first_offset_s : std::prev(after)->offset_s;
}

std::string ZoneRules::fault() const {
  const auto too_wide = [](int32_t offset) {
    return offset <= -kWidestOffsetS || offset >= kWidestOffsetS;
  };
  if (too_wide(first_offset_s)) return "an offset of a day or more";
  for (size_t i = 0; i < transitions.size(); ++i) {
    if (too_wide(transitions[i].offset_s)) return "an offset of a day or more";
    if (i >= kMaxChangesOfMonth &&
        transitions[i].utc_s - transitions[i - kMaxChangesOfMonth].utc_s < kLongestMonthS) {
      return "more than " + std::to_string(kMaxChangesOfMonth) +
             " changes of its offset within 35 days";
    }
  }
  return "";
}

ResolvedLocal resolve_local(const ZoneRules& rules, int64_t local_s) {
  // Only transitions less than a day (and a gap) from the local time can matter.
  const auto& list = rules.transitions;
  auto next = std::lower_bound(list.begin(), list.end(), local_s - 2 * kWidestOffsetS,
                               [](const ZoneTransition& x, int64_t t) { return x.utc_s < t; });
  int32_t offset = next == list.begin() ? rules.first_offset_s : std::prev(next)->offset_s;
  bool found = false;
  ResolvedLocal result{local_s - offset, LocalKind::unique};
  ResolvedLocal in_gap{local_s - offset, LocalKind::skipped};
  bool before_begin = false;  // the local time lies before the segment's first one
  for (;; ++next) {
    const bool last = next == list.end() || next->utc_s > local_s + 2 * kWidestOffsetS;
    const int64_t utc = local_s - offset;
    if (!before_begin && (last || utc < next->utc_s)) {
      if (found) return {result.utc_s, LocalKind::twice};
      found = true;
      result.utc_s = utc;
    }
    if (last) break;
    if (utc >= next->utc_s && local_s - next->offset_s < next->utc_s) in_gap.utc_s = utc;
    before_begin = local_s - next->offset_s < next->utc_s;
    offset = next->offset_s;
  }
  return found ? result : in_gap;
}

Result<ZoneRules> load_zone(const std::string& name, const std::string& zoneinfo_dir) {
  ZoneRules rules;
  rules.name = name;
  const std::string folder = zoneinfo_directory(zoneinfo_dir);
  const std::string path = folder + "/" + name;
  if (name == "UTC") return rules;
  if (!is_zone_name(name) || !is_zone_file(path)) return unknown_zone(name, folder);
  absl::TimeZone zone;
  std::error_code failed;
  const std::string absolute = std::filesystem::absolute(path, failed).string();
  if (failed || !absl::LoadTimeZone(absolute, &zone)) {
    return Error{"the zone file " + path + " is damaged; install the tzdata package anew"};
  }
  auto offset_at = [&](int64_t utc_s) {
    return int32_t(zone.At(absl::FromUnixSeconds(utc_s)).offset);
  };
  int64_t at = kFirstTransitionS - 1;
  int32_t offset = offset_at(at);
  rules.first_offset_s = offset;
  absl::TimeZone::CivilTransition change;
  while (zone.NextTransition(absl::FromUnixSeconds(at), &change)) {
    // A change is given as the wall clock before and after it.
    const int64_t before = change.from - absl::CivilSecond(1970, 1, 1);
    const int64_t utc_s = before - offset;
    const int32_t after = offset + int32_t(change.to - change.from);
    if (utc_s >= kEndTransitionS) break;
    if (utc_s <= at || offset_at(utc_s - 1) != offset || offset_at(utc_s) != after) {
      return Error{"the zone file " + path +
                   " contradicts itself; install the tzdata package anew"};
    }
    add_transition(rules, utc_s, after);
    offset = after;
    at = utc_s;
  }
  if (const std::string fault = rules.fault(); !fault.empty())
    return Error{"the zone file " + path + " has " + fault +
                 ", which no calendar can follow; install the tzdata package anew"};
  return rules;
}

void encode_zone(const ZoneRules& rules, std::string& out) {
  ByteWriter w(out);
  w.u8(kZoneBytesVersion);
  w.sized(rules.name);
  w.svarint(rules.first_offset_s);
  w.varint(rules.transitions.size());
  int64_t last_s = 0;
  for (const ZoneTransition& t : rules.transitions) {
    w.svarint((t.utc_s - last_s) / kQuarterS);
    w.svarint(t.offset_s);
    last_s = t.utc_s;
  }
}

Result<ZoneRules> decode_zone(std::string_view bytes) {
  const Error corrupt{"stored zone rules are damaged"};
  ByteReader r(bytes);
  if (uint8_t version = r.u8(); r.ok() && version != kZoneBytesVersion) {
    return Error{"stored zone rules are of version " + std::to_string(version) +
                 "; this program reads version " + std::to_string(kZoneBytesVersion)};
  }
  auto good_offset = [](int64_t offset) {
    return offset > -kWidestOffsetS && offset < kWidestOffsetS;
  };
  ZoneRules rules;
  rules.name = std::string(r.sized());
  const int64_t first = r.svarint();
  const uint64_t count = r.varint();
  if (!r.ok() || !good_offset(first) || count > r.left()) return corrupt;
  rules.first_offset_s = int32_t(first);
  rules.transitions.reserve(size_t(count));
  constexpr int64_t kFurthest = kEndTransitionS / kQuarterS;
  int64_t last = 0;  // in quarter-hours
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t step = r.svarint(), offset = r.svarint();
    if (!r.ok() || !good_offset(offset) || step > kFurthest ||
        step < (i == 0 ? kFirstTransitionS / kQuarterS : 1))
      return corrupt;
    last += step;
    if (last >= kFurthest) return corrupt;
    rules.transitions.push_back({last * kQuarterS, int32_t(offset)});
  }
  if (!r.done() || !rules.fault().empty()) return corrupt;
  return rules;
}

}  // namespace quipu
