#include "kafka/kafka_client.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>

namespace quipu {
namespace {

constexpr size_t kMessageBytes = 512;

Status set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char message[kMessageBytes] = "";
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), message, sizeof message) ==
      RD_KAFKA_CONF_OK)
    return {};
  return Error{"the setting " + name + ": " + message};
}

bool names(const KafkaSettings& settings, const std::string& name) {
  return std::any_of(settings.begin(), settings.end(),
                     [&](const auto& setting) { return setting.first == name; });
}

Status set_all(rd_kafka_conf_t* conf, const KafkaCluster& cluster, const KafkaSettings& defaults,
               const KafkaSettings& fixed) {
  QUIPU_TRY(set(conf, "bootstrap.servers", cluster.brokers));
  for (const auto& [name, value] : defaults) QUIPU_TRY(set(conf, name, value));
  for (const auto& [name, value] : cluster.settings) {
    if (names(fixed, name))
      return Error{"the setting " + name + " is not free: the store's own position decides"};
    QUIPU_TRY(set(conf, name, value));
  }
  for (const auto& [name, value] : fixed) QUIPU_TRY(set(conf, name, value));
  return {};
}

}  // namespace

KafkaClient::KafkaClient(const KafkaCluster& cluster)
    : where_("kafka " + cluster.name + " (" + cluster.brokers + ")") {}

KafkaClient::~KafkaClient() {
  if (handle_) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Result<std::unique_ptr<KafkaClient>> KafkaClient::open(const KafkaCluster& cluster,
                                                       const KafkaSettings& defaults,
                                                       const KafkaSettings& fixed) {
  std::unique_ptr<KafkaClient> client(new KafkaClient(cluster));
  if (cluster.brokers.empty()) return client->error("no brokers are named: HOST:PORT");
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_opaque(conf, client.get());
  rd_kafka_conf_set_error_cb(conf, &KafkaClient::on_error);
  // Its troubles come as errors, too. Who asks it to explain itself (debug=...) sees all it says.
  if (!names(cluster.settings, "debug"))
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
  if (Status status = set_all(conf, cluster, defaults, fixed); !status.ok()) {
    rd_kafka_conf_destroy(conf);
    return client->error(status.error().message);
  }
  char message[kMessageBytes] = "";
  client->handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, message, sizeof message);
  if (!client->handle_) {
    rd_kafka_conf_destroy(conf);
    return client->error(message);
  }
  return client;
}

void KafkaClient::on_error(rd_kafka_s*, int code, const char* reason, void* self) {
  KafkaClient& client = *static_cast<KafkaClient*>(self);
  const bool refused = code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL;
  const bool of_all =
      refused || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__FATAL;
  client.refused_ |= refused;
  if (of_all && client.trouble_.empty()) client.trouble_ = reason;
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) client.said_ = reason;
}

std::string KafkaClient::take_trouble() {
  rd_kafka_poll(handle_, 0);
  return std::exchange(trouble_, "");
}

Error KafkaClient::error(const std::string& what) const {
  return Error{where_ + ": " + what + (said_.empty() ? "" : " (" + said_ + ")")};
}

void KafkaClient::forget_said() {
  take_trouble();
  said_.clear();
}

}  // namespace quipu
