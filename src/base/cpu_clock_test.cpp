#include "base/cpu_clock.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <string>
#include <thread>

namespace quipu {
namespace {

void spin(std::chrono::milliseconds wall) {
  const uint64_t begin = thread_cpu_ns();
  while (thread_cpu_ns() - begin < uint64_t(wall.count()) * 1'000'000) {
  }
}

TEST(CpuClock, LapsCountTheThreadsOwnWorkOnly) {
  CpuLaps laps;
  std::thread other([] { spin(std::chrono::milliseconds(30)); });
  other.join();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const uint64_t idle = laps.lap_ns();
  EXPECT_LT(idle, 15'000'000u);
  spin(std::chrono::milliseconds(20));
  const uint64_t busy = laps.lap_ns();
  EXPECT_GE(busy, 20'000'000u);
  EXPECT_GE(process_cpu_ns(), idle + busy + 30'000'000u) << "threads that ended count";
}

TEST(CpuClock, AThreadsNameIsCutToWhatTheSystemTakes) {
  std::thread([] {
    name_thread("a name that is too long");
    char name[16];
    ASSERT_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    EXPECT_EQ(std::string(name), "a name that is ");
  }).join();
}

}  // namespace
}  // namespace quipu
