// Answers requests: what the door does, without its sockets. Belongs to the door's thread; `reply`
// may be called on another (the journal's), exactly once a request.
//
//   POST /v1/events  200 {"accepted":N}, durable by then. 400 with each bad event (none is taken),
//                    401, 403, 413, 415, 422, 429 and 503 with Retry-After. With ?wait=counted 200
//                    once a checkpoint holds them, 202 if none does within kCountedWait
//   GET /healthz     200 while the process works
//   GET /readyz      200, or 503 when nothing can be taken; how far counting is behind
//   GET /v1/...      what is counted for the key's tenant (http/read_routes.h)
//   GET /metrics     figures for Prometheus; not from afar without a key that reads all tenants
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/line_check.h"
#include "http/api_keys.h"
#include "http/event_lines.h"
#include "http/intake.h"
#include "http/read_routes.h"
#include "http/request_intake.h"
#include "http/request_reader.h"
#include "http/response.h"
#include "http/server_metrics.h"

namespace quipu {

class VendorDoors;

inline constexpr size_t kMaxFaultsShown = 100;  // bad events that a refusal lists

class EventsHandler {
 public:
  using Reply = std::function<void(Response)>;
  // All outlive it, and the journal is closed before it goes.
  EventsHandler(Intake& intake, KeptRequests& kept, ApiKeys& keys, ServerMetrics& metrics,
                std::unique_ptr<LineCheck> check);
  // Requests of their paths are theirs. They outlive it.
  void set_vendor_doors(VendorDoors* doors) { vendor_doors_ = doors; }
  // Answers what is asked of the counts; may reply on another thread, or at once.
  using Reads = std::function<void(ReadRequest asked, Reply reply)>;
  void set_reads(Reads reads) { reads_ = std::move(reads); }
  // Files that anybody may have, by path; nothing: there is none of that path. They stay.
  using Files = std::function<std::optional<Response>(std::string_view path)>;
  void set_files(Files files) { files_ = std::move(files); }
  void handle(const Request& request, int64_t now_ms, Reply reply);
  // Why a request is refused before its body is read; nothing: it is to be read.
  std::optional<Response> refuse_early(const Request& request);
  // How metrics call the route of a path: the few that there are, or kNoRoute.
  static std::string_view route_of(std::string_view path);
  static constexpr std::string_view kNoRoute = "none";
  // Whether what is asked there is only of use to who asks: not answered once that client is gone.
  static bool is_question(std::string_view path);

 private:
  enum class Right : uint8_t { write, read };
  void post_events(const Request& request, int64_t now_ms, Reply reply);
  bool wrap(const std::vector<std::string_view>& events, Envelope envelope, std::string& lines,
            Response& refusal);
  // Whose key it is; nullptr: nobody's.
  const ApiKey* key_of(const Request& request) const;
  // Who asks, and for which tenant; an answer if they may not.
  bool admit(const Request& request, std::string& key, std::string& tenant, Response& refusal,
             Right right = Right::write);
  // As admit(), but a key of all tenants need not name one.
  bool admit_reader(const Request& request, ReadRequest& asked, Response& refusal);
  void read(const Request& request, Reply reply);
  Response ready() const;
  Response metrics(const Request& request) const;

  Intake& intake_;
  RequestIntake requests_;
  ApiKeys& keys_;
  ServerMetrics& metrics_;
  const std::unique_ptr<LineCheck> check_;
  VendorDoors* vendor_doors_ = nullptr;
  Reads reads_;
  Files files_;
};

// The body as it was before it was packed; false with an answer if it cannot be had.
bool unpack_body(const Request& request, std::string& bytes, Response& refusal);

}  // namespace quipu
