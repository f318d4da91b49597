#include "kafka/kafka_connection.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace quipu {
namespace {

constexpr size_t kArrivedAtOnce = 1024;  // records taken from librdkafka together
constexpr auto kWakePause = std::chrono::milliseconds(10);
constexpr size_t kWokenPartitions = 64;
constexpr auto kAskSlice = std::chrono::milliseconds(500);

const KafkaSettings& defaults() {
  static const KafkaSettings settings = {
      {"client.id", "quipu"},
      {"isolation.level", "read_committed"},
      {"check.crcs", "true"},
      {"queued.max.messages.kbytes", std::to_string(kQueuedBytes >> 10)},
      {"queued.min.messages", std::to_string(kQueuedRecords)},
      {"fetch.max.bytes", std::to_string(kFetchBytes)},
      {"max.partition.fetch.bytes", std::to_string(kPartitionFetchBytes)},
      {"fetch.wait.max.ms", "100"},
  };
  return settings;
}

const KafkaSettings& fixed() {
  static const KafkaSettings settings = {
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      {"auto.offset.reset", "error"},
  };
  return settings;
}

// After which to ask again may help: the cluster is busy with itself, or not there yet.
bool may_pass(int error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
      return true;
    default:
      return false;
  }
}

std::string text_of(int error) { return rd_kafka_err2str(rd_kafka_resp_err_t(error)); }

std::optional<std::string_view> text_or_none(const void* text, size_t bytes) {
  if (!text) return std::nullopt;
  return std::string_view(static_cast<const char*>(text), bytes);
}

}  // namespace

KafkaConnection::KafkaConnection(const StopFlag* stop) : stop_(stop) {}

KafkaConnection::~KafkaConnection() {
  for (size_t i = next_; i < arrived_.size(); ++i) rd_kafka_message_destroy(arrived_[i]);
  for (auto& [topic, partitions] : topics_) {
    for (const int32_t partition : partitions) rd_kafka_consume_stop(topic, partition);
    rd_kafka_topic_destroy(topic);
  }
  if (queue_) {
    rd_kafka_queue_io_event_enable(queue_, -1, nullptr, 0);
    rd_kafka_queue_destroy(queue_);
  }
  if (main_queue_) {
    rd_kafka_queue_io_event_enable(main_queue_, -1, nullptr, 0);
    rd_kafka_queue_destroy(main_queue_);
  }
  client_.reset();
  if (woken_ >= 0) ::close(woken_);
}

Result<std::unique_ptr<KafkaConnection>> KafkaConnection::open(const KafkaCluster& cluster,
                                                               const StopFlag* stop) {
  std::unique_ptr<KafkaConnection> connection(new KafkaConnection(stop));
  QUIPU_TRY(connection->begin(cluster));
  return connection;
}

Status KafkaConnection::begin(const KafkaCluster& cluster) {
  QUIPU_ASSIGN(client_, KafkaClient::open(cluster, defaults(), fixed()));
  woken_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (woken_ < 0) return client_->error("no descriptor is left; raise the limit of open files");
  queue_ = rd_kafka_queue_new(client_->handle());
  main_queue_ = rd_kafka_queue_get_main(client_->handle());
  const uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue_, woken_, &one, sizeof one);
  rd_kafka_queue_io_event_enable(main_queue_, woken_, &one, sizeof one);
  return {};
}

Result<rd_kafka_topic_s*> KafkaConnection::open_topic(const std::string& name, void* owner) {
  rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(client_->handle());
  rd_kafka_topic_conf_set_opaque(conf, owner);
  rd_kafka_topic_s* topic = rd_kafka_topic_new(client_->handle(), name.c_str(), conf);
  if (!topic) {
    rd_kafka_topic_conf_destroy(conf);
    return client_->error("topic " + name + ": " + text_of(rd_kafka_last_error()));
  }
  topics_.push_back({topic, {}});
  return topic;
}

Status KafkaConnection::ask(const std::string& what,
                            const std::function<int(int timeout_ms)>& ask_once) {
  const auto end = std::chrono::steady_clock::now() + kKafkaAnswerTime;
  while (true) {
    const int error = ask_once(int(kAskSlice.count()));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (stopped()) return client_->error("stopped while waiting for an answer");
    const std::string trouble = client_->take_trouble();
    if (client_->is_refused()) return client_->error(what + ": this client is not let in");
    if (!may_pass(error)) return client_->error(what + ": " + text_of(error));
    if (std::chrono::steady_clock::now() >= end) {
      return client_->error(what + ": no answer within " +
                            std::to_string(kKafkaAnswerTime.count()) + " s" +
                            (trouble.empty() ? "" : "; " + trouble));
    }
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT && error != RD_KAFKA_RESP_ERR__TRANSPORT)
      wait(kAskSlice);
  }
}

int KafkaConnection::ask_for_partitions(rd_kafka_topic_s* topic, int timeout_ms,
                                        Partitions& partitions) {
  const struct rd_kafka_metadata* metadata = nullptr;
  int error = rd_kafka_metadata(client_->handle(), 0, topic, &metadata, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (metadata->topic_cnt > 0) {
    const rd_kafka_metadata_topic_t& found = metadata->topics[0];
    error = found.err;
    partitions.assign(size_t(found.partition_cnt), false);
    for (int i = 0; i < found.partition_cnt; ++i) {
      const rd_kafka_metadata_partition_t& one = found.partitions[i];
      if (one.id >= 0 && one.id < found.partition_cnt)
        partitions[size_t(one.id)] = one.err == RD_KAFKA_RESP_ERR_NO_ERROR && one.leader >= 0;
    }
  }
  rd_kafka_metadata_destroy(metadata);
  return error;
}

Result<KafkaConnection::Partitions> KafkaConnection::partitions_of(rd_kafka_topic_s* topic) {
  Partitions partitions;
  QUIPU_TRY(ask(std::string("topic ") + rd_kafka_topic_name(topic),
                [&](int timeout_ms) { return ask_for_partitions(topic, timeout_ms, partitions); }));
  return partitions;
}

Result<std::optional<KafkaConnection::Partitions>> KafkaConnection::look_at_partitions(
    rd_kafka_topic_s* topic) {
  Partitions partitions;
  const int error = ask_for_partitions(topic, int(kAskSlice.count()), partitions);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::optional<Partitions>(std::move(partitions));
  if (may_pass(error)) return std::optional<Partitions>();
  return client_->error(std::string("topic ") + rd_kafka_topic_name(topic) + ": " + text_of(error));
}

Result<KafkaConnection::Range> KafkaConnection::range_of(const std::string& topic,
                                                         int32_t partition) {
  Range range;
  const std::string what = topic + "/" + std::to_string(partition) + ": its first and last offset";
  QUIPU_TRY(ask(what, [&](int timeout_ms) -> int {
    return rd_kafka_query_watermark_offsets(client_->handle(), topic.c_str(), partition,
                                            &range.begin, &range.end, timeout_ms);
  }));
  return range;
}

int64_t KafkaConnection::known_end(const std::string& topic, int32_t partition) const {
  int64_t begin = 0, end = 0;
  const rd_kafka_resp_err_t error =
      rd_kafka_get_watermark_offsets(client_->handle(), topic.c_str(), partition, &begin, &end);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? end : 0;
}

Result<int64_t> KafkaConnection::offset_of_time(const std::string& topic, int32_t partition,
                                                int64_t ms) {
  int64_t offset = 0;
  const std::string what = topic + "/" + std::to_string(partition) + ": its offset of a time";
  QUIPU_TRY(ask(what, [&](int timeout_ms) -> int {
    rd_kafka_topic_partition_list_t* asked = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(asked, topic.c_str(), partition)->offset = ms;
    int error = rd_kafka_offsets_for_times(client_->handle(), asked, timeout_ms);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = asked->elems[0].err;
    offset = asked->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(asked);
    return error;
  }));
  if (offset >= 0) return offset;
  QUIPU_ASSIGN(const Range range, range_of(topic, partition));
  return range.end;
}

Status KafkaConnection::start(rd_kafka_topic_s* topic, int32_t partition, int64_t offset) {
  if (rd_kafka_consume_start_queue(topic, partition, offset, queue_) != 0) {
    return client_->error(std::string(rd_kafka_topic_name(topic)) + "/" +
                          std::to_string(partition) + ": " + text_of(rd_kafka_last_error()));
  }
  for (auto& [opened, partitions] : topics_)
    if (opened == topic) partitions.push_back(partition);
  return {};
}

void KafkaConnection::read_record(const rd_kafka_message_s& message, bool headers) {
  record_.offset = uint64_t(message.offset);
  record_.key = text_or_none(message.key, message.key_len);
  record_.value = text_or_none(message.payload, message.len);
  rd_kafka_timestamp_type_t type;
  record_.timestamp_ms = rd_kafka_message_timestamp(&message, &type);
  if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record_.timestamp_ms = -1;
  record_.headers.clear();
  rd_kafka_headers_t* list = nullptr;
  if (!headers || rd_kafka_message_headers(&message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name;
  const void* value;
  size_t bytes;
  for (size_t i = 0;
       rd_kafka_header_get_all(list, i, &name, &value, &bytes) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    record_.headers.push_back({name, text_or_none(value, bytes)});
}

bool KafkaConnection::visit_one(const rd_kafka_message_s& message, bool headers,
                                const Visit& visit) {
  KafkaArrival arrival;
  arrival.topic = message.rkt ? rd_kafka_topic_opaque(message.rkt) : nullptr;
  arrival.partition = message.partition;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    read_record(message, headers);
  } else if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    arrival.kind = KafkaArrival::Kind::end_of_partition;
    record_.offset = uint64_t(message.offset);
  } else if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
             message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    arrival.kind = KafkaArrival::Kind::out_of_range;
  } else if (may_pass(message.err) || message.err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    return true;  // librdkafka goes on by itself; what lasts comes as a trouble
  } else {
    arrival.kind = KafkaArrival::Kind::failed;
    const char* text = rd_kafka_message_errstr(&message);
    arrival.error = text ? text : text_of(message.err);
  }
  return visit(arrival, record_);
}

// Once its queue was full, librdkafka 2.0 fetches again only when a second has passed (from 2.3 on
// fetch.queue.backoff.ms says how long), which at full speed is longer than the queue lasts.
// Anything that is asked of a partition's leader makes it look at once; no answer is waited for.
void KafkaConnection::wake_fetchers() {
  const auto now = std::chrono::steady_clock::now();
  if (now - woke_fetchers_ < kWakePause) return;
  woke_fetchers_ = now;
  rd_kafka_topic_partition_list_t* asked = rd_kafka_topic_partition_list_new(1);
  for (const auto& [topic, partitions] : topics_) {
    for (size_t i = 0; i < std::min(partitions.size(), kWokenPartitions); ++i)
      rd_kafka_topic_partition_list_add(asked, rd_kafka_topic_name(topic), partitions[i])->offset =
          0;
  }
  rd_kafka_offsets_for_times(client_->handle(), asked, 0);
  rd_kafka_topic_partition_list_destroy(asked);
}

bool KafkaConnection::take_more() {
  arrived_.resize(kArrivedAtOnce);
  next_ = 0;
  const ssize_t n = rd_kafka_consume_batch_queue(queue_, 0, arrived_.data(), arrived_.size());
  if (size_t(n) == kArrivedAtOnce) wake_fetchers();
  arrived_.resize(n > 0 ? size_t(n) : 0);
  return !arrived_.empty();
}

void KafkaConnection::take(bool headers, const Visit& visit) {
  for (bool wanted = true; wanted;) {
    if (next_ == arrived_.size() && !take_more()) return;
    rd_kafka_message_s* message = arrived_[next_++];
    wanted = visit_one(*message, headers, visit);
    rd_kafka_message_destroy(message);
  }
}

void KafkaConnection::wait(std::chrono::milliseconds at_most) {
  pollfd waited[2] = {{woken_, POLLIN, 0}, {stop_ ? stop_->descriptor() : -1, POLLIN, 0}};
  ::poll(waited, 2, int(at_most.count()));
  uint64_t times;
  [[maybe_unused]] const ssize_t n = ::read(woken_, &times, sizeof times);  // none: not woken
}

}  // namespace quipu
