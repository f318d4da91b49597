#include "http/events_handler.h"

#include "base/json_text.h"
#include "http/event_lines.h"
#include "http/vendor_doors.h"
#include "source/unpack.h"

namespace quipu {
namespace {

// "/event/time: no time" -> field "/time" (as the client knows it), reason as the decoder names it.
std::string fault_of(size_t index, std::string_view reason, std::string_view detail) {
  std::string field;
  const size_t colon = detail.find(": ");
  if (detail.starts_with('/') && colon != std::string_view::npos) {
    field = detail.substr(0, colon);
    if (field.starts_with("/event/")) field.erase(0, 6);
    detail.remove_prefix(colon + 2);
  }
  std::string text = "{\"index\":" + std::to_string(index) + ",\"field\":";
  append_json_string(field, text);
  text += ",\"reason\":";
  append_json_string(reason, text);
  text += ",\"detail\":";
  append_json_string(detail, text);
  return text + "}";
}

}  // namespace

bool unpack_body(const Request& request, std::string& bytes, Response& refusal) {
  const std::string* coding = request.header("content-encoding");
  Packing packing = Packing::none;
  if (coding && *coding == "gzip") {
    packing = Packing::gzip;
  } else if (coding && *coding == "zstd") {
    packing = Packing::zstd;
  } else if (coding && *coding != "identity" && !coding->empty()) {
    refusal = error_response(415, "Content-Encoding may be gzip or zstd");
    return false;
  }
  Unpacked unpacked = unpack(packing, request.body, kMaxUnpackedBytes);
  bytes = std::move(unpacked.bytes);
  if (unpacked.outcome == Unpacked::Outcome::good) return true;
  refusal =
      unpacked.outcome == Unpacked::Outcome::damaged
          ? error_response(400, "the body is no whole " + *coding)
          : error_response(413, "the body is longer than " + std::to_string(kMaxUnpackedBytes) +
                                    " bytes unpacked; send smaller batches");
  return false;
}

Response error_response(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.body = "{\"error\":";
  append_json_string(text, response.body);
  response.body += "}\n";
  response.retry_after = status == 503 || status == 429;
  return response;
}

EventsHandler::EventsHandler(Journal& journal, ApiKeys& keys, std::unique_ptr<LineCheck> check,
                             std::function<uint64_t()> committed)
    : journal_(journal), keys_(keys), check_(std::move(check)), committed_(std::move(committed)) {}

void EventsHandler::handle(const Request& request, int64_t now_ms, Reply reply) {
  if (vendor_doors_ && vendor_doors_->serves(request.path))
    return vendor_doors_->handle(request, now_ms, std::move(reply));
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.path == "/v1/events") {
    if (request.method != "POST") return reply(error_response(405, "POST events here"));
    return post_events(request, now_ms, std::move(reply));
  }
  if (request.path != "/healthz" && request.path != "/readyz")
    return reply(error_response(404, "there is POST /v1/events, GET /healthz and GET /readyz"));
  if (!get) return reply(error_response(405, "GET this"));
  if (request.path == "/readyz") return reply(ready());
  Response healthy;
  healthy.body = "{\"status\":\"ok\"}\n";
  reply(std::move(healthy));
}

Response EventsHandler::ready() const {
  if (!journal_.failed().ok()) return error_response(503, "the journal cannot be written");
  const Journal::Durable durable = journal_.durable();
  const uint64_t committed = committed_();
  Response response;
  response.body = "{\"status\":\"ready\",\"behind_bytes\":" +
                  std::to_string(durable.end > committed ? durable.end - committed : 0) + "}\n";
  return response;
}

bool EventsHandler::admit(const Request& request, std::string& key, std::string& tenant,
                          Response& refusal) {
  const std::string* authorization = request.header("authorization");
  constexpr std::string_view kBearer = "Bearer ";
  const ApiKey* found = nullptr;
  if (authorization && request.count("authorization") == 1 && authorization->starts_with(kBearer))
    found = keys_.find(std::string_view(*authorization).substr(kBearer.size()));
  if (!found) {
    refusal = error_response(401, "send a key of quipu key add: Authorization: Bearer KEY");
    return false;
  }
  const std::string* named = request.header("quipu-tenant");
  if (!found->write || (named && found->tenant && *named != *found->tenant)) {
    refusal = error_response(403, "this key may not write here");
    return false;
  }
  if (!found->tenant && (!named || request.count("quipu-tenant") > 1 || !is_tenant_name(*named))) {
    refusal = error_response(400, "this key is for all tenants: name one by Quipu-Tenant: NAME");
    return false;
  }
  key = found->id;
  tenant = found->tenant ? *found->tenant : *named;
  return true;
}

void EventsHandler::post_events(const Request& request, int64_t now_ms, Reply reply) {
  if (!request.query.empty())
    return reply(error_response(400, "this takes no parameters: " + request.query));
  Envelope envelope;
  envelope.received_ms = now_ms;
  Response refusal;
  std::string body;
  if (!admit(request, envelope.key, envelope.tenant, refusal) ||
      !unpack_body(request, body, refusal))
    return reply(std::move(refusal));
  auto events = split_events(body);
  if (!events.ok()) return reply(error_response(400, events.error().message));

  const std::string head = envelope_head(envelope);
  std::string lines, faults;
  size_t bad = 0;
  for (size_t i = 0; i < events->size(); ++i) {
    const std::string_view event = (*events)[i];
    std::string reason, detail = why_no_object(event);
    if (!detail.empty()) {
      reason = "not_json";
    } else if (head.size() + event.size() + 2 > kMaxLineBytes) {
      reason = reason_name(Reason::line_too_long);
      detail = "an event may have " + std::to_string(kMaxLineBytes - head.size() - 2) + " bytes";
    } else {
      const size_t begin = lines.size();
      append_wrapped(head, event, lines);
      const std::string_view line(lines.data() + begin, lines.size() - begin - 1);
      LineOutcome outcome = check_->check(line);
      if (outcome.kind != LineOutcome::Kind::set_aside) continue;
      reason = reason_name(outcome.reason);
      detail = std::move(outcome.detail);
    }
    if (bad++ >= kMaxFaultsShown) continue;
    faults += (faults.empty() ? "" : ",") + fault_of(i, reason, detail);
  }
  if (bad > 0) {
    Response response;
    response.status = 400;
    response.body = "{\"error\":\"no event was taken: " + std::to_string(bad) + " of " +
                    std::to_string(events->size()) + " are bad\",\"accepted\":0,\"events\":[" +
                    faults + "]}\n";
    return reply(std::move(response));
  }
  Response taken;
  taken.body = "{\"accepted\":" + std::to_string(events->size()) + "}\n";
  if (lines.empty()) return reply(std::move(taken));
  const auto took = journal_.append(std::move(lines), [reply, taken](const Status& status) {
    reply(status.ok() ? taken : error_response(503, "the journal cannot be written now"));
  });
  if (took == Journal::Took::full) reply(error_response(503, "too much is on its way"));
  if (took == Journal::Took::closed) reply(error_response(503, "the server is stopping"));
}

}  // namespace quipu
