#include "base/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"

namespace quipu {
namespace {

struct NamedNumber {
  std::string name;  // empty: not asked for
  int64_t number = 0;
};

// Reads "name:number" from the environment. A test that misspells it must not pass for that.
NamedNumber named_number(const char* variable, const char* text) {
  if (text == nullptr || *text == 0) return {};
  std::string_view all(text);
  const size_t colon = all.rfind(':');
  NamedNumber result;
  if (colon != std::string_view::npos && colon > 0) {
    result.name = all.substr(0, colon);
    auto [end, error] =
        std::from_chars(all.data() + colon + 1, all.data() + all.size(), result.number);
    if (error == std::errc() && end == all.data() + all.size() && result.number >= 0) return result;
  }
  std::fprintf(stderr, "quipu: %s=%s is not of the form name:number\n", variable, text);
  std::_Exit(2);
}

class FaultPlan {
 public:
  FaultPlan() : kill_(named_number("QUIPU_FAULT_AT", std::getenv("QUIPU_FAULT_AT"))) {
    std::string delays(std::getenv("QUIPU_FAULT_DELAY") ? std::getenv("QUIPU_FAULT_DELAY") : "");
    while (!delays.empty()) {
      const size_t comma = std::min(delays.find(','), delays.size());
      delays_.push_back(named_number("QUIPU_FAULT_DELAY", delays.substr(0, comma).c_str()));
      delays.erase(0, comma + 1);
    }
    const char* log = std::getenv("QUIPU_FAULT_LOG");
    if (log == nullptr || *log == 0) return;
    log_ = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log_ < 0) {
      std::fprintf(stderr, "quipu: QUIPU_FAULT_LOG=%s cannot be opened\n", log);
      std::_Exit(2);
    }
  }
  bool unused() const { return kill_.name.empty() && delays_.empty() && log_ < 0; }
  void pass(std::string_view name) {
    if (log_ >= 0) {
      const std::string line = std::string(name) + "\n";
      CHECK(::write(log_, line.data(), line.size()) == ssize_t(line.size()));
    }
    for (const NamedNumber& delay : delays_) {
      if (name == delay.name) std::this_thread::sleep_for(std::chrono::milliseconds(delay.number));
    }
    if (name == kill_.name && passes_.fetch_add(1) + 1 == kill_.number) {
      ::kill(::getpid(), SIGKILL);
      ::pause();  // until the signal arrives
    }
  }

 private:
  const NamedNumber kill_;
  std::vector<NamedNumber> delays_;
  int log_ = -1;
  std::atomic<int64_t> passes_{0};
};

FaultPlan& fault_plan() {
  static FaultPlan plan;
  return plan;
}

std::atomic<bool> g_unused{false};

}  // namespace

void fault_point(const char* name) {
  if (g_unused.load(std::memory_order_relaxed)) return;
  FaultPlan& plan = fault_plan();
  if (plan.unused()) {
    g_unused.store(true, std::memory_order_relaxed);
  } else {
    plan.pass(name);
  }
}

#ifdef QUIPU_CANARY
namespace {

constexpr const char* kPlantedNames[] = {
    "positions_before_cells", "evict_before_durable",      "ignore_previous_month",
    "ignore_next_month",      "array_values_not_distinct", "names_not_committed",
    "hour_rounding",          "chunk_length_missed",       "joint_row_missed",
    "id_of_set_aside",        "threshold_off_by_one",      "old_row_for_new_dimension",
    "month_not_named",        "record_taken_for_new",      "profile_not_in_filter",
    "codes_not_committed",    "whole_record_of_part",
};

int planted_index() {
  const char* text = std::getenv("QUIPU_PLANT");
  if (text == nullptr || *text == 0) return -1;
  int index = 0;
  for (const char* name : kPlantedNames) {
    if (std::string_view(name) == text) return index;
    ++index;
  }
  std::fprintf(stderr, "quipu: QUIPU_PLANT=%s is none of the planted faults (base/fault.h)\n",
               text);
  std::_Exit(2);
}

// At once and without buffers: crash tests kill the process.
void note_met(const char* name) {
  const char* path = std::getenv("QUIPU_PLANT_LOG");
  if (path == nullptr || *path == 0) return;
  const std::string line = std::string(name) + "\n";
  const int log = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (log < 0 || ::write(log, line.data(), line.size()) != ssize_t(line.size())) {
    std::fprintf(stderr, "quipu: QUIPU_PLANT_LOG=%s cannot be written\n", path);
    std::_Exit(2);
  }
  ::close(log);
}

}  // namespace

bool planted(Planted fault) {
  static const int index = planted_index();
  if (int(fault) != index) return false;
  static const bool noted = (note_met(kPlantedNames[index]), true);
  return noted;
}
#endif

}  // namespace quipu
