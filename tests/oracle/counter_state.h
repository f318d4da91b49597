// What the oracle's counter holds. Internal to tests/oracle: oracle.cpp counts, oracle_export.cpp
// answers.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "labels.h"
#include "oracle.h"
#include "parts.h"
#include "reading.h"

namespace oracle {

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

// An event as it was read.
struct ReadEvent {
  std::string tenant, metric;
  int64_t utc_s = 0, utc_month = 0;
  std::vector<std::array<Label, kIntervals>> labels;  // by calendar
  std::optional<std::string> profile, id;
  std::vector<std::optional<Fixed>> values;
  bool rounded = false;
  Texts texts;
};

struct Counter::State {
  explicit State(Plan p);

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

  const Zone& zone(size_t v, const std::string& name) const;
  size_t version_of(const std::string& tenant, int64_t month) const;
  const std::vector<CalendarSpec>& calendars(const std::string& tenant) const;

  // The dimension of an entry under a selector, united with what is there.
  Dimension* dimension(const std::string& selector_key, const std::string& selector,
                       const Entry& wanted);
  const std::vector<Dimension*>& dimensions_of(const std::string& metric);

  Json read_record(std::string_view line);
  // "n" or "s" and the id's parts, or nothing.
  std::optional<std::string> read_id(const Json& record, int64_t utc_s);
  std::string read_time_of(const Json& record, int64_t* utc_ms);

  // Each dimension with the values that an event counts in.
  using Counts = std::vector<std::pair<Dimension*, std::set<std::vector<std::string>>>>;
  void read_rest(const Json& record, ReadEvent* event);
  Counts counts_of(const std::vector<Dimension*>& wanted, const Texts& texts) const;
  void count(const ReadEvent& event, const Counts& counts);
  // "counted", "duplicate", "unplanned"; a Fault otherwise.
  std::string add(std::string_view line);

  // oracle_export.cpp
  std::string bucket_text(const std::string& tenant, const CalendarSpec& c, Interval interval,
                          Label label) const;
  void print(const std::string& prefix, const Dimension& d, const Cell& cell,
             std::vector<std::string>* out) const;
  std::string when_text(const Dimension& d) const;
  void export_tenant(const Dimension& d, const std::string& tenant,
                     const std::unordered_map<std::string, Group>& groups,
                     std::vector<std::string>* out) const;
  std::vector<std::string> export_lines() const;
};

}  // namespace oracle
