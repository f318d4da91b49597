// Questions that come over HTTP, answered on threads of their own, so that no connection waits for
// another's: from the last checkpoint, which is not made for them, by what `quipu query` does. Any
// thread may ask; `done` is called once, on a thread of the asker or at once. The engine outlives
// it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "http/query_string.h"
#include "http/response.h"

namespace quipu {

inline constexpr size_t kAskers = 2;                // threads
inline constexpr size_t kMaxWaitingQuestions = 64;  // beyond: 503

class Asker {
 public:
  using Done = std::function<void(Response)>;
  using MetricsDone = std::function<void(Result<std::vector<std::string>>)>;
  explicit Asker(Engine& engine);
  ~Asker();  // closes
  // A question of one tenant, its parameters named as the options of `quipu query`.
  void ask(std::string tenant, QueryParameters parameters, bool csv, Done done);
  // Names of a tenant's metrics with counted events; none of a tenant that has none.
  void ask_metrics(std::string tenant, MetricsDone done);
  // Takes no more; what waits is answered by an error.
  void close();

 private:
  // False: it cannot be taken, too many wait. `work` is told whether the asker is closing instead.
  bool post(std::function<void(bool closing)> work);
  void run();
  Response answer(const std::string& tenant, const QueryParameters& parameters, bool csv);
  Result<std::vector<std::string>> metrics_of(const std::string& tenant);

  Engine& engine_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<std::function<void(bool closing)>> waiting_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quipu
