#include "cli/serve_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace quipu {
namespace {

using Kind = Reading::Kind;

void add(std::vector<Reading>& to, Kind kind, const char* name, const char* help, double value) {
  to.push_back({name, help, kind, "", "", value});
}

double seconds_since(int64_t time_s) {
  const double now_s =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return time_s == 0 ? 0 : std::max(0.0, now_s - double(time_s));
}

void read_tallies(const Tallies& tallies, std::vector<Reading>& to) {
  add(to, Kind::counter, "quipu_events_read_total", "Events of the last checkpoint: all",
      double(tallies.read));
  add(to, Kind::counter, "quipu_events_counted_total", "Events of the last checkpoint: counted",
      double(tallies.counted));
  add(to, Kind::counter, "quipu_events_duplicate_total",
      "Events of the last checkpoint: dropped, for their id was there", double(tallies.duplicate));
  add(to, Kind::counter, "quipu_events_unplanned_total",
      "Events of the last checkpoint: no rule counts them", double(tallies.unplanned));
  for (size_t r = 1; r < size_t(Reason::kCount); ++r) {
    to.push_back({"quipu_events_set_aside_total",
                  "Events of the last checkpoint: in the dead-letter file, by reason",
                  Kind::counter, "reason", std::string(reason_name(Reason(r))),
                  double(tallies.set_aside[r])});
  }
}

void read_memory(const Engine& engine, std::vector<Reading>& to) {
  const LiveCounters& live = engine.live();
  const std::pair<const char*, uint64_t> parts[] = {
      {"hot_tier", live.hot_bytes},
      {"panes", live.pending_bytes},
      {"on_the_way", live.in_flight.bytes()},
      {"filter", engine.store().filter_stats().bytes},
  };
  for (const auto& [part, bytes] : parts) {
    to.push_back(
        {"quipu_memory_bytes", "Memory by part", Kind::gauge, "part", part, double(bytes)});
  }
}

}  // namespace

void read_feed_figures(const FeedSet& feeds, std::vector<Reading>& to) {
  for (const FeedStatus& status : feeds.statuses()) {
    if (status.lane != Lane::live) continue;
    to.push_back({"quipu_source_up", "1 while a live source can be read", Kind::gauge, "source",
                  status.name, status.state == FeedStatus::State::reading ? 1.0 : 0.0});
    to.push_back({"quipu_source_lines_total", "Lines that a live source gave to this process",
                  Kind::counter, "source", status.name, double(status.lines)});
  }
}

void read_engine_figures(const Engine& engine, std::vector<Reading>& to) {
  const CommittedState committed = engine.store().committed();
  read_tallies(committed.tallies, to);
  const CheckpointTotals totals = engine.checkpoint_totals();
  add(to, Kind::counter, "quipu_checkpoints_total", "Checkpoints of this process",
      double(totals.checkpoints));
  add(to, Kind::counter, "quipu_checkpoint_seconds_total",
      "Time that the checkpoints of this process took", totals.commit_s);
  add(to, Kind::gauge, "quipu_checkpoint_last_seconds", "Time that the last checkpoint took",
      totals.last_s);
  add(to, Kind::gauge, "quipu_checkpoint_age_seconds",
      "Time since the last checkpoint; none is made while nothing comes",
      seconds_since(committed.time_s));
  read_memory(engine, to);
}

void read_process_figures(std::vector<Reading>& to) {
  uint64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  add(to, Kind::gauge, "process_resident_memory_bytes", "Resident memory of the process",
      double(resident) * double(::sysconf(_SC_PAGE_SIZE)));
  struct rusage used {};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  add(to, Kind::counter, "process_cpu_seconds_total", "CPU time of the process",
      seconds(used.ru_utime) + seconds(used.ru_stime));
}

}  // namespace quipu
