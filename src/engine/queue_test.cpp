#include "engine/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace quipu {
namespace {

using namespace std::chrono_literals;

void wait_for(const std::atomic<int>& value, int wanted) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (value < wanted && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(value, wanted);
}

TEST(BoundedQueue, GivesItemsInTheirOrder) {
  BoundedQueue<int> queue(100);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.push(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.pop(), i);
}

TEST(BoundedQueue, PushWaitsWhileItIsFull) {
  BoundedQueue<int> queue(3);
  std::atomic<int> pushed{0};
  std::thread producer([&] {
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(queue.push(i));
      ++pushed;
    }
  });
  wait_for(pushed, 3);
  for (int i = 0; i < 7; ++i) {
    std::this_thread::sleep_for(2ms);
    EXPECT_LE(pushed, 3 + i);
    EXPECT_EQ(queue.pop(), i);
    wait_for(pushed, 4 + i);
  }
  producer.join();
}

TEST(BoundedQueue, PopWaitsForAnItem) {
  BoundedQueue<std::unique_ptr<int>> queue(3);
  std::atomic<int> popped{0};
  std::thread consumer([&] {
    auto item = queue.pop();
    ASSERT_TRUE(item);
    EXPECT_EQ(**item, 7);
    ++popped;
  });
  std::this_thread::sleep_for(10ms);
  EXPECT_EQ(popped, 0);
  EXPECT_TRUE(queue.push(std::make_unique<int>(7)));
  wait_for(popped, 1);
  consumer.join();
}

TEST(BoundedQueue, AfterCloseWhatIsThereIsGivenAndNothingMoreIsTaken) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.push(2));
  std::atomic<int> refused{0};
  std::thread waiting([&] {
    if (!queue.push(3)) ++refused;
  });
  queue.close();
  waiting.join();
  EXPECT_EQ(refused, 1);
  EXPECT_FALSE(queue.push(4));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueue, CloseWakesWhoWaitsForAnItem) {
  for (const bool drop : {false, true}) {
    BoundedQueue<int> queue(2);
    std::thread waiting([&] { EXPECT_EQ(queue.pop(), std::nullopt); });
    drop ? queue.close_and_drop() : queue.close();
    waiting.join();
  }
}

TEST(BoundedQueue, CloseAndDropForgetsWhatWaits) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.push(2));
  std::thread waiting([&] { EXPECT_FALSE(queue.push(3)); });
  queue.close_and_drop();
  waiting.join();
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_FALSE(queue.push(4));
}

TEST(BoundedQueue, ManyThreadsGetEveryItemOnceAndEachProducersInOrder) {
  constexpr int kProducers = 3, kConsumers = 3, kItems = 2000;
  BoundedQueue<std::pair<int, int>> queue(5);
  std::vector<std::thread> producers, consumers;
  std::vector<std::vector<std::pair<int, int>>> got(kConsumers);
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kItems; ++i) EXPECT_TRUE(queue.push({p, i}));
    });
  }
  for (int c = 0; c < kConsumers; ++c) {
    consumers.emplace_back([&, c] {
      while (auto item = queue.pop()) got[size_t(c)].push_back(*item);
    });
  }
  for (std::thread& producer : producers) producer.join();
  queue.close();
  for (std::thread& consumer : consumers) consumer.join();

  std::vector<std::vector<int>> times(kProducers, std::vector<int>(kItems));
  for (const auto& items : got) {
    std::vector<int> last(kProducers, -1);
    for (const auto& [producer, item] : items) {
      EXPECT_GT(item, last[size_t(producer)]);
      last[size_t(producer)] = item;
      ++times[size_t(producer)][size_t(item)];
    }
  }
  EXPECT_EQ(times, std::vector(kProducers, std::vector(kItems, 1)));
}

}  // namespace
}  // namespace quipu
