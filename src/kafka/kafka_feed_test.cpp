// The feed where brokers fail one at a time: on librdkafka's own mock cluster, for that takes
// several. Everything else is tested with a real broker, in tests/kafka.
#include "kafka/kafka_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/stop_flag.h"

namespace quipu {
namespace {

using ::testing::HasSubstr;

constexpr char kTopic[] = "t";
constexpr int kPatience_ms = 20'000;

class MockCluster {
 public:
  MockCluster() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char message[256];
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", message, sizeof message);
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    cluster_ = rd_kafka_handle_mock_cluster(client_);
    rd_kafka_mock_topic_create(cluster_, kTopic, 2, 1);
    rd_kafka_mock_partition_set_leader(cluster_, kTopic, 0, 1);
    rd_kafka_mock_partition_set_leader(cluster_, kTopic, 1, 2);
  }
  ~MockCluster() { rd_kafka_destroy(client_); }

  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void put(int32_t partition, const std::string& value) {
    ASSERT_EQ(rd_kafka_producev(client_, RD_KAFKA_V_TOPIC(kTopic), RD_KAFKA_V_PARTITION(partition),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(client_, kPatience_ms), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void set_leader(int32_t partition, int32_t broker) {
    rd_kafka_mock_partition_set_leader(cluster_, kTopic, partition, broker);
  }

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

const FeedPositions kNothingKnown = [](const std::string&) {
  return Result<std::optional<SourcePosition>>(std::optional<SourcePosition>());
};

KafkaOptions options_of(const MockCluster& cluster) {
  KafkaOptions options;
  options.cluster.brokers = cluster.brokers();
  options.topics = {{kTopic, {}}};
  options.look_for_partitions = std::chrono::milliseconds(100);
  return options;
}

TEST(KafkaFeed, APartitionThatNoBrokerLeadsHoldsUpNoOther) {
  MockCluster cluster;
  cluster.put(0, R"({"n":0})");
  cluster.put(1, R"({"n":1})");
  cluster.set_leader(1, -1);
  auto feed = open_kafka(options_of(cluster), kNothingKnown, {});
  ASSERT_TRUE(feed.ok()) << feed.error().message;
  auto block = (*feed)->next();
  ASSERT_TRUE(block.ok()) << block.error().message;
  EXPECT_EQ((*feed)->name(), "kafka:kafka/t/0");
  EXPECT_THAT(std::string(block->text), HasSubstr(R"({"n":0})"));
  cluster.set_leader(1, 1);
  block = (*feed)->next();
  ASSERT_TRUE(block.ok()) << block.error().message;
  EXPECT_EQ((*feed)->name(), "kafka:kafka/t/1");
  EXPECT_THAT(std::string(block->text), HasSubstr(R"({"n":1})"));
  EXPECT_EQ((*feed)->position().bytes, 1u);
}

TEST(KafkaFeed, ItEndsAtOnceWhenItIsStopped) {
  MockCluster cluster;
  StopFlag stop;
  SourceOptions source_options;
  source_options.stop = &stop;
  auto feed = open_kafka(options_of(cluster), kNothingKnown, source_options);
  ASSERT_TRUE(feed.ok()) << feed.error().message;
  stop.set();
  const auto block = (*feed)->next();
  ASSERT_FALSE(block.ok());
  EXPECT_THAT(block.error().message, HasSubstr("stopped"));
}

TEST(KafkaFeed, WrongOptionsAreToldWithoutACluster) {
  KafkaOptions options;
  EXPECT_THAT(check_kafka(options).error().message, HasSubstr("name a topic to read"));
  options.topics = {{"a", {}}, {"a", {1}}};
  EXPECT_THAT(check_kafka(options).error().message, HasSubstr("topic a is named twice"));
  options.topics.pop_back();
  EXPECT_THAT(check_kafka(options).error().message, HasSubstr("no brokers are named"));
  options.cluster.brokers = "127.0.0.1:1";
  EXPECT_TRUE(check_kafka(options).ok());
  options.cluster.name = "a/b";
  EXPECT_THAT(check_kafka(options).error().message, HasSubstr("without /"));
}

}  // namespace
}  // namespace quipu
