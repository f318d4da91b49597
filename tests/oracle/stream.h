// Random streams for property tests: a plan, its tenants.csv and event lines, all drawn from one
// seed. Shares no code with src/. The same seed and options give the same stream on every machine.
//
// Unless conflicting_ids is asked for, lines with one id say the same (in other spellings), so that
// no answer depends on the order of the lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oracle {

struct StreamOptions {
  int events = 1000;              // different events; duplicates and bad lines come on top
  double duplicate_share = 0.08;  // of events, sent again once or twice
  double bad_share = 0.03;        // lines to be set aside, unplanned lines, blank lines
  double heavy_share = 0.25;  // of events, mostly on one profile of the first tenant within 20 days
  bool conflicting_ids = false;  // some ids come with different content
  bool long_lines = false;       // now and then a line beyond 1 MiB
  bool tiny = false;             // a small plan and few profiles: easier to read when a test fails
  double edge_share = 0;  // of events, in the hours around the begins of three months of a tenant
  int calendars = 0;      // of a tenant, so many; 0: one to three
};

struct Stream {
  uint64_t seed = 0;
  std::string plan;         // YAML; tenants from a file are named tenants.csv
  std::string tenants_csv;  // "" where the plan names no file
  std::vector<std::string> lines;
  std::vector<int64_t> months;  // of each line's event: UTC, since year 0; -1 where there is none
};

Stream make_stream(uint64_t seed, const StreamOptions& options = {});

}  // namespace oracle
