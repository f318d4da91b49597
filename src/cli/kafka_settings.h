// What `quipu serve` is told of Kafka, by its configuration file and its command line.
// docs/kafka.md explains every key.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kafka/kafka_feed.h"
#include "plan/plan_node.h"

namespace quipu {

struct KafkaSource {
  KafkaCluster cluster;
  std::vector<KafkaTopic> topics;  // each becomes a feed of its own
  std::vector<std::string> anew;   // topics of these that may begin anew
  std::string group;               // "": no offsets are written
  int64_t from_ms = 0;
};

// As --kafka and what goes with it say it.
struct KafkaArguments {
  std::string brokers, name, group, from;
  std::vector<std::string> topics, anew, settings;
  bool empty() const {
    return brokers.empty() && name.empty() && group.empty() && from.empty() && topics.empty() &&
           anew.empty() && settings.empty();
  }
};

// "orders", "orders:0,2"
Result<KafkaTopic> parse_kafka_topic(const std::string& text);

// The list under `kafka:`.
Status read_kafka(const PlanNode& node, std::vector<KafkaSource>& sources);
// An error says which option is missing or wrong.
Result<KafkaSource> kafka_source_of(const KafkaArguments& arguments);

}  // namespace quipu
