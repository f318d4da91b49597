#include "cli/kafka_sources.h"

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <mutex>
#include <set>

#include "engine/input_positions.h"
#include "kafka/event_text.h"
#include "kafka/kafka_offsets.h"

namespace quipu {
namespace {

// Tells stores apart, and says nothing of the secret.
std::string store_name(const Store& store) {
  char text[20];
  std::snprintf(text, sizeof text, "%016" PRIx64, store.hasher().hash64("the store's own name"));
  return text;
}

}  // namespace

class KafkaSources::TopicFeed {
 public:
  TopicFeed(KafkaOptions options, std::string group, std::string store)
      : options_(std::move(options)), group_(std::move(group)), store_(std::move(store)) {}

  std::string name() const {
    return "kafka:" + options_.cluster.name + "/" + options_.topics[0].name;
  }
  Status check() const { return check_kafka(options_); }

  // On the feed's thread.
  Result<std::unique_ptr<Source>> open(const FeedPositions& positions, const SourceOptions& of) {
    KafkaOptions options = options_;
    options.records_behind = &records_behind_;
    if (!group_.empty()) {
      QUIPU_TRY(open_offsets(of.stop));
      options.offsets = offsets_.get();
    }
    const auto noted = [this, positions](const std::string& key) {
      std::lock_guard lock(mutex_);
      keys_.insert(key);
      return positions(key);
    };
    return open_kafka(options, noted, of);
  }

  void committed(Snapshot& snapshot) {
    std::lock_guard lock(mutex_);
    if (!offsets_) return;
    for (const std::string& key : keys_) {
      const auto position = position_of_feed(snapshot, key);
      if (position.ok() && *position) offsets_->note(**position);
    }
  }
  bool has_group() const { return !group_.empty(); }
  int64_t records_behind() const { return records_behind_; }

 private:
  Status open_offsets(const StopFlag* stop) {
    if (offsets_ && offsets_->refusal().empty()) return {};
    std::unique_ptr<KafkaOffsets> none;
    {
      std::lock_guard lock(mutex_);
      offsets_.swap(none);
    }
    QUIPU_ASSIGN(
        auto opened,
        KafkaOffsets::open({options_.cluster, {options_.topics[0].name}, group_, store_}, stop));
    std::lock_guard lock(mutex_);
    offsets_ = std::move(opened);
    return {};
  }

  const KafkaOptions options_;
  const std::string group_, store_;
  std::atomic<int64_t> records_behind_{0};
  std::mutex mutex_;
  std::set<std::string> keys_;  // of its partitions
  std::unique_ptr<KafkaOffsets> offsets_;
};

KafkaSources::~KafkaSources() = default;

Result<std::unique_ptr<KafkaSources>> KafkaSources::attach(const std::vector<KafkaSource>& sources,
                                                           Engine& engine, FeedSet& feeds) {
  std::unique_ptr<KafkaSources> all(new KafkaSources);
  for (const KafkaSource& source : sources) {
    for (const KafkaTopic& topic : source.topics) {
      KafkaOptions options;
      options.cluster = source.cluster;
      options.topics = {topic};
      options.from_ms = source.from_ms;
      options.begin_anew =
          std::find(source.anew.begin(), source.anew.end(), topic.name) != source.anew.end();
      options.with_member = reads_kafka_member(engine.plan());
      auto feed =
          std::make_shared<TopicFeed>(std::move(options), source.group, store_name(engine.store()));
      QUIPU_TRY(feed->check());
      all->feeds_.push_back(feed);
    }
  }
  for (const auto& feed : all->feeds_) {
    QUIPU_TRY(feeds.attach(engine.live_feed(
        feed->name(), false, [feed](const FeedPositions& positions, const SourceOptions& of) {
          return feed->open(positions, of);
        })));
  }
  return all;
}

void KafkaSources::committed(const Store& store) {
  const auto with_group = [](const auto& feed) { return feed->has_group(); };
  if (std::none_of(feeds_.begin(), feeds_.end(), with_group)) return;
  const auto snapshot = store.snapshot();
  for (const auto& feed : feeds_) feed->committed(*snapshot);
}

void KafkaSources::read_figures(std::vector<Reading>& readings) const {
  for (const auto& feed : feeds_)
    readings.push_back({"quipu_source_lag_records",
                        "In a topic of Kafka and not read yet, by source", Reading::Kind::gauge,
                        "source", feed->name(), double(feed->records_behind())});
}

}  // namespace quipu
