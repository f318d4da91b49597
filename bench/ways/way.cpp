#include "bench/ways/way.h"

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/ways/lines.h"

namespace quipu::bench {
namespace {

double process_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto s = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

WayOptions parse(int argc, char** argv, const char* name) {
  const std::string usage =
      "usage: bench_way_" + std::string(name) +
      " --lines FILE --folder DIR [--fanout F] [--events N] [--seconds S] [--commit-seconds S]\n"
      "       [--commit-events N] [--memory-mb N] [--digest] [--resume] [--crash]\n";
  WayOptions o;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--digest")
      o.digest = true;
    else if (option == "--resume")
      o.resume = true;
    else if (option == "--crash")
      o.crash = true;
    else if (i + 1 == argc)
      fail(option + " is unknown or lacks a value\n" + usage);
    else {
      const std::string value = argv[++i];
      try {
        if (option == "--lines")
          o.lines = value;
        else if (option == "--folder")
          o.folder = value;
        else if (option == "--fanout")
          o.fanout = std::stoi(value);
        else if (option == "--events")
          o.events = std::stoull(value);
        else if (option == "--seconds")
          o.seconds = std::stod(value);
        else if (option == "--commit-seconds")
          o.commit_s = std::stod(value);
        else if (option == "--commit-events")
          o.commit_events = std::stoull(value);
        else if (option == "--memory-mb")
          o.memory_bytes = std::stoull(value) << 20;
        else
          fail("unknown option " + option + "\n" + usage);
      } catch (const std::logic_error&) {
        fail(option + " takes a number, not " + value);
      }
    }
  }
  if (o.lines.empty() || o.folder.empty())
    fail("a file of lines and a folder are needed\n" + usage);
  return o;
}

}  // namespace

Watch::Watch() : begin_(std::chrono::steady_clock::now()), cpu_begin_s_(process_cpu_s()) {}
double Watch::wall_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}
double Watch::cpu_s() const { return process_cpu_s() - cpu_begin_s_; }

uint64_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "VmHWM:") continue;
    uint64_t kib = 0;
    status >> kib;
    return kib << 10;
  }
  return 0;
}

uint64_t bytes_in(const std::string& folder) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

int way_main(int argc, char** argv, const char* name,
             const std::function<WayResult(const WayOptions&)>& run) {
  const WayOptions o = parse(argc, argv, name);
  if (!o.resume) std::filesystem::remove_all(o.folder);
  std::filesystem::create_directories(o.folder);
  const WayResult r = run(o);
  std::printf(
      "{\"way\":\"%s\",\"fanout\":%d,\"events\":%llu,\"read_s\":%.3f,\"committed_s\":%.3f,"
      "\"settled_s\":%.3f,\"cpu_s\":%.3f,\"commits\":%llu,"
      "\"rss_bytes\":%llu,\"disk_bytes\":%llu,\"digest\":\"%s\"}\n",
      name, o.fanout, static_cast<unsigned long long>(r.events), r.read_s, r.committed_s,
      r.settled_s, r.cpu_s, static_cast<unsigned long long>(r.commits),
      static_cast<unsigned long long>(r.rss_bytes), static_cast<unsigned long long>(r.disk_bytes),
      r.digest.c_str());
  return 0;
}

}  // namespace quipu::bench
