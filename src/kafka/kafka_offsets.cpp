#include "kafka/kafka_offsets.h"

#include <librdkafka/rdkafka.h>

#include <charconv>
#include <cstring>

#include "kafka/kafka_connection.h"

namespace quipu {
namespace {

constexpr auto kSlice = std::chrono::milliseconds(200);
constexpr auto kLastTry = std::chrono::seconds(1);  // to write when it is closed
constexpr std::string_view kWhosePrefix = "quipu ";

struct FreeList {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, FreeList>;

std::string text_of(rd_kafka_resp_err_t error) { return rd_kafka_err2str(error); }

// TOPIC/PARTITION of a key.
bool read_place(std::string_view place, std::string& topic, int32_t& partition) {
  const size_t slash = place.find('/');
  if (slash == std::string_view::npos) return false;
  topic = place.substr(0, slash);
  const auto [end, error] =
      std::from_chars(place.data() + slash + 1, place.data() + place.size(), partition);
  return error == std::errc() && end == place.data() + place.size();
}

}  // namespace

KafkaOffsets::KafkaOffsets(const Options& options)
    : options_(options), whose_(std::string(kWhosePrefix) + options.store) {}

Result<std::unique_ptr<KafkaOffsets>> KafkaOffsets::open(const Options& options,
                                                         const StopFlag* stop) {
  std::unique_ptr<KafkaOffsets> offsets(new KafkaOffsets(options));
  QUIPU_ASSIGN(offsets->client_,
               KafkaClient::open(options.cluster, {{"client.id", "quipu"}},
                                 {{"group.id", options.group}, {"enable.auto.commit", "false"}}));
  QUIPU_TRY(offsets->look_at_all(stop));
  offsets->thread_ = std::thread([raw = offsets.get()] { raw->run(); });
  return offsets;
}

KafkaOffsets::~KafkaOffsets() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status KafkaOffsets::look_at_all(const StopFlag* stop) {
  QUIPU_ASSIGN(const auto connection, KafkaConnection::open(options_.cluster, stop));
  Places places;
  for (const std::string& topic : options_.topics) {
    QUIPU_ASSIGN(rd_kafka_topic_s * handle, connection->open_topic(topic, nullptr));
    QUIPU_ASSIGN(const auto partitions, connection->partitions_of(handle));
    for (size_t i = 0; i < partitions.size(); ++i) places[{topic, int32_t(i)}] = 0;
  }
  const auto end = std::chrono::steady_clock::now() + kKafkaAnswerTime;
  bool answered = false;
  while (!answered) {
    QUIPU_TRY(look(places, int(kSlice.count()), answered));
    if (stop && stop->is_set()) return client_->error("stopped while waiting for an answer");
    if (!answered && std::chrono::steady_clock::now() >= end)
      return client_->error("group " + options_.group + ": no answer within " +
                            std::to_string(kKafkaAnswerTime.count()) + " s");
  }
  client_->forget_said();
  return {};
}

// Whose the offsets of these places are; an error if another's.
Status KafkaOffsets::look(const Places& places, int timeout_ms, bool& answered) {
  const List list(rd_kafka_topic_partition_list_new(int(places.size())));
  for (const auto& [place, offset] : places)
    rd_kafka_topic_partition_list_add(list.get(), place.first.c_str(), place.second);
  client_->take_trouble();
  const rd_kafka_resp_err_t error = rd_kafka_committed(client_->handle(), list.get(), timeout_ms);
  answered = error == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
    return client_->error("group " + options_.group + ": " + text_of(error));
  if (!answered) return {};
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& found = list->elems[i];
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR || found.offset < 0) continue;
    const std::string_view whose(static_cast<const char*>(found.metadata), found.metadata_size);
    if (whose == whose_) continue;
    const bool store = whose.starts_with(kWhosePrefix);
    return Error{"kafka " + options_.cluster.name + ": the offsets of group " + options_.group +
                 " are those of " + (store ? "another store" : "another program") + " (" +
                 found.topic + "/" + std::to_string(found.partition) +
                 (store ? ": " + std::string(whose.substr(kWhosePrefix.size())) : "") +
                 "). A group shows how far one store is: give this one another group, or delete "
                 "these offsets if they are of no use any more (docs/kafka.md)"};
  }
  return {};
}

Status KafkaOffsets::write(const Places& places) {
  const List list(rd_kafka_topic_partition_list_new(int(places.size())));
  for (const auto& [place, offset] : places) {
    rd_kafka_topic_partition_t* one =
        rd_kafka_topic_partition_list_add(list.get(), place.first.c_str(), place.second);
    one->offset = offset;
    one->metadata = std::malloc(whose_.size());
    std::memcpy(one->metadata, whose_.data(), whose_.size());
    one->metadata_size = whose_.size();
  }
  const std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue(
      rd_kafka_queue_new(client_->handle()), rd_kafka_queue_destroy);
  const rd_kafka_resp_err_t begun =
      rd_kafka_commit_queue(client_->handle(), list.get(), queue.get(), nullptr, nullptr);
  if (begun != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->error(text_of(begun));
  const auto end = std::chrono::steady_clock::now() + (closing() ? kLastTry : kKafkaAnswerTime);
  while (std::chrono::steady_clock::now() < end) {
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue.get(), int(kSlice.count()));
    if (!event) continue;
    const bool done = rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT;
    const rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    rd_kafka_event_destroy(event);
    if (done && error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (done) return client_->error("group " + options_.group + ": " + text_of(error));
  }
  return client_->error("group " + options_.group + ": the offsets were not written in time");
}

bool KafkaOffsets::closing() const {
  std::lock_guard lock(mutex_);
  return closing_;
}

void KafkaOffsets::run() {
  while (true) {
    Places places;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closing_ || !noted_.empty(); });
      if (noted_.empty()) return;
      places.swap(noted_);
    }
    bool answered = false;
    const Status looked = look(places, int(kLastTry / std::chrono::milliseconds(1)), answered);
    const Status written = looked.ok() && answered ? write(places) : Status{};
    std::unique_lock lock(mutex_);
    if (!looked.ok()) {
      refusal_ = looked.error().message;
      return;
    }
    trouble_ = written.ok() ? "" : written.error().message;
    if (!answered) trouble_ = "group " + options_.group + " gives no answer";
    if (!trouble_.empty()) noted_.merge(places);  // what was noted since is newer, and stays
    if (closing_) return;
    changed_.wait_for(lock, kOffsetsPause, [&] { return closing_; });
  }
}

void KafkaOffsets::note(const SourcePosition& committed) {
  const std::string prefix = "kafka:" + options_.cluster.name + "/";
  if (!committed.path.starts_with(prefix)) return;
  std::string topic;
  int32_t partition;
  if (!read_place(std::string_view(committed.path).substr(prefix.size()), topic, partition)) return;
  std::lock_guard lock(mutex_);
  if (!refusal_.empty()) return;
  noted_[{topic, partition}] = int64_t(committed.bytes);
  changed_.notify_all();
}

std::string KafkaOffsets::refusal() const {
  std::lock_guard lock(mutex_);
  return refusal_;
}

std::string KafkaOffsets::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace quipu
