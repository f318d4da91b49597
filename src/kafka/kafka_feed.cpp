#include "kafka/kafka_feed.h"

#include <algorithm>
#include <deque>

#include "kafka/kafka_connection.h"
#include "kafka/kafka_offsets.h"
#include "kafka/last_records.h"
#include "kafka/pending_records.h"

namespace quipu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kCountBehind = std::chrono::seconds(1);

struct Topic;

struct Partition {
  Topic* topic = nullptr;
  int32_t number = 0;
  uint64_t begin = 0;                     // where it was begun
  SourcePosition position;                // behind what was given
  bool at_end = false, end_seen = false;  // now; once
  PendingRecords pending;
};

struct Topic {
  KafkaTopic asked;
  rd_kafka_topic_s* handle = nullptr;
  size_t first_count = 0;                              // partitions that it had when it was opened
  std::vector<std::unique_ptr<Partition>> partitions;  // by number; absent: not read (yet)

  bool wants(size_t number) const {
    return asked.partitions.empty() || std::find(asked.partitions.begin(), asked.partitions.end(),
                                                 int32_t(number)) != asked.partitions.end();
  }
};

Status check_options(const KafkaOptions& options) {
  const std::string& name = options.cluster.name;
  if (name.empty() || name.find('/') != std::string::npos)
    return Error{"kafka: the cluster's name \"" + name + "\" must be some text without /"};
  if (options.topics.empty()) return Error{"kafka " + name + ": name a topic to read"};
  for (auto topic = options.topics.begin(); topic != options.topics.end(); ++topic) {
    const auto same = [&](const KafkaTopic& other) { return other.name == topic->name; };
    if (std::any_of(topic + 1, options.topics.end(), same))
      return Error{"kafka " + name + ": topic " + topic->name + " is named twice"};
  }
  return {};
}

// Where a partition goes on.
struct Place {
  std::unique_ptr<Partition> partition;
  KafkaConnection::Range range;
  uint64_t offset = 0;
  std::string lost;  // why it cannot go on there
};

class KafkaFeed : public Source {
 public:
  KafkaFeed(const KafkaOptions& options, const FeedPositions& positions,
            const SourceOptions& source_options)
      : options_(options), positions_(positions), source_options_(source_options) {}

  Status begin();
  Result<Block> next() override;
  SourcePosition position() const override { return position_; }
  Unfinished unfinished() const override { return {}; }
  const std::string& header() const override { return header_; }
  const std::string& name() const override { return position_.path; }
  uint64_t lines_again() const override { return 0; }
  uint64_t bytes_read() const override { return bytes_read_; }
  uint64_t bytes_total() const override { return 0; }

 private:
  Status begin_partitions(Topic& topic, const KafkaConnection::Partitions& there);
  Result<Place> place_of(Topic& topic, int32_t number) const;
  Status compare_last_records(std::vector<Place>& places) const;
  Status start(Place place);
  Status look_for_partitions();
  void take_round();
  void count_behind();
  bool take_one(const KafkaArrival& arrival, const KafkaRecord& record);
  Block give();
  std::string trouble();
  bool stopped() const { return source_options_.stop && source_options_.stop->is_set(); }

  const KafkaOptions options_;
  const FeedPositions positions_;
  const SourceOptions source_options_;
  std::unique_ptr<KafkaConnection> connection_;
  std::deque<Topic> topics_;
  size_t partitions_ = 0, ends_missing_ = 0;  // partitions whose end was not seen
  Clock::time_point next_look_, next_count_;
  BlockBuffers buffers_;
  std::deque<Partition*> filled_;  // with pending records, in the order in which they came
  size_t round_bytes_ = 0;
  std::string failed_;  // what came instead of a record
  SourcePosition position_;
  uint64_t bytes_read_ = 0;
  const std::string header_;
};

Status KafkaFeed::begin() {
  QUIPU_TRY(check_options(options_));
  if (source_options_.header)
    return Error{"kafka " + options_.cluster.name +
                 ": records have no header line; name the columns in the plan (input: columns:)"};
  QUIPU_ASSIGN(connection_, KafkaConnection::open(options_.cluster, source_options_.stop));
  for (const KafkaTopic& asked : options_.topics) {
    Topic& topic = topics_.emplace_back();
    topic.asked = asked;
    QUIPU_ASSIGN(topic.handle, connection_->open_topic(asked.name, &topic));
    QUIPU_ASSIGN(const auto there, connection_->partitions_of(topic.handle));
    topic.first_count = there.size();
    for (const int32_t number : asked.partitions) {
      if (number >= 0 && size_t(number) < there.size()) continue;
      return connection_->error("topic " + asked.name + " has no partition " +
                                std::to_string(number) + "; it has 0 to " +
                                std::to_string(there.size() - 1));
    }
    QUIPU_TRY(begin_partitions(topic, there));
  }
  next_look_ = Clock::now() + options_.look_for_partitions;
  connection_->forget_said();
  return {};
}

// Those that are wanted, can be read, and are not read yet. One that no broker leads is left for
// later, so that it holds up no other.
Status KafkaFeed::begin_partitions(Topic& topic, const KafkaConnection::Partitions& there) {
  std::vector<Place> places;
  for (size_t number = 0; number < there.size(); ++number) {
    if (!topic.wants(number)) continue;
    if (number >= topic.partitions.size()) {
      topic.partitions.resize(number + 1);
      ++ends_missing_;
      if (++partitions_ > kMaxPartitions) {
        return connection_->error("more than " + std::to_string(kMaxPartitions) +
                                  " partitions (kMaxPartitions); read fewer at once");
      }
    }
    if (topic.partitions[number] || !there[number]) continue;
    QUIPU_ASSIGN(Place place, place_of(topic, int32_t(number)));
    places.push_back(std::move(place));
  }
  QUIPU_TRY(compare_last_records(places));
  for (Place& place : places) QUIPU_TRY(start(std::move(place)));
  return {};
}

Result<Place> KafkaFeed::place_of(Topic& topic, int32_t number) const {
  Place place;
  place.partition = std::make_unique<Partition>();
  place.partition->topic = &topic;
  place.partition->number = number;
  const std::string key = kafka_key(options_.cluster.name, topic.asked.name, number);
  QUIPU_ASSIGN(const auto counted, positions_(key));
  QUIPU_ASSIGN(place.range, connection_->range_of(topic.asked.name, number));
  place.partition->position.path = key;
  if (!counted || counted->bytes == 0) {
    place.offset = uint64_t(place.range.begin);
    if (options_.from_ms != 0 && size_t(number) < topic.first_count) {
      QUIPU_ASSIGN(const int64_t offset,
                   connection_->offset_of_time(topic.asked.name, number, options_.from_ms));
      place.offset = uint64_t(offset);
    }
    return place;
  }
  place.partition->position = *counted;
  place.offset = counted->bytes;
  const uint64_t begin = uint64_t(place.range.begin), end = uint64_t(place.range.end);
  if (counted->bytes > end) {
    place.lost = "was counted up to offset " + std::to_string(counted->bytes - 1) +
                 ", but now ends at " + std::to_string(end) +
                 ": the topic was made anew, or lost its newest records";
  } else if (counted->bytes < begin) {
    place.lost = "was counted up to offset " + std::to_string(counted->bytes - 1) +
                 ", but now begins at " + std::to_string(begin) +
                 ": what lies between was deleted before it was counted (retention)";
  }
  return place;
}

// Those whose last counted record must still be there, and is not.
Status KafkaFeed::compare_last_records(std::vector<Place>& places) const {
  std::vector<LastRecord> records;
  std::vector<Place*> of;
  for (Place& place : places) {
    const SourcePosition& position = place.partition->position;
    if (!place.lost.empty() || position.bytes <= uint64_t(place.range.begin)) continue;
    if (position.last == Hash128{}) continue;  // nothing was counted since it was begun anew
    records.push_back({place.partition->topic->asked.name, place.partition->number,
                       position.bytes - 1, position.last, LastRecord::Found::not_yet});
    of.push_back(&place);
  }
  QUIPU_TRY(find_last_records(options_.cluster, records, source_options_.stop));
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string offset = std::to_string(records[i].offset);
    if (records[i].found == LastRecord::Found::another)
      of[i]->lost = "has another record at offset " + offset +
                    " than the one that was counted: the topic was made anew";
    if (records[i].found == LastRecord::Found::none)
      of[i]->lost = "has no record any more at offset " + offset +
                    ", the last that was counted: the topic was made anew, or is compacted";
  }
  return {};
}

Status KafkaFeed::start(Place place) {
  Partition& partition = *place.partition;
  if (!place.lost.empty()) {
    if (!options_.begin_anew) {
      return connection_->error(
          partition.topic->asked.name + "/" + std::to_string(partition.number) + " " + place.lost +
          ". To count what it holds now, from offset " + std::to_string(place.range.begin) +
          " on, begin it anew (docs/kafka.md)");
    }
    place.offset = uint64_t(place.range.begin);
    partition.position.bytes = place.offset;
    partition.position.last = {};
  }
  if (position_.path.empty()) position_ = partition.position;
  partition.begin = place.offset;
  auto& owned = partition.topic->partitions[size_t(partition.number)];
  owned = std::move(place.partition);
  return connection_->start(partition.topic->handle, partition.number, int64_t(place.offset));
}

Status KafkaFeed::look_for_partitions() {
  if (Clock::now() < next_look_) return {};
  next_look_ = Clock::now() + options_.look_for_partitions;
  for (Topic& topic : topics_) {
    QUIPU_ASSIGN(const auto there, connection_->look_at_partitions(topic.handle));
    if (!there) continue;
    if (there->size() < topic.partitions.size())
      return connection_->error("topic " + topic.asked.name + " has fewer partitions than before");
    QUIPU_TRY(begin_partitions(topic, *there));
  }
  return {};
}

bool KafkaFeed::take_one(const KafkaArrival& arrival, const KafkaRecord& record) {
  Topic& topic = *static_cast<Topic*>(arrival.topic);
  Partition* partition =
      arrival.topic && arrival.partition >= 0 && size_t(arrival.partition) < topic.partitions.size()
          ? topic.partitions[size_t(arrival.partition)].get()
          : nullptr;
  if (arrival.kind == KafkaArrival::Kind::failed) {
    failed_ = partition ? partition->position.path + ": " + arrival.error : arrival.error;
    return false;
  }
  if (!partition) return true;
  if (arrival.kind == KafkaArrival::Kind::out_of_range) {
    failed_ = partition->position.path +
              ": what comes next was deleted, or the topic was made anew, while it was read";
    return false;
  }
  if (arrival.kind == KafkaArrival::Kind::end_of_partition) {
    partition->at_end = true;
    if (!std::exchange(partition->end_seen, true)) --ends_missing_;
    return true;
  }
  if (record.offset < partition->position.bytes) return true;
  partition->at_end = false;
  if (!partition->pending.has_block()) filled_.push_back(partition);
  const size_t before = partition->pending.bytes();
  partition->pending.add(
      record, options_.with_member ? kafka_member(topic.asked.name, partition->number, record) : "",
      source_options_.records.json, buffers_);
  if (!partition->pending.has_block()) filled_.pop_back();  // an empty array
  round_bytes_ += partition->pending.bytes() - before;
  bytes_read_ += record.value.value_or("").size();
  return round_bytes_ < kRoundBytes && partition->pending.bytes() < source_options_.block_bytes;
}

void KafkaFeed::take_round() {
  round_bytes_ = 0;
  connection_->take(options_.with_member, [this](const auto& arrival, const auto& record) {
    return take_one(arrival, record);
  });
}

void KafkaFeed::count_behind() {
  if (!options_.records_behind || Clock::now() < next_count_) return;
  next_count_ = Clock::now() + kCountBehind;
  int64_t behind = 0;
  for (const Topic& topic : topics_) {
    for (const auto& partition : topic.partitions) {
      if (!partition || partition->at_end) continue;
      const int64_t end = connection_->known_end(topic.asked.name, partition->number);
      const int64_t next = int64_t(std::max(partition->position.bytes, partition->begin));
      behind += std::max<int64_t>(0, end - next);
    }
  }
  *options_.records_behind = behind;
}

Block KafkaFeed::give() {
  Partition& partition = *filled_.front();
  PendingRecords::Given given =
      partition.pending.give(source_options_.weigher, source_options_.block_weight);
  if (!partition.pending.has_block()) filled_.pop_front();
  partition.position.bytes = given.next_offset;
  partition.position.last = given.last;
  partition.position.lines += given.block.numbered.size();
  position_ = partition.position;
  return std::move(given.block);
}

// Why it cannot go on; "" if it can.
std::string KafkaFeed::trouble() {
  if (!failed_.empty()) return failed_;
  if (options_.offsets && !options_.offsets->refusal().empty()) return options_.offsets->refusal();
  return connection_->take_trouble();
}

Result<Block> KafkaFeed::next() {
  while (true) {
    if (stopped()) return connection_->error("stopped while waiting for records");
    if (!filled_.empty()) return give();
    if (const std::string text = trouble(); !text.empty()) return connection_->error(text);
    if (options_.ends && ends_missing_ == 0) return Block();
    QUIPU_TRY(look_for_partitions());
    take_round();
    count_behind();
    if (!filled_.empty() || !failed_.empty() || (options_.ends && ends_missing_ == 0)) continue;
    const auto next = options_.records_behind ? std::min(next_look_, next_count_) : next_look_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    connection_->wait(std::max(left, std::chrono::milliseconds(1)));
  }
}

}  // namespace

std::string kafka_key(const std::string& cluster, const std::string& topic, int32_t partition) {
  return "kafka:" + cluster + "/" + topic + "/" + std::to_string(partition);
}

Status check_kafka(const KafkaOptions& options) {
  QUIPU_TRY(check_options(options));
  auto connection = KafkaConnection::open(options.cluster, nullptr);
  return connection.ok() ? Status() : connection.error();
}

Result<std::unique_ptr<Source>> open_kafka(const KafkaOptions& options,
                                           const FeedPositions& positions,
                                           const SourceOptions& source_options) {
  auto feed = std::make_unique<KafkaFeed>(options, positions, source_options);
  QUIPU_TRY(feed->begin());
  return std::unique_ptr<Source>(std::move(feed));
}

}  // namespace quipu
