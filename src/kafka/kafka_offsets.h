// The offsets of a consumer group, written for those who watch its lag: how far a store has
// committed. quipu never reads them to know where to go on. Beside each offset stands whose it is
// ("quipu STORE"): before it writes, and when it is opened, it looks whether another store, or
// another program, has written there, and then refuses. It has a thread of its own, which writes
// what was noted last, once in kOffsetsPause at most. Calls never wait for the cluster, but open().
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/stop_flag.h"
#include "kafka/kafka_client.h"
#include "source/source.h"

namespace quipu {

inline constexpr auto kOffsetsPause = std::chrono::seconds(1);

class KafkaOffsets {
 public:
  struct Options {
    KafkaCluster cluster;
    std::vector<std::string> topics;  // that are looked at when it is opened
    std::string group;
    std::string store;  // a text that tells this store from others; not secret
  };
  // Refuses a group whose offsets of these topics are another's. `stop` is for open() alone.
  static Result<std::unique_ptr<KafkaOffsets>> open(const Options& options, const StopFlag* stop);
  ~KafkaOffsets();  // writes what was noted, if the cluster answers soon
  KafkaOffsets(const KafkaOffsets&) = delete;

  // A part was committed so far. Those of other sources are passed over. Any thread.
  void note(const SourcePosition& committed);
  // Why the group may not be written to any more: another has; "" otherwise. Any thread.
  std::string refusal() const;
  // What the last try to write came to; "" if it went well. Any thread.
  std::string trouble() const;

 private:
  using Places = std::map<std::pair<std::string, int32_t>, int64_t>;  // topic, partition: offset
  explicit KafkaOffsets(const Options& options);
  Status look_at_all(const StopFlag* stop);
  Status look(const Places& places, int timeout_ms, bool& answered);
  Status write(const Places& places);
  void run();
  bool closing() const;

  const Options options_;
  const std::string whose_;  // "quipu STORE"
  std::unique_ptr<KafkaClient> client_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Places noted_;  // not written yet
  bool closing_ = false;
  std::string refusal_, trouble_;
  std::thread thread_;
};

}  // namespace quipu
