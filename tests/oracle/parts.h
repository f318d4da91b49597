// What the oracle is made of: JSON, decimal texts, zones, times, the plan. Internal to
// tests/oracle.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oracle.h"

namespace oracle {

// ---- JSON (RFC 8259), keeping number spellings and repeated keys ----

struct Json {
  enum Kind { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };
  Kind kind = kNull;
  std::string text;       // a number as spelled, a string unescaped, "true", "false"
  bool bad_text = false;  // a string with invalid UTF-8 or a lone surrogate
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> fields;

  bool scalar() const { return kind != kNull && kind != kArray && kind != kObject; }
};

constexpr int kDeepestNesting = 64;

// Returns "" or the reason: "not_json", "too_deep".
std::string read_json(std::string_view line, Json* out);
bool valid_utf8(std::string_view text);
std::string json_quoted(std::string_view text);  // as a JSON string, non-ASCII kept

// ---- decimals and canonical texts ----

// digits x 10^exponent; digits without zeros at either end, empty for zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
  int beyond = 0;  // +1 or -1 where the spelled exponent is beyond +-10^18
};

std::optional<Decimal> read_decimal(std::string_view text);  // the grammar of a JSON number
std::string canonical(std::string_view text);         // of a string: a number only without exponent
std::string canonical_number(std::string_view text);  // of a JSON number
std::string trimmed(std::string_view text);
bool blank(std::string_view text);

using Fixed = __int128;  // in units of 10^-6
enum class FixedFault { kNone, kTooLarge };
FixedFault to_fixed(const Decimal& d, Fixed* out, bool* rounded);
std::string fixed_text(Fixed v);

// ---- zones: TZif files, expanded by their POSIX footer to the year 2202 ----

class Zone {
 public:
  Zone() = default;  // UTC
  static Zone read(const std::string& path);

  struct Segment {
    int64_t start, end;  // UTC seconds
    int32_t offset;
  };
  // With transitions taken at the start of their quarter-hour: for buckets.
  int32_t bucket_offset(int64_t utc_s) const;
  std::vector<Segment> bucket_segments(int64_t from_s, int64_t to_s) const;
  // With the true transitions: for reading local times. Twice: the first; never: ahead by the gap.
  int64_t utc_of_local(int64_t local_s) const;

 private:
  struct Steps {
    int32_t before = 0;
    std::vector<std::pair<int64_t, int32_t>> at;  // (UTC second, offset from then on)
    int32_t offset(int64_t utc_s) const;
    std::vector<Segment> segments(int64_t from_s, int64_t to_s) const;
  };
  Steps true_, rounded_;
};

int64_t days_from_civil(int64_t year, int month, int day);
void civil_from_days(int64_t days, int64_t* year, int* month, int* day);
int days_in_month(int64_t year, int month);
inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// ---- times ----

struct TimeSpec;
// Returns "" and the UTC millisecond, or the reason.
std::string read_time(const TimeSpec& spec, const Json* value, const Zone* no_offset,
                      int64_t* utc_ms);

// ---- the plan ----

struct Path {
  std::string text;
  std::vector<std::string> tokens;
  static Path parse(const std::string& text);
};

struct FieldSpec {
  std::optional<std::string> constant;
  std::vector<Path> paths;
  bool alternatives = false;  // {first: ..}
  bool trim = false, lowercase = false, required = false;
};

struct IdSpec {
  FieldSpec field;  // also first
  bool all = false;
  bool else_time_to_second = false;
  bool planned = false;
};

struct TimeSpec {
  Path at;
  std::vector<Path> first;  // if not empty: the first of these where something is, instead of `at`
  std::vector<Path> join;   // if not empty: these, with a blank between, instead of `at`
  std::string unit, format, no_offset = "UTC";
};

struct PropertySpec {
  std::string name;
  Path path;
  bool present = false, skip = false;
  int star = -1;           // index of the token *
  std::string definition;  // equal for equal definitions
  std::string walk;        // properties with the same walk share an array
};

struct CalendarSpec {
  std::string name, zone;
  int week_start = 0;  // 0 = monday
};

using When = std::vector<std::pair<int, std::set<std::string>>>;  // property -> alternatives

// What one rule asks of one list of properties.
struct Entry {
  When when;
  std::vector<int> by;
  bool unique = true, lifetime = false;
  std::set<int> sums;
};

struct Rule {
  bool every_metric = false;
  std::set<std::string> metrics;
  std::string together;
  std::vector<Entry> entries;
  bool selects(const std::string& metric) const { return every_metric || metrics.count(metric); }
};

struct InputSpec {
  bool delimited = false, header = true;
  bool log = false;             // a web server's; delimited, too
  std::string delimiter = ",";  // one character or "whitespace"
  char quote = '"';             // 0: none
  std::vector<std::string> columns;
};

struct PlanData {
  InputSpec input;
  FieldSpec tenant, metric, profile;
  IdSpec id;
  TimeSpec time;
  std::vector<std::pair<std::string, FieldSpec>> values;
  std::vector<PropertySpec> properties;
  std::vector<CalendarSpec> default_calendars;
  std::map<std::string, std::vector<CalendarSpec>> tenant_calendars;
  bool unknown_set_aside = false;
  std::vector<Rule> rules;
};

// *open: a quote is not closed.
std::vector<std::string> split_delimited(const InputSpec& input, std::string_view line,
                                         bool* open = nullptr);
std::vector<std::string> log_columns();
std::vector<std::string> split_log(std::string_view line, bool* open);

// ---- files ----

// The text of a file: without a byte order mark, its lines ended by newlines.
std::string plain_text(std::string_view bytes);
// A file's records, without the newlines behind them. Of a file that may grow, what stands at its
// end and may become another record is left out.
std::vector<std::string> records_of(const InputSpec& input, const std::string& text, bool complete);

}  // namespace oracle
