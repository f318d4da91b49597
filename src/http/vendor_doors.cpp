#include "http/vendor_doors.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "http/event_lines.h"
#include "http/json_slices.h"
#include "http/klaviyo_door.h"
#include "http/magento_door.h"
#include "http/segment_door.h"
#include "http/shopify_door.h"

namespace quipu {

struct VendorDoors::Vendor {
  std::string_view name;                         // of the door, in the journal
  std::string (*presented_key)(const Request&);  // nullptr: it signs
  std::string_view how_to_present;
  std::string (*field)(std::string_view);  // of the one shape -> their name
  Response (*success)();
  Response (*error)(int status, std::string_view text);
  Response (*refusal)(const std::vector<VendorFault>&);
};

struct VendorDoors::Route {
  std::string_view path;
  const Vendor* vendor;
  VendorEvents (*read)(const VendorRequest&);  // nullptr: it asks
  std::string_view method = "POST";
};

namespace {

// What follows the scheme in Authorization; empty if it is another one.
std::string credentials(const Request& request, std::string_view scheme) {
  const std::string* header = request.header("authorization");
  if (!header || request.count("authorization") > 1 || !header->starts_with(scheme)) return {};
  return header->substr(scheme.size());
}

std::string bearer(const Request& request) { return credentials(request, "Bearer "); }

std::string klaviyo_key(const Request& request) {
  const std::string key = credentials(request, "Klaviyo-API-Key ");
  return key.empty() ? bearer(request) : key;
}

// base64(KEY ":")
std::string basic_key(const Request& request) {
  const std::string coded = credentials(request, "Basic ");
  if (coded.empty()) return bearer(request);
  std::string text(coded.size() / 4 * 3 + 3, '\0');
  const int n =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(coded.data()), int(coded.size()));
  if (n < 0) return {};
  text.resize(size_t(n));
  return text.substr(0, text.find(':'));
}

// For shops whose webhooks have no headers of their own: ?key=KEY.
std::string magento_key(const Request& request) {
  const std::string key = magento_parameter(request.query, "key");
  return key.empty() ? bearer(request) : key;
}

std::string same_field(std::string_view field) { return std::string(field); }
Response klaviyo_success() {
  Response response;
  response.status = 202;
  return response;
}
Response plain_error(int status, std::string_view text) { return error_response(status, text); }
Response plain_refusal(const std::vector<VendorFault>& faults) { return faults_response(faults); }
Response shopify_success() {
  Response response;
  response.body = "{}\n";
  return response;
}

// An answer of the server's own in the vendor's words.
Response in_words_of(Response (*error)(int, std::string_view), const Response& plain) {
  const std::string text =
      text_of(object_or_none(plain.body).get("error")).value_or("this cannot be done");
  Response response = error(plain.status, text);
  response.retry_after = plain.retry_after;
  response.retry_after_s = plain.retry_after_s;
  return response;
}

// What follows the ? of an address that brings events.
struct Parameters {
  bool wait = false;  // until counted
  std::string others;

  static Parameters of(std::string_view query) {
    constexpr std::string_view kWait = "wait=counted", kFirst = "wait=counted&",
                               kLast = "&wait=counted";
    Parameters out;
    const size_t size = query.size();
    if (query == kWait)
      query = {};
    else if (query.starts_with(kFirst) && size > kFirst.size())
      query.remove_prefix(kFirst.size());
    else if (query.ends_with(kLast) && size > kLast.size())
      query.remove_suffix(kLast.size());
    out.wait = query.size() < size;
    out.others = query;
    return out;
  }
};

// "/event/time: no time" -> the field as the vendor calls it, and the detail.
void add_fault(std::string (*field)(std::string_view), std::string_view reason,
               std::string_view detail, size_t index, VendorEvents& events) {
  constexpr std::string_view kEvent = "/event";
  std::string path;
  const size_t colon = detail.find(": ");
  if (detail.starts_with(kEvent) && colon != std::string_view::npos) {
    path = field(detail.substr(kEvent.size(), colon - kEvent.size()));
    detail.remove_prefix(colon + 2);
  }
  events.faults.push_back(
      {index, events.where[index] + path, std::string(reason), std::string(detail)});
}

}  // namespace

constexpr std::string_view kAggregates = "/api/metric-aggregates";

const VendorDoors::Route* VendorDoors::route_of(std::string_view path) {
  static const Vendor kKlaviyo = {
      "klaviyo",      klaviyo_key,     "Authorization: Klaviyo-API-Key KEY",
      klaviyo_field,  klaviyo_success, klaviyo_error,
      klaviyo_refusal};
  static const Vendor kSegment = {"segment",      basic_key,       "the key as write key",
                                  segment_field,  segment_success, segment_error,
                                  segment_refusal};
  static const Vendor kShopify = {"shopify",       nullptr,     "",           same_field,
                                  shopify_success, plain_error, plain_refusal};
  static const Vendor kMagento = {"magento",    magento_key,     "Authorization: Bearer KEY",
                                  same_field,   magento_success, plain_error,
                                  plain_refusal};
  static const std::array<Route, 6> kRoutes = {
      {{"/api/events", &kKlaviyo, read_klaviyo_event},
       {"/api/event-bulk-create-jobs", &kKlaviyo, read_klaviyo_bulk},
       {"/api/metrics", &kKlaviyo, nullptr, "GET"},
       {kAggregates, &kKlaviyo, nullptr},
       {"/webhooks/shopify", &kShopify, read_shopify},
       {"/webhooks/magento", &kMagento, read_magento}}};
  static const Route kSegmentRoute = {"/v1/", &kSegment, read_segment};
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (is_segment_path(path)) return &kSegmentRoute;
  const auto found = std::find_if(kRoutes.begin(), kRoutes.end(),
                                  [&](const Route& route) { return route.path == path; });
  return found == kRoutes.end() ? nullptr : &*found;
}

bool VendorDoors::serves(std::string_view path) { return route_of(path) != nullptr; }

bool VendorDoors::is_question(std::string_view path) {
  const Route* route = route_of(path);
  return route && !route->read;
}

VendorDoors::VendorDoors(Intake& intake, KeptRequests& kept, ApiKeys& keys, WebhookSecrets& secrets,
                         std::unique_ptr<LineCheck> check, Metrics metrics, Aggregates aggregates)
    : intake_(intake),
      requests_(intake, kept),
      keys_(keys),
      secrets_(secrets),
      check_(std::move(check)),
      metrics_(std::move(metrics)),
      aggregates_(std::move(aggregates)) {}

std::string_view VendorDoors::name_of(std::string_view path) {
  const Route* route = route_of(path);
  return route->vendor->presented_key == basic_key ? "/v1/segment" : route->path;
}

// So that nobody without a key, or beyond its rate, has a body held. Who signs is known by it.
std::optional<Response> VendorDoors::refuse_early(const Request& request) const {
  const Route& route = *route_of(request.path);
  if (request.method != "POST" || route.method != "POST" || !route.vendor->presented_key ||
      (route.read == read_segment && !request.header("authorization")))
    return std::nullopt;
  Sender sender;
  Response refusal;
  if (!admit(route, request, {}, sender, refusal)) return refusal;
  const auto refused = route.read ? intake_.refusal(sender.key) : std::nullopt;
  if (!refused) return std::nullopt;
  return in_words_of(route.vendor->error, *refused);
}

void VendorDoors::handle(const Request& request, int64_t now_ms, Reply reply) {
  const Route& route = *route_of(request.path);
  const Vendor& vendor = *route.vendor;
  const bool segment = vendor.field == segment_field;
  if (segment && request.method == "OPTIONS") return reply(segment_preflight());
  const bool magento = vendor.presented_key == magento_key;
  if (magento && request.method == "GET") return answer_challenge(route, request, reply);
  const bool reads = !route.read;
  if (request.method != route.method)
    return reply(vendor.error(405, std::string(route.method) + " this"));
  const bool asks = reads && route.method == "POST";
  const Parameters parameters = Parameters::of(request.query);
  if (!parameters.others.empty() && !asks && !(magento && is_magento_query(parameters.others)))
    return reply(vendor.error(400, "this takes wait=counted alone, not " + parameters.others));
  if (parameters.wait && reads) return reply(vendor.error(400, "wait=counted is for events"));

  Sender sender;
  Response refusal;
  // A browser that leaves a page cannot send headers: its key is in the body.
  const bool key_in_body = segment && !request.header("authorization");
  std::string body;
  if (!key_in_body && !admit(route, request, {}, sender, refusal)) return reply(std::move(refusal));
  if (reads) return read(request, sender, std::move(reply));
  if (!unpack_body(request, body, refusal)) return reply(in_words_of(vendor.error, refusal));
  if (key_in_body && !admit(route, request, body, sender, refusal))
    return reply(std::move(refusal));
  std::string_view path = request.path;
  if (path.ends_with('/')) path.remove_suffix(1);
  post(route, {request, path, body, now_ms, sender.tenant, remembered_}, sender, parameters.wait,
       std::move(reply));
}

void VendorDoors::answer_challenge(const Route& route, const Request& request,
                                   const Reply& reply) const {
  Sender sender;
  Response refusal;
  if (!admit(route, request, {}, sender, refusal)) return reply(std::move(refusal));
  reply(magento_challenge(request.query));
}

bool VendorDoors::admit(const Route& route, const Request& request, std::string_view body,
                        Sender& sender, Response& refusal) const {
  const Vendor& vendor = *route.vendor;
  if (!vendor.presented_key) return admit_shop(request, sender, refusal);
  const std::string presented = body.empty() ? vendor.presented_key(request) : segment_key_of(body);
  return admit_key(vendor, request, presented, route.read ? Right::write : Right::read, sender,
                   refusal);
}

bool VendorDoors::admit_key(const Vendor& vendor, const Request& request,
                            std::string_view presented, Right right, Sender& sender,
                            Response& refusal) const {
  const ApiKey* found = presented.empty() ? nullptr : keys_.find(presented);
  const std::string* named = request.header("quipu-tenant");
  if (!found) {
    refusal =
        vendor.error(401, "send a key of quipu key add: " + std::string(vendor.how_to_present));
  } else if (!(right == Right::write ? found->write : found->read) ||
             (named && found->tenant && *named != *found->tenant)) {
    refusal = vendor.error(
        403, right == Right::write ? "this key may not write here" : "this key may not read here");
  } else if (!found->tenant &&
             (!named || request.count("quipu-tenant") > 1 || !is_tenant_name(*named))) {
    refusal = vendor.error(400, "this key is for all tenants: name one by Quipu-Tenant: NAME");
  } else {
    sender = {found->id, found->tenant ? *found->tenant : *named};
    return true;
  }
  return false;
}

bool VendorDoors::admit_shop(const Request& request, Sender& sender, Response& refusal) const {
  const std::string* shop = shopify_header(request, "shop-domain");
  const std::string* signature = shopify_header(request, "hmac-sha256");
  const WebhookSecret* secret =
      shop && signature ? secrets_.find(*shop, request.body, *signature) : nullptr;
  if (!secret) {
    refusal = error_response(
        401, "no secret of quipu key add --shopify signed this for the shop that it names");
    return false;
  }
  sender = {secret->id, secret->tenant ? *secret->tenant : *shop_domain(*shop)};
  return true;
}

std::string VendorDoors::checked_lines(const Vendor& vendor, const Sender& sender, int64_t now_ms,
                                       std::string mark, VendorEvents& events) {
  Envelope envelope;
  envelope.received_ms = now_ms;
  envelope.key = sender.key;
  envelope.tenant = sender.tenant;
  envelope.door = vendor.name;
  const std::string head = envelope_head(envelope);
  envelope.request = std::move(mark);
  const std::string first_head = envelope_head(envelope);
  std::string lines;
  for (size_t i = 0; i < events.events.size(); ++i) {
    const std::string& event = events.events[i];
    if (const std::string why = why_no_object(event); !why.empty()) {
      add_fault(vendor.field, reason_name(Reason::not_json), why, i, events);
      continue;
    }
    if (first_head.size() + event.size() + 2 > kMaxLineBytes) {
      add_fault(vendor.field, reason_name(Reason::line_too_long),
                "an event may have " + std::to_string(kMaxLineBytes) + " bytes", i, events);
      continue;
    }
    const size_t begin = lines.size();
    append_wrapped(i == 0 ? first_head : head, event, lines);
    const std::string_view line(lines.data() + begin, lines.size() - begin - 1);
    if (const LineOutcome outcome = check_->check(line);
        outcome.kind == LineOutcome::Kind::set_aside)
      add_fault(vendor.field, reason_name(outcome.reason), outcome.detail, i, events);
  }
  return lines;
}

void VendorDoors::post(const Route& route, const VendorRequest& request, const Sender& sender,
                       bool wait, const Reply& reply) {
  const Vendor& vendor = *route.vendor;
  RequestIntake::Post post;
  post.wait = wait;
  post.done = [reply, &vendor](const RequestIntake::Outcome& outcome) {
    Response response = outcome.status.ok()
                            ? vendor.success()
                            : vendor.error(503, "the journal cannot be written now");
    if (outcome.counted)
      response.own_headers =
          *outcome.counted ? "Quipu-Counted: true\r\n" : "Quipu-Counted: false\r\n";
    reply(std::move(response));
  };
  if (const Status read = RequestIntake::read_key(request.request, sender.key, sender.tenant,
                                                  request.body, request.now_ms, post);
      !read.ok())
    return reply(vendor.error(400, read.error().message));
  const auto known = requests_.find(post);
  if (known == RequestIntake::Known::yes) return;
  if (known == RequestIntake::Known::other_body) return reply(vendor.error(422, kOtherBody));
  VendorEvents events;
  if (is_utf8(request.body))
    events = route.read(request);
  else
    events.fault("", reason_name(Reason::invalid_utf8), "the body is no UTF-8");
  if (post.mark) post.mark->events = uint32_t(events.events.size());
  IntakeBatch batch;
  batch.key = sender.key;
  batch.door = vendor.name;
  batch.events = events.events.size();
  if (events.faults.empty()) {
    batch.lines = checked_lines(vendor, sender, request.now_ms,
                                post.mark ? post.mark->text() : std::string(), events);
  }
  if (!events.faults.empty()) return reply(vendor.refusal(events.faults));
  if (batch.lines.empty()) return RequestIntake::done_at_once(post);
  if (const auto refused = requests_.take(std::move(post), std::move(batch)))
    return reply(in_words_of(vendor.error, *refused));
  for (const uint64_t mark : events.anonymous) remembered_.add(mark);
}

void VendorDoors::read(const Request& request, const Sender& sender, Reply reply) {
  if (request.method == "POST") {
    std::string body;
    Response refusal;
    if (!unpack_body(request, body, refusal)) return reply(in_words_of(klaviyo_error, refusal));
    auto asked = read_klaviyo_aggregates(body, request.query);
    if (!asked.ok()) return reply(klaviyo_error(400, asked.error().message));
    return aggregates_(sender.tenant, std::move(*asked), request.gone, std::move(reply));
  }
  metrics_(
      sender.tenant, request.gone,
      [reply = std::move(reply), tenant = sender.tenant](Result<std::vector<std::string>> metrics) {
        reply(metrics.ok() ? klaviyo_metrics(tenant, *metrics)
                           : klaviyo_error(503, metrics.error().message));
      });
}

}  // namespace quipu
