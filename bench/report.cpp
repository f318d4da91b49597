#include "bench/report.h"

#include <cstdio>
#include <fstream>

#include "bench/give_up.h"

namespace quipu::bench {
namespace {

using Wide = unsigned long long;  // what %llu prints

double per(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

void JsonObject::add_member(const std::string& name, const std::string& value) {
  members_ += (members_.empty() ? "\"" : ",\"") + name + "\":" + value;
}
void JsonObject::add(const std::string& name, uint64_t value) {
  add_member(name, std::to_string(value));
}
void JsonObject::add(const std::string& name, double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  add_member(name, text);
}
void JsonObject::add(const std::string& name, const char* text) {
  add_member(name, "\"" + std::string(text) + "\"");
}
void JsonObject::add(const std::string& name, const Quantiles& q) {
  JsonObject object;
  object.add("p50", q.p50);
  object.add("p99", q.p99);
  object.add("max", q.max);
  add(name, object);
}
void JsonObject::add(const std::string& name, const JsonObject& object) {
  add_member(name, object.text());
}
void JsonObject::add_null(const std::string& name) { add_member(name, "null"); }

void write_json(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  std::ofstream out(path);
  out << text << "\n";
  out.close();
  if (!out) give_up("cannot write " + path);
}

void print_throughput(const std::vector<Measurement>& rows) {
  std::printf("%5s %9s %10s %10s %10s %9s %8s %10s %10s %9s %9s %9s %8s\n", "F", "events",
              "reading/s", "commit/s", "events/s", "us CPU/ev", "commits", "members/ev", "cells/ev",
              "B RAM/mem", "B dsk/mem", "B/cell", "RSS MB");
  for (const Measurement& r : rows) {
    const double n = double(r.events), m = double(r.memberships);
    std::printf(
        "%5d %9llu %10.0f %10.0f %10.0f %9.2f %8llu %10.1f %10.1f %9.2f %9.2f %9.2f %8.0f\n",
        r.fanout, Wide(r.events), per(n, r.reading_s), per(n, r.committed_s), per(n, r.settled_s),
        per(r.cpu_s * 1e6, n), Wide(r.commits), per(m, n), per(double(r.cells), n),
        per(double(r.hot_bytes), m), per(double(r.record_bytes), m),
        per(double(r.cell_bytes), double(r.cells)), double(r.peak_rss_bytes) / 1e6);
  }
}

void print_cold(const std::vector<Measurement>& rows, unsigned cold_percent, uint64_t preload) {
  std::printf(
      "%u%% of events on cold profiles, after %llu lines that made them (loads are records asked "
      "of the store; state/hot is what those lines made against the hot tiers)\n",
      cold_percent, Wide(preload));
  std::printf("%5s %9s %10s %10s %10s %9s %8s %9s %9s %10s %10s %9s %9s\n", "F", "events",
              "reading/s", "commit/s", "events/s", "us CPU/ev", "commits", "loads/ev", "found/ev",
              "waited/ev", "state/hot", "RSS MB", "budget MB");
  for (const Measurement& r : rows) {
    const double n = double(r.events);
    std::printf(
        "%5d %9llu %10.0f %10.0f %10.0f %9.2f %8llu %9.3f %9.3f %10.3f %10.1f %9.0f %9.0f\n",
        r.fanout, Wide(r.events), per(n, r.reading_s), per(n, r.committed_s), per(n, r.settled_s),
        per(r.cpu_s * 1e6, n), Wide(r.commits), per(double(r.loads), n),
        per(double(r.loads_found), n), per(double(r.waited), n),
        per(double(r.state_bytes), double(r.hot_budget)), double(r.peak_rss_bytes) / 1e6,
        double(r.memory_budget) / 1e6);
  }
}

void print_commits(const std::vector<Measurement>& rows) {
  std::printf(
      "\n%5s %8s %12s %12s %12s %14s   (a commit: from all parts there to durable; a stall: of a "
      "shard at a barrier)\n",
      "F", "commits", "commit p50 s", "commit p99 s", "commit max s", "stall max ms");
  for (const Measurement& r : rows) {
    std::printf("%5d %8llu %12.3f %12.3f %12.3f %14.3f\n", r.fanout, Wide(r.commits),
                r.commit_s.p50, r.commit_s.p99, r.commit_s.max, double(r.stall_us) / 1000);
  }
}

void print_cpu(const std::vector<Measurement>& rows) {
  std::printf("\nus of CPU time an event\n%5s", "F");
  if (!rows.empty()) {
    for (const auto& [name, s] : rows.front().cpu_parts) std::printf(" %8s", name);
  }
  std::printf(" %8s   (else: the store's own threads, and the rest)\n", "else");
  for (const Measurement& r : rows) {
    double known = 0;
    std::printf("%5d", r.fanout);
    for (const auto& [name, s] : r.cpu_parts) {
      std::printf(" %8.2f", per(s * 1e6, double(r.events)));
      known += s;
    }
    std::printf(" %8.2f\n", per((r.cpu_s - known) * 1e6, double(r.events)));
  }
}

JsonObject json_of(const Measurement& m) {
  JsonObject o;
  o.add("fanout", m.fanout);
  o.add("events", m.events);
  o.add("counted", m.counted);
  o.add("duplicates", m.duplicates);
  o.add("reading_s", m.reading_s);
  o.add("committed_s", m.committed_s);
  o.add("settled_s", m.settled_s);
  o.add("events_per_s", per(double(m.events), m.settled_s));
  o.add("cpu_s", m.cpu_s);
  JsonObject parts;
  for (const auto& [name, s] : m.cpu_parts) parts.add(name, s);
  o.add("cpu_parts_s", parts);
  o.add("commits", m.commits);
  o.add("commit_s", m.commit_s);
  o.add("longest_stall_us", m.stall_us);
  o.add("memberships", m.memberships);
  o.add("loads", m.loads);
  o.add("loads_found", m.loads_found);
  o.add("events_waited", m.waited);
  o.add("hot_bytes", m.hot_bytes);
  o.add("hot_budget", m.hot_budget);
  o.add("state_bytes", m.state_bytes);
  o.add("peak_rss_bytes", m.peak_rss_bytes);
  o.add("memory_budget", m.memory_budget);
  o.add("cells", m.cells);
  o.add("record_bytes", m.record_bytes);
  o.add("cell_bytes", m.cell_bytes);
  o.add("name_bytes", m.name_bytes);
  return o;
}

}  // namespace quipu::bench
