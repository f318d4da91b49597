#include "http/shopify_door.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/json_text.h"
#include "event/outcome.h"
#include "http/json_slices.h"

namespace quipu {
namespace {

// orders/create; the newer form has the action in a header of its own.
std::string topic_of(const Request& request) {
  const std::string* topic = shopify_header(request, "topic");
  if (!topic) return {};
  const std::string* action = shopify_header(request, "action");
  return topic->find('/') != std::string::npos || !action ? *topic : *topic + "/" + *action;
}

EventShape::Profile who(const JsonObject& body, bool is_customer) {
  const JsonObject customer = object_or_none(body.get("customer"));
  EventShape::Profile profile;
  profile.email = normal_email(first_id(body, {"email", "contact_email"}));
  if (profile.email.empty()) profile.email = normal_email(first_id(customer, {"email"}));
  profile.phone = first_id(body, {"phone"});
  if (profile.phone.empty()) profile.phone = first_id(customer, {"phone"});
  profile.external_id = first_id(is_customer ? body : customer, {"id"});
  return profile;
}

}  // namespace

const std::string* shopify_header(const Request& request, std::string_view name) {
  for (const char* prefix : {"x-shopify-", "shopify-"}) {
    const std::string whole = prefix + std::string(name);
    if (request.count(whole) == 1) return request.header(whole);
  }
  return nullptr;
}

std::string shopify_signature(std::string_view secret, std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), int(secret.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest, &length);
  return base64({reinterpret_cast<const char*>(digest), length});
}

VendorEvents read_shopify(const VendorRequest& request) {
  VendorEvents out;
  const auto read = JsonObject::read(request.body);
  if (!read.ok()) {
    out.fault("", reason_name(Reason::not_json), read.error().message);
    return out;
  }
  const JsonObject& body = *read;
  const std::string topic = topic_of(request.request);
  if (topic.empty())
    out.fault("X-Shopify-Topic", reason_name(Reason::metric_missing), "there is no topic");
  // The event's own id is that of all its deliveries, by whatever subscription.
  const std::string* id = shopify_header(request.request, "event-id");
  if (!id || id->empty()) id = shopify_header(request.request, "webhook-id");
  if (!id || id->empty())
    out.fault("X-Shopify-Webhook-Id", "invalid", "there is neither X-Shopify-Event-Id nor this");
  if (!out.faults.empty()) return out;

  EventShape event;
  event.metric = json_string(topic);
  event.profile = who(body, topic.starts_with("customers/"));
  event.id = json_string(*id);
  const std::string* triggered = shopify_header(request.request, "triggered-at");
  event.time = triggered && !triggered->empty() ? json_string(*triggered)
                                                : first_id(body, {"updated_at", "created_at"});
  if (event.time.empty()) event.time = time_json(request.now_ms);
  if (const std::string_view value = body.get("total_price"); is_numeric(value)) {
    event.value = value;
    event.currency = first_id(body, {"currency"});
  }
  if (const std::string* shop = shopify_header(request.request, "shop-domain"))
    event.more.emplace_back("shop", json_string(*shop));
  if (const std::string* test = shopify_header(request.request, "test"))
    event.more.emplace_back("test", json_string(*test));
  event.properties = large_integers_as_text(request.body);
  out.add(event, "");
  return out;
}

}  // namespace quipu
