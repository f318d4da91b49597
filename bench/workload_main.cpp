// bench_workload: writes the workload's lines to standard output, and its plan to a file.
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/workload.h"

namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;

constexpr char kUsage[] =
    "usage: bench_workload [options] > lines.jsonl\n"
    "  --events N       lines to write (200000); 0 writes the plan alone\n"
    "  --tenants N      (200)\n"
    "  --profiles N     of all tenants (1000000)\n"
    "  --seed N         (1)\n"
    "  --base TIME      event time of the first line, 2026-03-01T00:00:00Z or unix seconds\n"
    "  --rate N         lines a second of event time (20000)\n"
    "  --line-seconds N seconds of event time from line to line, instead of a rate\n"
    "  --preload N      first lines, of old profiles (0)\n"
    "  --cold PERCENT   of the events behind them that are of an old profile each (0)\n"
    "  --fanout F       dimensions an event in the plan, 1 to 300 (10)\n"
    "  --plan-out FILE  where to write the plan for that fan-out\n";

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "bench_workload: %s\n%s", message.c_str(), kUsage);
  std::exit(2);
}

uint64_t number(std::string_view option, std::string_view text, uint64_t from, uint64_t to) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < from || value > to) {
    fail(std::string(option) + " takes a whole number from " + std::to_string(from) + " to " +
         std::to_string(to) + ", not " + std::string(text));
  }
  return value;
}

int64_t instant(std::string_view option, const std::string& text) {
  int year = 0, end = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2uZ%n", &year, &month, &day, &hour, &minute,
                  &second, &end) == 6 &&
      end == static_cast<int>(text.size())) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (date.ok() && hour < 24 && minute < 60 && second < 60) {
      const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
      return ((days * 24 + hour) * 60 + minute) * 60 + second;
    }
  }
  return static_cast<int64_t>(number(option, text, 0, 7258118399));
}

void write(std::FILE* file, const std::string& bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) {
    std::perror("bench_workload: cannot write");
    std::exit(1);
  }
}

struct Arguments {
  quipu::bench::WorkloadOptions options;
  uint64_t events = 200000;
  int fanout = 10;
  std::string plan_out;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  quipu::bench::WorkloadOptions& options = arguments.options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--help" || option == "-h") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    }
    if (i + 1 == argc) fail(std::string(option) + " needs a value");
    const std::string text = argv[i + 1];
    if (option == "--events") {
      arguments.events = number(option, text, 0, UINT64_MAX);
    } else if (option == "--tenants") {
      options.tenants = static_cast<uint32_t>(number(option, text, 1, 1000000));
    } else if (option == "--profiles") {
      options.profiles = number(option, text, 1, 1000000000000);
    } else if (option == "--seed") {
      options.seed = number(option, text, 0, UINT64_MAX);
    } else if (option == "--base") {
      options.base_s = instant(option, text);
    } else if (option == "--rate") {
      options.rate = static_cast<uint32_t>(number(option, text, 1, UINT32_MAX));
    } else if (option == "--line-seconds") {
      options.line_s = static_cast<uint32_t>(number(option, text, 1, 86400));
    } else if (option == "--preload") {
      options.preload = number(option, text, 0, UINT64_MAX);
    } else if (option == "--cold") {
      options.cold_percent = static_cast<uint32_t>(number(option, text, 0, 100));
    } else if (option == "--fanout") {
      arguments.fanout = static_cast<int>(number(option, text, 1, quipu::bench::kMaxFanout));
    } else if (option == "--plan-out") {
      arguments.plan_out = text;
    } else {
      fail("unknown option " + std::string(option));
    }
  }

  if (options.cold_percent > 0 && options.preload == 0) fail("--cold needs a --preload");
  return arguments;
}

bool write_plan(const std::string& path, int fanout) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  write(file, quipu::bench::workload_plan(fanout));
  return std::fclose(file) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  const std::string& plan_out = arguments.plan_out;
  if (!plan_out.empty() && !write_plan(plan_out, arguments.fanout)) {
    std::perror(("bench_workload: " + plan_out).c_str());
    return 1;
  }
  if (arguments.events == 0) return 0;

  quipu::bench::Workload workload(arguments.options);
  std::string buffer;
  buffer.reserve(kWriteBytes + 4096);
  for (uint64_t i = 0; i < arguments.events; ++i) {
    workload.next(buffer);
    if (buffer.size() >= kWriteBytes) {
      write(stdout, buffer);
      buffer.clear();
    }
  }
  write(stdout, buffer);
  if (std::fflush(stdout) != 0) {
    std::perror("bench_workload: cannot write");
    return 1;
  }
  return 0;
}
