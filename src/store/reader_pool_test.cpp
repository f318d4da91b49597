#include "store/reader_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace quipu {
namespace {

TEST(ReaderPool, DoesEveryJobOnceForManyCallersAtOnce) {
  for (unsigned threads : {0u, 1u, 4u}) {
    ReaderPool pool(threads);
    std::vector<std::thread> callers;
    for (int c = 0; c < 3; ++c) {
      callers.emplace_back([&] {
        for (size_t jobs = 0; jobs < 60; ++jobs) {
          std::vector<std::atomic<int>> times(jobs);
          pool.finish(*pool.begin(jobs, [&](size_t j) { ++times[j]; }));
          for (const auto& t : times) EXPECT_EQ(t, 1);
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
}

TEST(ReaderPool, JobsWaitAtTheSameTime) {
  // Each of four jobs waits for all four to have begun: with fewer threads at once it would never
  // end.
  ReaderPool pool(3);
  std::atomic<int> begun{0};
  pool.finish(*pool.begin(4, [&](size_t) {
    ++begun;
    while (begun < 4) std::this_thread::yield();
  }));
  EXPECT_EQ(begun, 4);
}

TEST(ReaderPool, JobsAreDoneWhileNobodyWaits) {
  ReaderPool pool(2);
  std::atomic<int> done{0};
  const auto first = pool.begin(3, [&](size_t) { ++done; });
  const auto second = pool.begin(3, [&](size_t) { ++done; });
  while (done < 6) std::this_thread::yield();
  pool.finish(*second);
  pool.finish(*first);
  EXPECT_EQ(done, 6);
}

}  // namespace
}  // namespace quipu
