// The metrics of a tenant for whoever asks a running server: found on a thread of its own, so that
// no connection waits for a scan. ask() may be called from any thread; `done` is called once, on
// the lister's thread or at once. Engine outlives it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace quipu {

inline constexpr size_t kMaxMetricQuestions = 64;  // that wait

class MetricLister {
 public:
  using Done = std::function<void(Result<std::vector<std::string>>)>;
  explicit MetricLister(Engine& engine);
  ~MetricLister();  // closes
  // Names of metrics with counted events, as of the last checkpoint; none of a tenant that has
  // none.
  void ask(const std::string& tenant, Done done);

  // Takes no more; what waits is answered by an error.
  void close();

 private:
  void run();
  Result<std::vector<std::string>> metrics_of(const std::string& tenant);

  Engine& engine_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<std::pair<std::string, Done>> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace quipu
