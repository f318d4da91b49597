// Questions that come over HTTP, answered on threads of their own by what `quipu query` does: from
// the last checkpoint, which is not made for them. ask() may be called by any thread; `done` is
// called once, on a thread of the asker or at once. The engine outlives it.
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
  explicit Asker(Engine& engine);
  ~Asker();  // closes
  // A question of one tenant, its parameters named as the options of `quipu query`.
  void ask(std::string tenant, QueryParameters parameters, bool csv, Done done);
  // Takes no more; what waits is answered by an error.
  void close();

 private:
  struct Asked {
    std::string tenant;
    QueryParameters parameters;
    bool csv;
    Done done;
  };
  void run();
  Response answer(const Asked& asked);

  Engine& engine_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<Asked> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quipu
