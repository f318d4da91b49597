// Questions that come over HTTP, answered on threads of their own, so that no connection waits for
// another's: from the last checkpoint, which is not made for them, by what `quipu query` does. Each
// thread prepares a checkpoint's view once. A question whose client is gone ends at its next look
// into the store, or is passed over; its place is free for others. Any thread may ask; `done` is
// called once, on a thread of the asker or at once. The engine outlives it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "answers/kept_answers.h"
#include "answers/prepared_view.h"
#include "answers/watchers.h"
#include "engine/engine.h"
#include "http/gone_flag.h"
#include "http/klaviyo_aggregates.h"
#include "http/read_routes.h"
#include "http/response.h"
#include "http/server_metrics.h"

namespace quipu {

inline constexpr size_t kAskers = 2;                // threads
inline constexpr size_t kMaxWaitingQuestions = 64;  // beyond: 503
// Unasked for so long, a thread gives back its view of the store.
inline constexpr auto kViewKept = std::chrono::seconds(2);

class Asker {
 public:
  using Done = std::function<void(Response)>;
  using MetricsDone = std::function<void(Result<std::vector<std::string>>)>;
  // What a status is made of beside the store's: called on a thread of the asker; JSON members that
  // begin with a comma each. `all`: the asker may read what is of all tenants.
  using StatusMembers = std::function<std::string(bool all)>;
  Asker(Engine& engine, StatusMembers status_members);
  ~Asker();  // closes
  void ask(ReadRequest asked, Done done);
  // Answers again and again, as events.
  void watch(ReadRequest asked, Done done);
  void ask_klaviyo(std::string tenant, KlaviyoQuestion asked, GoneFlag gone, Done done);
  // Names of a tenant's metrics with counted events; none of a tenant that has none.
  void ask_metrics(std::string tenant, GoneFlag gone, MetricsDone done);
  // Takes no more; what waits is answered by an error.
  void close();
  void read_figures(std::vector<Reading>& readings) const;

 private:
  using Work = std::function<void(PreparedView* view)>;  // nullptr: it is not to be answered
  struct Waiting {
    GoneFlag gone;
    Work work;
  };
  // False: it cannot be taken, too many wait.
  bool post(GoneFlag gone, Work work);
  // `done`, and what is told when the client is gone is noted.
  template <typename DoneOf>
  DoneOf noting(GoneFlag gone, DoneOf done) {
    return [this, gone = std::move(gone), done = std::move(done)](auto told) {
      cancelled_ += is_gone(gone);
      done(std::move(told));
    };
  }
  // Takes those whose clients are gone out of `waiting_`, with mutex_ held.
  std::vector<Waiting> drop_gone();
  void run();

  Engine& engine_;
  const StatusMembers status_members_;
  KeptAnswers kept_;
  Watchers watchers_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<Waiting> waiting_;
  std::atomic<uint64_t> cancelled_ = 0;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quipu
