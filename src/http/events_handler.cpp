#include "http/events_handler.h"

#include "base/json_text.h"
#include "http/event_lines.h"
#include "http/vendor_doors.h"
#include "source/unpack.h"

namespace quipu {
namespace {

constexpr std::string_view kNoSuchPath =
    "there is POST /v1/events, GET /v1/query, /v1/metrics, /v1/status, "
    "/v1/tenants, /v1/watch, /v1/dimensions/PROPERTY/values, /healthz, /readyz, /metrics, and / "
    "for people";
constexpr std::string_view kPageRoute = "/";

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

Response answer_of(const RequestIntake::Outcome& outcome) {
  if (!outcome.status.ok()) return error_response(503, "the journal cannot be written now");
  Response taken;
  taken.status = outcome.counted.value_or(true) ? 200 : 202;
  taken.body = "{\"accepted\":" + std::to_string(outcome.events);
  if (outcome.counted) taken.body += *outcome.counted ? ",\"counted\":true" : ",\"counted\":false";
  taken.body += "}\n";
  return taken;
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
  if (request.count("content-encoding") > 1) {
    refusal = error_response(415, "Content-Encoding is given twice");
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

EventsHandler::EventsHandler(Intake& intake, KeptRequests& kept, ApiKeys& keys,
                             ServerMetrics& metrics, std::unique_ptr<LineCheck> check)
    : intake_(intake),
      requests_(intake, kept),
      keys_(keys),
      metrics_(metrics),
      check_(std::move(check)) {}

std::string_view EventsHandler::route_of(std::string_view path) {
  static constexpr std::string_view kRoutes[] = {"/v1/events", "/healthz", "/readyz", "/metrics"};
  for (const std::string_view route : kRoutes) {
    if (path == route) return route;
  }
  if (const std::string_view route = read_route_of(path); !route.empty()) return route;
  if (path == "/v1/openapi.json") return "/v1/openapi.json";
  if (path == "/" || path.starts_with("/assets/")) return kPageRoute;
  return VendorDoors::serves(path) ? VendorDoors::name_of(path) : kNoRoute;
}

bool EventsHandler::is_question(std::string_view path) {
  return !read_route_of(path).empty() || VendorDoors::is_question(path);
}

// So that nobody without a key, or beyond its rate, has a body held, nor where none is read.
std::optional<Response> EventsHandler::refuse_early(const Request& request) {
  if (vendor_doors_ && vendor_doors_->serves(request.path))
    return vendor_doors_->refuse_early(request);
  const std::string_view route = route_of(request.path);
  if (route == kNoRoute) return error_response(404, kNoSuchPath);
  Response refusal;
  if (route == kQueryRoute && request.method == "POST") {
    ReadRequest asked;
    if (!admit_reader(request, asked, refusal)) return refusal;
    return std::nullopt;
  }
  if (route != "/v1/events")
    return error_response(request.method == "GET" ? 400 : 405, "GET this, without a body");
  if (request.method != "POST") return error_response(405, "POST events here");
  std::string key, tenant;
  if (!admit(request, key, tenant, refusal)) return refusal;
  return intake_.refusal(key);
}

void EventsHandler::handle(const Request& request, int64_t now_ms, Reply reply) {
  if (vendor_doors_ && vendor_doors_->serves(request.path))
    return vendor_doors_->handle(request, now_ms, std::move(reply));
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.path == "/v1/events") {
    if (request.method != "POST") return reply(error_response(405, "POST events here"));
    return post_events(request, now_ms, std::move(reply));
  }
  const std::string_view route = route_of(request.path);
  if (route == kNoRoute) return reply(error_response(404, kNoSuchPath));
  if (route == kQueryRoute && request.method == "POST") return read(request, std::move(reply));
  if (!get) return reply(error_response(405, "GET this"));
  if (request.path == "/readyz") return reply(ready());
  if (request.path == "/metrics") return reply(metrics(request));
  if (!read_route_of(request.path).empty()) return read(request, std::move(reply));
  if (route == kPageRoute || route == "/v1/openapi.json") {
    auto file = files_ ? files_(request.path) : std::nullopt;
    const std::string* known = request.header("if-none-match");
    return reply(file ? with_etag(std::move(*file), known ? *known : "")
                      : error_response(404, kNoSuchPath));
  }
  Response healthy;
  healthy.body = "{\"status\":\"ok\"}\n";
  reply(std::move(healthy));
}

Response EventsHandler::ready() const {
  const std::string_view why = intake_.obstacle();
  Response response = why.empty() ? Response() : error_response(503, why, kBehindRetry_s);
  response.body = "{\"status\":\"" + std::string(why.empty() ? "ready" : why) +
                  "\",\"behind_bytes\":" + std::to_string(intake_.behind_bytes()) + "}\n";
  return response;
}

const ApiKey* EventsHandler::key_of(const Request& request) const {
  const std::string* authorization = request.header("authorization");
  constexpr std::string_view kBearer = "Bearer ";
  if (!authorization || request.count("authorization") > 1 || !authorization->starts_with(kBearer))
    return nullptr;
  return keys_.find(std::string_view(*authorization).substr(kBearer.size()));
}

// Whoever is on this machine may read them without a key.
Response EventsHandler::metrics(const Request& request) const {
  const ApiKey* key = request.from_loopback ? nullptr : key_of(request);
  if (!request.from_loopback && !key)
    return error_response(401, "from afar this takes a key of quipu key add --all --read");
  if (key && (!key->read || key->tenant))
    return error_response(403, "this key may not read what is of all tenants");
  Response response;
  response.body = metrics_.text();
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

bool EventsHandler::admit_reader(const Request& request, ReadRequest& asked, Response& refusal) {
  const ApiKey* found = key_of(request);
  if (found && found->read && !found->tenant && !request.header("quipu-tenant")) {
    asked.all_tenants = true;
    return true;
  }
  std::string key, tenant;
  if (!admit(request, key, tenant, refusal, Right::read)) return false;
  asked.tenant = std::move(tenant);
  asked.all_tenants = !found->tenant;
  return true;
}

void EventsHandler::read(const Request& request, Reply reply) {
  ReadRequest who;
  Response refusal;
  std::string body;
  if (!admit_reader(request, who, refusal) || !unpack_body(request, body, refusal))
    return reply(std::move(refusal));
  auto asked = read_request_of(request, body);
  if (!asked.ok()) return reply(error_response(400, asked.error().message));
  asked->tenant = std::move(who.tenant);
  asked->all_tenants = who.all_tenants;
  asked->gone = request.gone;
  if (asked->route == kTenantsRoute && !asked->all_tenants)
    return reply(error_response(403, "this key is of one tenant, and may not list the others"));
  if (!asked->tenant && asked->route != kStatusRoute && asked->route != kTenantsRoute)
    return reply(
        error_response(400, "this key is for all tenants: name one by Quipu-Tenant: NAME"));
  if (!reads_) return reply(error_response(503, "the server is starting"));
  const std::string* known = request.header("if-none-match");
  reads_(std::move(*asked), [reply = std::move(reply), known = known ? *known : ""](Response told) {
    reply(with_etag(std::move(told), known));
  });
}

bool EventsHandler::admit(const Request& request, std::string& key, std::string& tenant,
                          Response& refusal, Right right) {
  const ApiKey* found = key_of(request);
  if (!found) {
    refusal = error_response(401, "send a key of quipu key add: Authorization: Bearer KEY");
    return false;
  }
  const std::string* named = request.header("quipu-tenant");
  const bool may = right == Right::write ? found->write : found->read;
  if (!may || (named && found->tenant && *named != *found->tenant)) {
    refusal = error_response(
        403, right == Right::write ? "this key may not write here" : "this key may not read here");
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
  RequestIntake::Post post;
  post.wait = request.query == "wait=counted";
  post.done = [reply](const RequestIntake::Outcome& outcome) { reply(answer_of(outcome)); };
  if (!request.query.empty() && !post.wait)
    return reply(error_response(400, "this takes wait=counted alone, not " + request.query));
  Envelope envelope;
  envelope.received_ms = now_ms;
  Response refusal;
  std::string body;
  if (!admit(request, envelope.key, envelope.tenant, refusal)) return reply(std::move(refusal));
  if (auto refused = intake_.refusal(envelope.key)) return reply(std::move(*refused));
  if (!unpack_body(request, body, refusal)) return reply(std::move(refusal));
  if (const Status read =
          RequestIntake::read_key(request, envelope.key, envelope.tenant, body, now_ms, post);
      !read.ok())
    return reply(error_response(400, read.error().message));
  const auto known = requests_.find(post);
  if (known == RequestIntake::Known::yes) return;
  if (known == RequestIntake::Known::other_body) return reply(error_response(422, kOtherBody));
  auto events = split_events(body);
  if (!events.ok()) return reply(error_response(400, events.error().message));
  if (post.mark) {
    post.mark->events = uint32_t(events->size());
    envelope.request = post.mark->text();
  }
  IntakeBatch batch;
  batch.key = envelope.key;
  batch.events = events->size();
  if (!wrap(*events, std::move(envelope), batch.lines, refusal)) return reply(std::move(refusal));
  if (batch.lines.empty()) return RequestIntake::done_at_once(post);
  if (auto refused = requests_.take(std::move(post), std::move(batch))) reply(std::move(*refused));
}

// The events as lines of the journal; false if any is bad.
bool EventsHandler::wrap(const std::vector<std::string_view>& events, Envelope envelope,
                         std::string& lines, Response& refusal) {
  const std::string first_head = envelope_head(envelope);
  envelope.request.clear();
  const std::string head = envelope_head(envelope);
  std::string faults;
  size_t bad = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    const std::string_view event = events[i];
    std::string reason, detail = why_no_object(event);
    if (!detail.empty()) {
      reason = "not_json";
    } else if (first_head.size() + event.size() + 2 > kMaxLineBytes) {
      reason = reason_name(Reason::line_too_long);
      detail =
          "an event may have " + std::to_string(kMaxLineBytes - first_head.size() - 2) + " bytes";
    } else {
      const size_t begin = lines.size();
      append_wrapped(i == 0 ? first_head : head, event, lines);
      const std::string_view line(lines.data() + begin, lines.size() - begin - 1);
      LineOutcome outcome = check_->check(line);
      if (outcome.kind != LineOutcome::Kind::set_aside) continue;
      reason = reason_name(outcome.reason);
      detail = std::move(outcome.detail);
    }
    if (bad++ >= kMaxFaultsShown) continue;
    faults += (faults.empty() ? "" : ",") + fault_of(i, reason, detail);
  }
  if (bad == 0) return true;
  refusal = Response();
  refusal.status = 400;
  refusal.body = "{\"error\":\"no event was taken: " + std::to_string(bad) + " of " +
                 std::to_string(events.size()) + " are bad\",\"accepted\":0,\"events\":[" + faults +
                 "]}\n";
  return false;
}

}  // namespace quipu
