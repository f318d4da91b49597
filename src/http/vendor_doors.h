// The doors of vendors: requests of other systems' clients, turned into events of the one shape
// (event_shape.h), checked by the plan as POST /v1/events does, and answered as their clients
// expect. Belongs to the door's thread; `reply` may be called on another, exactly once a request.
//
//   POST /api/events, /api/event-bulk-create-jobs                     Klaviyo: 202
//   POST /api/metric-aggregates, GET /api/metrics                     Klaviyo, asking: 200
//   POST /v1/batch, /v1/track ..., /v1/t ...                          Segment: 200
//   POST /webhooks/shopify, /webhooks/magento                         webhooks: 200
//   GET /webhooks/magento?challenge=WORD                              Adobe, before it sends: 200
//
// A request that brings events may have an Idempotency-Key, and ?wait=counted in its address: then
// it is answered once a checkpoint holds them, or after kCountedWait, and the header Quipu-Counted
// says which (true, false).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/line_check.h"
#include "http/api_keys.h"
#include "http/events_handler.h"
#include "http/intake.h"
#include "http/klaviyo_aggregates.h"
#include "http/request_intake.h"
#include "http/vendor_request.h"
#include "http/webhook_secrets.h"

namespace quipu {

class VendorDoors {
 public:
  using Reply = EventsHandler::Reply;
  // Gives a tenant's metrics, at once or later, on any thread.
  using Metrics = std::function<void(const std::string& tenant, GoneFlag gone,
                                     std::function<void(Result<std::vector<std::string>>)> done)>;
  // Answers what Klaviyo's clients ask, at once or later, on any thread.
  using Aggregates = std::function<void(const std::string& tenant, KlaviyoQuestion asked,
                                        GoneFlag gone, Reply reply)>;
  // All outlive it.
  VendorDoors(Intake& intake, KeptRequests& kept, ApiKeys& keys, WebhookSecrets& secrets,
              std::unique_ptr<LineCheck> check, Metrics metrics, Aggregates aggregates);
  // Whether a path is a vendor's.
  static bool serves(std::string_view path);
  // Whether it is a path of theirs that only asks.
  static bool is_question(std::string_view path);
  // How metrics call its route.
  static std::string_view name_of(std::string_view path);
  // Why a request is refused before its body is read, as far as its head tells.
  std::optional<Response> refuse_early(const Request& request) const;
  void handle(const Request& request, int64_t now_ms, Reply reply);

 private:
  struct Vendor;
  struct Route;
  struct Sender {
    std::string key, tenant;
  };
  // What a request can do: events come in, or answers go out.
  enum class Right : uint8_t { write, read };

  static const Route* route_of(std::string_view path);
  // Who sends; false with an answer if they may not. `body` is unpacked, and empty if it is not
  // needed to know.
  bool admit(const Route& route, const Request& request, std::string_view body, Sender& sender,
             Response& refusal) const;
  bool admit_key(const Vendor& vendor, const Request& request, std::string_view presented,
                 Right right, Sender& sender, Response& refusal) const;
  bool admit_shop(const Request& request, Sender& sender, Response& refusal) const;
  // Adobe asks an address, before it sends there, to say a word again.
  void answer_challenge(const Route& route, const Request& request, const Reply& reply) const;
  void post(const Route& route, const VendorRequest& request, const Sender& sender, bool wait,
            const Reply& reply);
  // Events as lines of the journal, the first with `mark`; adds to the faults what the plan would
  // set aside.
  std::string checked_lines(const Vendor& vendor, const Sender& sender, int64_t now_ms,
                            std::string mark, VendorEvents& events);
  // Questions of Klaviyo's clients.
  void read(const Request& request, const Sender& sender, Reply reply);

  Intake& intake_;
  RequestIntake requests_;
  ApiKeys& keys_;
  WebhookSecrets& secrets_;
  const std::unique_ptr<LineCheck> check_;
  const Metrics metrics_;
  const Aggregates aggregates_;
  RememberedMessages remembered_;
};

}  // namespace quipu
