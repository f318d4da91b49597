// The topics of Kafka that a server reads: a feed each, and the offsets of consumer groups that
// show how far they are. Any thread, but for attach(); all it is given outlives it.
#pragma once

#include <memory>
#include <vector>

#include "cli/kafka_settings.h"
#include "engine/engine.h"
#include "http/server_metrics.h"

namespace quipu {

class KafkaSources {
 public:
  // An error if settings are wrong. Clusters are not waited for: the feeds do that, again and
  // again.
  static Result<std::unique_ptr<KafkaSources>> attach(const std::vector<KafkaSource>& sources,
                                                      Engine& engine, FeedSet& feeds);
  ~KafkaSources();
  // A checkpoint was committed: says so in the groups.
  void committed(const Store& store);
  void read_figures(std::vector<Reading>& readings) const;

 private:
  class TopicFeed;
  KafkaSources() = default;
  std::vector<std::shared_ptr<TopicFeed>> feeds_;
};

}  // namespace quipu
