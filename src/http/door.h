// The door: HTTP/1.1 on a socket, all connections on one thread of its own. A slow client holds up
// nobody: each has deadlines, and bytes held for all of them together are bounded. What is
// answered is the handler's matter. open() and drain() are called by one thread. Answers hang on
// the journal, so it is closed after drain() and before the door goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/api_keys.h"
#include "http/events_handler.h"

namespace quipu {

inline constexpr size_t kMaxConnections = 4096;
inline constexpr size_t kMaxHeldBytes = size_t(64) << 20;       // of bodies that are being received
inline constexpr auto kRequestTime = std::chrono::seconds(10);  // for a head, from its first byte
inline constexpr auto kBodyTime = std::chrono::seconds(30);     // for head and body
inline constexpr auto kIdleTime = std::chrono::seconds(60);     // between requests
inline constexpr auto kAnswerTime = std::chrono::seconds(30);   // to take an answer
inline constexpr auto kDrainTime = std::chrono::seconds(5);     // for answers under way at the end

class Door {
 public:
  // `listen` is HOST:PORT with a numeric host, [::1]:PORT too. Port 0: any; address() tells it.
  // `each_second` is called on the door's thread.
  static Result<std::unique_ptr<Door>> open(const std::string& listen, EventsHandler& handler,
                                            std::function<void()> each_second);
  ~Door();  // drains
  const std::string& address() const;
  // Takes no more connections and requests; waits until those under way are answered, or
  // kDrainTime.
  void drain();

  struct Impl;

 private:
  explicit Door(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quipu
