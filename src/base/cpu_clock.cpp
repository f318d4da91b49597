#include "base/cpu_clock.h"

#include <pthread.h>

#include <cstring>
#include <ctime>

namespace quipu {
namespace {

uint64_t now_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec);
}

}  // namespace

uint64_t thread_cpu_ns() { return now_ns(CLOCK_THREAD_CPUTIME_ID); }
uint64_t process_cpu_ns() { return now_ns(CLOCK_PROCESS_CPUTIME_ID); }

void name_thread(const char* name) {
  char cut[16] = {};
  std::strncpy(cut, name, sizeof cut - 1);
  pthread_setname_np(pthread_self(), cut);
}

}  // namespace quipu
