// Topics of a Kafka cluster as a feed (source/feed.h). A part is a partition, under the key
// kafka:CLUSTER/TOPIC/PARTITION; its position's `bytes` are the offset of the next record, `last`
// the fingerprint of the one before. The store's positions are the only truth: partitions are
// assigned, no group is joined, and nothing of the cluster's own offsets is read.
//
// Where a store knows a partition, the last record it counted is fetched again and compared before
// anything else of it is given. So a topic that was made anew is noticed, as is one of which
// retention deleted what was not counted yet: next() gives an error that says what happened and
// what to do. Made anew while it is read, it is noticed unless it is as long again as before within
// kLookForPartitions.
//
// next() takes what has come, whatever partition it is of, and gives it in blocks of one partition
// each. It waits only when nothing has come at all. All brokers away is an error, after which the
// feed is opened anew. Records beyond what is asked for wait in librdkafka, within kQueuedBytes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kafka/kafka_client.h"
#include "source/feed.h"
#include "source/source.h"

namespace quipu {

class KafkaOffsets;

inline constexpr auto kLookForPartitions = std::chrono::seconds(10);
inline constexpr size_t kMaxPartitions = 1'000;  // of a feed
// Taken from librdkafka before blocks are given, at most, beside a record that is larger: what has
// come of many partitions is given in small blocks rather than held.
inline constexpr size_t kRoundBytes = size_t(4) << 20;

struct KafkaTopic {
  std::string name;
  std::vector<int32_t> partitions;  // none: all, also those that are added while it is read
};

struct KafkaOptions {
  KafkaCluster cluster;
  std::vector<KafkaTopic> topics;
  // Partitions that the store does not know begin at their first record of this time or later
  // (0: at the earliest there is). Those that are added while the topic is read, at the earliest.
  int64_t from_ms = 0;
  // A partition that cannot go on where it was counted up to (see above) begins at the earliest
  // record there is.
  bool begin_anew = false;
  bool with_member = false;  // add "$kafka" to events (event_text.h)
  // It ends when each partition was read to what is its end then. Otherwise it never does.
  bool ends = false;
  std::chrono::milliseconds look_for_partitions = kLookForPartitions;
  // Kept at how many records are in the partitions and not given yet, as far as is known; looked at
  // every second. Outlives the feed.
  std::atomic<int64_t>* records_behind = nullptr;
  const KafkaOffsets* offsets = nullptr;  // its refusal is the feed's error; outlives the feed
};

// "kafka:CLUSTER/TOPIC/PARTITION"
std::string kafka_key(const std::string& cluster, const std::string& topic, int32_t partition);

// Whether options and settings are right, as far as that is known without the cluster.
Status check_kafka(const KafkaOptions& options);

// Errors: a wrong setting, a topic or partition that is not there, no answer within
// kKafkaAnswerTime, a partition that cannot go on where it was counted up to.
Result<std::unique_ptr<Source>> open_kafka(const KafkaOptions& options,
                                           const FeedPositions& positions,
                                           const SourceOptions& source_options);

}  // namespace quipu
