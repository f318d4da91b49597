#include "base/stop_flag.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace quipu {
namespace {

int polled(const StopFlag& stop, int timeout_ms) {
  pollfd p{stop.descriptor(), POLLIN, 0};
  return ::poll(&p, 1, timeout_ms);
}

TEST(StopFlag, StaysSetAndWakesWhoeverPolls) {
  StopFlag stop;
  EXPECT_FALSE(stop.is_set());
  EXPECT_EQ(polled(stop, 0), 0);
  std::thread setter([&] { stop.set(); });
  EXPECT_EQ(polled(stop, 20'000), 1);
  setter.join();
  stop.set();
  EXPECT_TRUE(stop.is_set());
  EXPECT_EQ(polled(stop, 0), 1);
  EXPECT_EQ(polled(stop, 0), 1) << "for everybody who waits, now and later";
}

}  // namespace
}  // namespace quipu
