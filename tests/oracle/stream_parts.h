// What a random stream is drawn from. Internal to stream*.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "stream.h"

namespace oracle {

class Rng {  // splitmix64
 public:
  explicit Rng(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  int64_t between(int64_t low, int64_t high) {
    return low + below(high - low + 1);
  }  // both included
  bool chance(double p) { return static_cast<double>(next() >> 11) / 9007199254740992.0 < p; }
  template <typename T>
  const T& of(const std::vector<T>& items) {
    return items[below(static_cast<int64_t>(items.size()))];
  }
  template <typename T>
  void shuffle(std::vector<T>* items) {
    for (size_t i = items->size(); i > 1; --i)
      std::swap((*items)[i - 1], (*items)[below(static_cast<int64_t>(i))]);
  }

 private:
  uint64_t state_;
};

// One value and the JSON tokens that all mean it.
struct Choice {
  std::string text;  // canonical
  std::vector<std::string> spellings;
};

Choice text_choice(const std::string& text);    // a string as it is
Choice number_choice(const std::string& text);  // plain decimal digits, in many spellings
std::string json_string(const std::string& text);

struct ZoneHint {
  std::string name;
  int64_t standard_offset_s;
  std::vector<int64_t> changes_s;  // UTC instants worth visiting
};
const std::vector<ZoneHint>& zone_hints();

struct PropertyLayout {
  // kLine: a member of the elements of one array, kCode: the elements of an array by /*,
  // kFirstLine: member of element 0
  enum Kind { kScalar, kArray, kLine, kCode, kFirstLine, kPresent };
  Kind kind = kScalar;
  std::string name, path;  // a kLine's path ends in its member
  bool skip = false;       // two kScalar may share a path, one of them skipping
  std::vector<Choice> pool;
};

struct CalendarLayout {
  std::string name, week_start;
  int zone = 0;  // of zone_hints()
};

struct TenantLayout {
  Choice name;
  std::vector<CalendarLayout> calendars;  // what holds for it, be it by default
  bool listed = false;
};

struct Layout {
  enum Time { kRfc3339, kUnit, kLocal, kFormat };
  enum Id { kNoId, kPath, kFirst, kAll, kElseTime };

  std::vector<TenantLayout> tenants;
  bool tenant_constant = false, unknown_set_aside = false;
  std::vector<Choice> metrics;
  std::vector<std::string> unplanned_metrics;  // selected by no rule
  bool metric_constant = false;
  std::string tenant_path, metric_path;

  Time time = kRfc3339;
  std::string time_path, unit, format;
  int local_zone = 0;

  bool profile_planned = true, profile_trim = false, profile_lowercase = false,
       profile_required = false;
  std::vector<std::string> profile_paths;
  Id id = kNoId;
  std::vector<std::string> id_paths;

  std::vector<std::string> value_names, value_paths;
  std::vector<PropertyLayout> properties;
  std::string lines_path, codes_path;  // the arrays of kLine and kCode

  // Several blocks of 64 dimensions, up to eight calendars, more lists and properties: few events
  // say much.
  bool wide = false;

  std::string plan, tenants_csv;
};

Layout make_layout(Rng* rng, const StreamOptions& options);
void draw_rules(Rng* rng, const StreamOptions& options, Layout* layout);

// ---- a plan's text (stream_rules.cpp) ----

std::string yaml_string(const std::string& text);
std::string list_of(const std::vector<std::string>& items);
std::string quoted_list(std::vector<std::string> items);
// Keys and what stands behind them, ready-made.
using Members = std::vector<std::pair<std::string, std::string>>;
// In one line or in several.
std::string mapping(Rng* rng, const std::string& indent, const Members& items);

}  // namespace oracle
