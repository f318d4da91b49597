// Questions that are asked again whenever a commit may have changed their answers: /v1/watch. One
// thread of its own asks for all; a stream whose client is gone is forgotten. add() on any thread;
// the engine outlives it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "answers/kept_answers.h"
#include "answers/prepared_view.h"
#include "http/event_stream.h"
#include "http/read_routes.h"

namespace quipu {

inline constexpr size_t kMaxWatchers = 64;
inline constexpr auto kWatchPause = std::chrono::milliseconds(500);  // between two looks

class Watchers {
 public:
  explicit Watchers(Engine& engine);
  ~Watchers();  // closes
  // A question whose answer is known: the first event, and those that follow. False: there are
  // kMaxWatchers already, or it is closing.
  bool add(ReadRequest asked, const Response& first, std::shared_ptr<EventStream> stream);
  void close();

 private:
  struct Watcher {
    ReadRequest asked;
    std::shared_ptr<EventStream> stream;
    std::string seen;  // digest of the answer that was sent last
  };
  void run();
  void look(PreparedView& prepared, Watcher& watcher);

  Engine& engine_;
  KeptAnswers kept_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Watcher> watchers_;
  size_t looked_at_ = 0;  // and not in the list meanwhile
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace quipu
