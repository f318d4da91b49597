// The end of the way of a request that brings events, the same at every door: it is known again by
// its Idempotency-Key, appended to the journal, and answered when its events are durable or, if it
// waits for that, counted. Belongs to the door's thread; `done` may be called on another (the
// journal's, the checkpointer's), exactly once a request. What it is made of outlives it, and the
// journal is closed before it goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "http/intake.h"
#include "http/kept_requests.h"
#include "http/request_reader.h"

namespace quipu {

inline constexpr auto kCountedWait = std::chrono::seconds(10);  // of wait=counted

class RequestIntake {
 public:
  struct Outcome {
    Status status;  // ok: the events are durable
    size_t events = 0;
    std::optional<bool> counted;  // of a request that waits for it
  };
  using Done = std::function<void(const Outcome&)>;
  // A request on its way to its answer.
  struct Post {
    bool wait = false;                // until counted
    std::optional<RequestMark> mark;  // if it has an Idempotency-Key
    Done done;
  };
  enum class Known : uint8_t { no, yes, other_body };

  RequestIntake(Intake& intake, KeptRequests& kept) : intake_(intake), kept_(kept) {}

  // Reads the header, if it is there, of a request of this API key's id. An error if it is no good.
  static Status read_key(const Request& request, std::string_view api_key, std::string_view tenant,
                         std::string_view body, int64_t now_ms, Post& post);
  // yes: `done` is called with what became of the request that came first.
  Known find(const Post& post);
  // Takes it in, or says why it cannot be taken now: 429 or 503. The mark stands in the first line.
  std::optional<Response> take(Post post, IntakeBatch batch);
  // Of no events: nothing to wait for.
  static void done_at_once(const Post& post);

 private:
  void answer(const Post& post, const Status& status, size_t events, uint64_t end);

  Intake& intake_;
  KeptRequests& kept_;
};

inline constexpr std::string_view kOtherBody = "this Idempotency-Key came with another body before";

}  // namespace quipu
