// A client of librdkafka with the user's settings and ours, and what it says of its cluster. One
// thread (librdkafka's own threads call nothing of ours).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

struct rd_kafka_s;

namespace quipu {

using KafkaSettings = std::vector<std::pair<std::string, std::string>>;  // librdkafka's, by name

struct KafkaCluster {
  std::string name = "kafka";  // the user's, in keys of positions; without '/'
  std::string brokers;         // HOST:PORT,HOST:PORT
  KafkaSettings settings;
};

class KafkaClient {
 public:
  // A consumer. `defaults` may be changed by the user's settings; `fixed` are ours, and an error if
  // the user sets them. A wrong setting is an error with librdkafka's message. Brokers are not
  // waited for.
  static Result<std::unique_ptr<KafkaClient>> open(const KafkaCluster& cluster,
                                                   const KafkaSettings& defaults,
                                                   const KafkaSettings& fixed);
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;

  rd_kafka_s* handle() const { return handle_; }
  // What went wrong with the cluster as a whole since it was asked last (no broker is there,
  // authentication failed); "" if nothing did.
  std::string take_trouble();
  // The cluster is there and does not let us in (TLS, SASL): to wait does not help.
  bool is_refused() const { return refused_; }
  // "kafka NAME (BROKERS): WHAT", and what librdkafka said last, if it said something.
  Error error(const std::string& what) const;
  void forget_said();  // what it said so far is over

 private:
  explicit KafkaClient(const KafkaCluster& cluster);
  static void on_error(rd_kafka_s*, int code, const char* reason, void* self);

  const std::string where_;
  rd_kafka_s* handle_ = nullptr;
  std::string trouble_, said_;
  bool refused_ = false;
};

}  // namespace quipu
