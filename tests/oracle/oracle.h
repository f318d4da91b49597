// The oracle: a naive counter that holds every answer in maps and sets. Tests compare quipu with
// it. It is written from the contract (docs/design.md section 1, docs/decisions.md) alone and
// shares no code with src/.
//
//   oracle::Counter counter(oracle::Plan::parse(plan_yaml, tenants_csv));
//   for (const std::string& line : lines) counter.add_line(line);
//   std::vector<std::string> answers = counter.export_lines();
//
// One thread at a time. Errors in plans and missing zone files are thrown as oracle::Error.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace oracle {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Tallies {
  uint64_t read = 0;
  uint64_t counted = 0;
  uint64_t duplicate = 0;
  uint64_t unplanned = 0;
  uint64_t rounded = 0;  // counted events with at least one value of more than six decimals
  std::map<std::string, uint64_t> set_aside;  // by reason

  uint64_t set_aside_total() const;
  std::string json() const;  // one line
};

struct PlanData;

class Plan {
 public:
  // `tenants: {file: ..}` is read relative to the plan file.
  static Plan load(const std::string& path);
  // For a plan that is not in a file; `tenants: {file: ..}` means tenants_csv, whatever the file's
  // name.
  static Plan parse(const std::string& yaml, const std::string& tenants_csv = "");

  const PlanData& data() const { return *data_; }

 private:
  std::shared_ptr<const PlanData> data_;
};

class Counter {
 public:
  explicit Counter(Plan plan, std::string zoneinfo_dir = "/usr/share/zoneinfo");
  ~Counter();
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  // Delimited input with a header: the next line names the columns. Harmless otherwise.
  void begin_file();

  // A line without its newline. Returns what became of it: "counted", "duplicate", "unplanned",
  // "skipped" (blank or header, not read) or the reason why it was set aside.
  std::string add_line(std::string_view line);

  // All of a file, as it is: its byte order mark, header and ends of lines. `complete`: it does not
  // grow, so its end ends the last record, too.
  void add_file(std::string_view bytes, bool complete);

  // Zone rules for the (tenant, UTC month)s that no counted event has pinned yet.
  void set_zoneinfo(std::string dir);

  const Tallies& tallies() const;

  // The whole export, one JSON line a non-zero bucket of every counter, sorted by bytes.
  std::vector<std::string> export_lines() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace oracle
