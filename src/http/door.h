// The door: HTTP/1.1 on a socket, with or without TLS, all connections on one thread of its own. A
// slow client holds up nobody: each has deadlines, and what all of them together hold is bounded.
// What is answered is the handler's matter. open() and drain() are called by one thread.
// Answers hang on the journal, so it is closed after drain() and before the door goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/events_handler.h"
#include "http/server_metrics.h"
#include "http/tls_context.h"

namespace quipu {

inline constexpr size_t kMaxConnections = 4096;
inline constexpr size_t kMaxTlsConnections = 1024;       // they hold some 110 KiB each
inline constexpr size_t kMaxConnectionsOfClient = 3072;  // of one address; with TLS as many as all
// Of what is received and not handled yet, all together; a connection's first kFreeHeldBytes are
// not counted, so that small requests come through while others send large ones.
inline constexpr size_t kMaxHeldBytes = size_t(64) << 20;
inline constexpr size_t kFreeHeldBytes = size_t(16) << 10;
// Of answers that clients have not taken yet, all together; small answers are not counted.
inline constexpr size_t kMaxUntakenBytes = size_t(64) << 20;
inline constexpr size_t kFreeUntakenBytes = size_t(16) << 10;
inline constexpr auto kRequestTime = std::chrono::seconds(10);    // for a head, from its first byte
inline constexpr auto kBodyTime = std::chrono::seconds(30);       // for a body
inline constexpr auto kIdleTime = std::chrono::seconds(60);       // between requests
inline constexpr auto kStreamComment = std::chrono::seconds(15);  // while no event comes
inline constexpr auto kAnswerTime = std::chrono::seconds(30);     // to take an answer
inline constexpr auto kDrainTime = std::chrono::seconds(5);  // for answers under way at the end

struct DoorOptions {
  // HOST:PORT with a numeric host, [::1]:PORT too. Port 0: any; address() tells it.
  std::string listen = "127.0.0.1:8080";
  std::shared_ptr<const TlsContext> tls;  // nullptr: without TLS
  size_t connections = 0;                 // 0: kMaxConnections or kMaxTlsConnections
  size_t connections_of_client = 0;       // 0: kMaxConnectionsOfClient
  // Called on the door's thread. What it gives, if anything, encrypts connections from then on.
  std::function<std::shared_ptr<const TlsContext>()> each_second;
  // Told of each answer, if given: route, status, the client's address.
  std::function<void(std::string_view, int, const std::string&)> on_answer;
};

class Door {
 public:
  // Handler and metrics outlive it; the metrics are asked for their text on its thread alone.
  static Result<std::unique_ptr<Door>> open(DoorOptions options, EventsHandler& handler,
                                            ServerMetrics& metrics);
  // Whether `listen` is an address that open() would try.
  static Status check_address(const std::string& listen);
  ~Door();  // drains
  const std::string& address() const;
  bool on_loopback() const;  // nobody else can reach it
  // Takes no more connections and requests; waits until those under way are answered, or
  // kDrainTime.
  void drain();

  struct Impl;

 private:
  explicit Door(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quipu
