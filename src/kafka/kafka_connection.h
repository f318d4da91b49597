// A consumer of a Kafka cluster that reads the partitions it is told to, from the offsets it is
// told (librdkafka's simple consumer: it is in no group, and nothing is committed). All records
// come through one queue. One thread; where a call waits for the cluster, it does so for
// kKafkaAnswerTime at most, or until `stop` is set. Errors name the cluster, and say what
// librdkafka says.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/stop_flag.h"
#include "kafka/event_text.h"
#include "kafka/kafka_client.h"

struct rd_kafka_topic_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;

namespace quipu {

// How long the cluster may take for an answer before that is an error.
inline constexpr auto kKafkaAnswerTime = std::chrono::seconds(10);
// What librdkafka keeps of records that were not taken yet: bytes and records, of all partitions of
// a connection. One answer of each broker may come beside them.
inline constexpr size_t kQueuedBytes = size_t(16) << 20;
inline constexpr size_t kQueuedRecords = 50'000;
// Of an answer, and of a partition in it, as they are sent: unpacked they are several times as
// much.
inline constexpr size_t kFetchBytes = size_t(2) << 20;
inline constexpr size_t kPartitionFetchBytes = size_t(256) << 10;

// What stands at the head of the queue.
struct KafkaArrival {
  enum class Kind : uint8_t { record, end_of_partition, out_of_range, failed };
  Kind kind = Kind::record;
  void* topic = nullptr;  // what open_topic() was given; nullptr: `failed` is of no topic
  int32_t partition = -1;
  std::string error;  // failed
};

class KafkaConnection {
 public:
  // An error if a setting is wrong, with librdkafka's message; brokers are not waited for.
  static Result<std::unique_ptr<KafkaConnection>> open(const KafkaCluster& cluster,
                                                       const StopFlag* stop);
  ~KafkaConnection();
  KafkaConnection(const KafkaConnection&) = delete;

  // A topic's handle, valid for the connection's life; `owner` comes back with its records.
  Result<rd_kafka_topic_s*> open_topic(const std::string& name, void* owner);
  // The partitions there are now: the cluster is asked.
  // Each by its number: whether a broker leads it, so that it can be read.
  using Partitions = std::vector<bool>;
  Result<Partitions> partitions_of(rd_kafka_topic_s* topic);
  // The same without much waiting: absent if there is no answer at once. An error if it is gone.
  Result<std::optional<Partitions>> look_at_partitions(rd_kafka_topic_s* topic);
  struct Range {
    int64_t begin = 0, end = 0;  // offsets of the first record and behind the last
  };
  Result<Range> range_of(const std::string& topic, int32_t partition);
  // Behind the last record, as the last answer said; 0 if none came yet. Nothing is asked.
  int64_t known_end(const std::string& topic, int32_t partition) const;
  // The offset of the first record of this time or later, or of the end.
  Result<int64_t> offset_of_time(const std::string& topic, int32_t partition, int64_t ms);
  Status start(rd_kafka_topic_s* topic, int32_t partition, int64_t offset);

  // Visits what has come, in order, without waiting, until `visit` says false. The record is only
  // there for kind `record`, its headers if `headers`, and its views until visit returns.
  using Visit = std::function<bool(const KafkaArrival& arrival, const KafkaRecord& record)>;
  void take(bool headers, const Visit& visit);
  // Until something may have come, `stop` is set, or the time is over.
  void wait(std::chrono::milliseconds at_most);
  // What went wrong with the cluster as a whole; "" if nothing did.
  std::string take_trouble() { return client_->take_trouble(); }
  Error error(const std::string& what) const { return client_->error(what); }
  void forget_said() { client_->forget_said(); }

 private:
  explicit KafkaConnection(const StopFlag* stop);
  Status begin(const KafkaCluster& cluster);
  bool take_more();
  void wake_fetchers();
  bool visit_one(const rd_kafka_message_s& message, bool headers, const Visit& visit);
  void read_record(const rd_kafka_message_s& message, bool headers);
  int ask_for_partitions(rd_kafka_topic_s* topic, int timeout_ms, Partitions& partitions);
  // Asks again until there is an answer, or it is certain that there is none.
  Status ask(const std::string& what, const std::function<int(int timeout_ms)>& ask_once);
  bool stopped() const { return stop_ && stop_->is_set(); }

  const StopFlag* const stop_;
  std::unique_ptr<KafkaClient> client_;
  rd_kafka_queue_s* queue_ = nullptr;
  rd_kafka_queue_s* main_queue_ = nullptr;  // of what is said of the cluster
  std::vector<std::pair<rd_kafka_topic_s*, std::vector<int32_t>>> topics_;  // partitions started
  int woken_ = -1;                            // an eventfd: something came into a queue
  std::vector<rd_kafka_message_s*> arrived_;  // taken from the queue, visited up to next_
  size_t next_ = 0;
  KafkaRecord record_;
  std::chrono::steady_clock::time_point woke_fetchers_;
};

}  // namespace quipu
