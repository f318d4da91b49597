// Whether the last record that was counted of a partition is there still, and is the same: by
// fetching it again. One thread; each call has a connection of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/stop_flag.h"
#include "kafka/kafka_client.h"

namespace quipu {

struct LastRecord {
  std::string topic;
  int32_t partition = 0;
  uint64_t offset = 0;
  Hash128 fingerprint;
  enum class Found : uint8_t { not_yet, same, another, none } found = Found::not_yet;
};

// Fills in what was found. An error if the cluster gives no answer of one within kKafkaAnswerTime.
Status find_last_records(const KafkaCluster& cluster, std::vector<LastRecord>& records,
                         const StopFlag* stop);

}  // namespace quipu
