#include "kafka/last_records.h"

#include <algorithm>
#include <map>

#include "kafka/kafka_connection.h"
#include "kafka/pending_records.h"

namespace quipu {
namespace {

using Found = LastRecord::Found;
constexpr size_t kTopicFetchBytes = size_t(64) << 10;  // of a partition, beyond its first batch

// The first thing that came of the record's partition when it was read from the record's offset on.
Found judge(const LastRecord& asked, const KafkaArrival& arrival, const KafkaRecord& record) {
  if (arrival.kind != KafkaArrival::Kind::record || record.offset != asked.offset)
    return Found::none;
  return fingerprint_of(record) == asked.fingerprint ? Found::same : Found::another;
}

}  // namespace

Status find_last_records(const KafkaCluster& cluster, std::vector<LastRecord>& records,
                         const StopFlag* stop) {
  if (records.empty()) return {};
  KafkaCluster little = cluster;
  little.settings.push_back({"max.partition.fetch.bytes", std::to_string(kTopicFetchBytes)});
  QUIPU_ASSIGN(const auto connection, KafkaConnection::open(little, stop));
  std::map<std::string, rd_kafka_topic_s*> topics;
  std::map<std::pair<void*, int32_t>, LastRecord*> asked;
  for (LastRecord& record : records) {
    rd_kafka_topic_s*& topic = topics[record.topic];
    // Its records are known by the address of what has its name.
    void* const owner = &topic;
    if (!topic) {
      QUIPU_ASSIGN(topic, connection->open_topic(record.topic, owner));
    }
    asked[{owner, record.partition}] = &record;
    QUIPU_TRY(connection->start(topic, record.partition, int64_t(record.offset)));
  }
  const auto end = std::chrono::steady_clock::now() + kKafkaAnswerTime;
  size_t left = records.size();
  while (true) {
    connection->take(false, [&](const KafkaArrival& arrival, const KafkaRecord& record) {
      const auto it = asked.find({arrival.topic, arrival.partition});
      if (it == asked.end() || it->second->found != Found::not_yet) return left > 0;
      if (arrival.kind == KafkaArrival::Kind::failed) return true;
      it->second->found = judge(*it->second, arrival, record);
      return --left > 0;
    });
    if (left == 0) return {};
    if (stop && stop->is_set()) return connection->error("stopped while waiting for an answer");
    if (std::chrono::steady_clock::now() >= end) break;
    connection->wait(std::chrono::milliseconds(100));
  }
  const auto missing = std::find_if(records.begin(), records.end(),
                                    [](const LastRecord& r) { return r.found == Found::not_yet; });
  return connection->error(missing->topic + "/" + std::to_string(missing->partition) +
                           ": the last record that was counted did not come within " +
                           std::to_string(kKafkaAnswerTime.count()) + " s");
}

}  // namespace quipu
