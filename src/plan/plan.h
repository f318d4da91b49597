// The plan file, parsed and checked: where tenant, metric, profile, time, id, values and properties
// are in a line, and what to count. A plain value, immutable after parse(); any thread may read it.
// Errors name file, line, key and what would be right.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "time/month_table.h"
#include "time/parse_time.h"

namespace quipu {

// A JSON Pointer; for delimited text /column or /0.
struct Path {
  std::string text;                 // as written
  std::vector<std::string> tokens;  // unescaped (~0, ~1)
  int star = -1;                    // index of the token `*`, or -1
};

struct Field {
  enum class Kind : uint8_t { absent, constant, first, all };
  Kind kind = Kind::absent;
  std::string constant;
  std::vector<Path> paths;
  bool trim = false;
  bool lowercase = false;
  bool required = false;             // profile only
  bool else_time_to_second = false;  // id only
};

struct TimeField {
  Path path;
  std::vector<Path> then;    // {join: [path, then..]}: all their texts, with a blank between
  std::vector<Path> others;  // {first: [path, others..]}: the first of them where something is
  TimeUnit unit = TimeUnit::none;
  std::string format;  // empty: RFC 3339 and loose forms
  std::string no_offset = "UTC";
};

struct ValueField {
  std::string name;
  Field field;  // constant or first of paths
};

struct Property {
  std::string name;
  Path path;
  bool present = false;  // {present: PATH}: "true" or "false"
  bool skip_missing = false;
  uint16_t column = 0;  // properties of one definition share a column
};

// One column of an event's row. Columns of properties come first (of every property defined,
// whether or not something is counted by it), then those of `when`s; each kind is sorted by
// identity. So plans of equal fingerprints have the same columns in the same order.
struct Column {
  bool is_when = false;
  // Names the definition for ever (a canonical JSON text); equal identities are one column.
  std::string identity;
  uint16_t property = 0;  // index of a property that has this definition (not for `when`)
  // for `when`: column of a property -> canonical texts (sorted), any of which matches; all entries
  // must match
  std::vector<std::pair<uint16_t, std::vector<std::string>>> when;
};

struct PlannedDimension {
  std::string identity;  // of `when` and the set of definitions; not of names, order, flags
  std::vector<uint16_t> properties;  // in the plan's order of names; indices into Plan::properties
  // Their columns, sorted by identity (and so rising): the order of elements stored.
  std::vector<uint16_t> columns;
  std::optional<uint16_t> when;  // its column
  uint8_t sums = 0;              // bit i: value i of the plan
  bool unique = true;
  bool lifetime = false;
};

struct Selector {
  bool group = false;                // `together`
  std::string name;                  // the metric's or the group's
  bool all_metrics = false;          // group of "*"
  std::vector<std::string> members;  // group: sorted
  std::string identity() const;      // canonical JSON text
};

struct PlannedSection {
  Selector selector;
  std::vector<PlannedDimension> dimensions;  // distinct identities, in plan order
};

struct TenantCalendars {
  std::vector<Calendar> fallback;                        // the default calendars
  std::map<std::string, std::vector<Calendar>> tenants;  // canonical tenant names
  bool unknown_set_aside = false;
};

struct InputFormat {
  bool delimited = false;
  // A web server's log. It is delimited too; `columns` are kLogColumns.
  bool combined_log = false;
  char delimiter = ',';     // ' ' if whitespace
  bool whitespace = false;  // runs of blanks and tabs
  bool header = true;
  char quote = '"';  // '\0': none
  std::vector<std::string> columns;
  // A planned column that a file's header lacks is empty; otherwise the file is refused.
  bool missing_columns_empty = false;
  bool has_header() const { return delimited && header && columns.empty(); }
};

// What a line of a web server's log holds: its fields, then those within `request`.
inline constexpr std::array<const char*, 13> kLogColumns = {
    "host",    "ident", "user",   "time",   "request", "status",  "bytes",
    "referer", "agent", "method", "target", "path",    "protocol"};
inline constexpr char kLogTimeFormat[] = "%d/%b/%Y:%H:%M:%S %z";

class Plan {
 public:
  // text: the file's content; file: its name in messages; folder: where a tenants file is looked
  // for; zoneinfo_dir: where zones are (empty: the system's). Reads the tenants file and zones, no
  // other file.
  static Result<Plan> parse(std::string_view text, const std::string& file,
                            const std::string& folder, const std::string& zoneinfo_dir = "");
  // Re-reads a plan stored by serialise() (the tenants file's content is part of it). Reads no
  // file: zones were checked when it was new. The layout stands at the top of plan.cpp.
  static Result<Plan> deserialise(std::string_view bytes);
  std::string serialise() const;

  std::string name;  // file name without folder and ending
  std::string text;
  InputFormat input;
  Field tenant, metric, profile, id;
  TimeField time;
  std::vector<ValueField> values;
  std::vector<Property> properties;
  std::vector<Column> columns;
  TenantCalendars calendars;

  // What an event of this metric counts in: its own section (selector = the metric) first if it has
  // one, then one for each group that holds it. Empty: no rule counts it. `metric` is a canonical
  // text; "*" gives what metrics count in that no rule names. At most kMaxBitmapWords blocks of 64
  // dimensions (each section rounded up).
  std::vector<PlannedSection> sections_of(std::string_view metric) const;
  // Every group of the plan, then every metric named in a rule (for listing; "*" names none), by
  // name.
  std::vector<Selector> named_selectors() const;
  // Text that is equal for two plans exactly if they read, count and name alike: comments, order of
  // keys, rules and entries, and different ways to write the same do not matter. Names of
  // properties do: answers show them.
  std::string fingerprint() const;
  // Of the mapping alone (event:, input:): a change of it is refused on an existing store.
  std::string mapping_fingerprint() const;

 private:
  struct Rule {
    bool all_metrics = false;
    std::vector<std::string> metrics;  // canonical, sorted, distinct
    std::string together;              // empty: each metric by itself
    std::vector<PlannedDimension> dimensions;
    Selector selector(std::string_view metric) const;
  };
  void index_rules();                                           // when all are there
  std::vector<size_t> rules_of(std::string_view metric) const;  // rising

  std::vector<Rule> rules_;
  std::vector<size_t> rules_of_all_;                                      // rules of "*"
  std::map<std::string, std::vector<size_t>, std::less<>> rules_naming_;  // by metric; rising
  std::string file_;                                                      // its name in messages
  std::optional<std::string> tenants_file_text_;  // where the plan names such a file
  friend class PlanParser;
};

}  // namespace quipu
