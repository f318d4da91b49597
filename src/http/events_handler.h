// Answers requests: what the door does, without its sockets. Belongs to the door's thread; `reply`
// may be called on another (the journal's), exactly once a request.
//
//   POST /v1/events  200 {"accepted":N}, durable by then. 400 with each bad event (none is taken),
//                    401, 403, 413, 415, 503 with Retry-After
//   GET /healthz     200 while the process works
//   GET /readyz      200, or 503 when nothing can be taken; how far counting is behind
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/line_check.h"
#include "http/api_keys.h"
#include "http/request_reader.h"
#include "journal/journal.h"

namespace quipu {

class VendorDoors;

inline constexpr size_t kMaxFaultsShown = 100;  // bad events that a refusal lists
inline constexpr int kRetryAfter_s = 1;

struct Response {
  int status = 200;
  std::string body;          // JSON
  bool retry_after = false;  // send kRetryAfter_s
  std::string_view headers;  // further ones, each with its CR LF; a text that stays
};

class EventsHandler {
 public:
  using Reply = std::function<void(Response)>;
  // `committed` tells how many bytes of the journal are counted and committed. All outlive it.
  EventsHandler(Journal& journal, ApiKeys& keys, std::unique_ptr<LineCheck> check,
                std::function<uint64_t()> committed);
  // Requests of their paths are theirs. They outlive it.
  void set_vendor_doors(VendorDoors* doors) { vendor_doors_ = doors; }
  void handle(const Request& request, int64_t now_ms, Reply reply);

 private:
  void post_events(const Request& request, int64_t now_ms, Reply reply);
  // Who asks, and for which tenant; an answer if they may not.
  bool admit(const Request& request, std::string& key, std::string& tenant, Response& refusal);
  Response ready() const;

  Journal& journal_;
  ApiKeys& keys_;
  const std::unique_ptr<LineCheck> check_;
  const std::function<uint64_t()> committed_;
  VendorDoors* vendor_doors_ = nullptr;
};

// {"error":"..."}
Response error_response(int status, std::string_view text);
// The body as it was before it was packed; false with an answer if it cannot be had.
bool unpack_body(const Request& request, std::string& bytes, Response& refusal);

}  // namespace quipu
