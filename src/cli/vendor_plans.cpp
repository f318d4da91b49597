#include "cli/vendor_plans.h"

namespace quipu {
namespace {

constexpr std::string_view kEvent = R"(quipu: 1

# The doors for Klaviyo, Segment, Shopify and Magento write one shape (docs/clients.md), so one
# store can count them all: join the properties of their plans.
event:
  tenant: /tenant        # the key's
  metric: /event/metric
  profile:
    first: [/event/profile/email, /event/profile/phone, /event/profile/external_id,
            /event/profile/id, /event/profile/anonymous_id, /event/profile/kx]
    trim: yes
  id: {first: [/event/id], else: time_to_second}
  time: /event/time
  values: {value: /event/value}
)";

struct VendorPlan {
  std::string_view vendor, head, rest;
};

constexpr VendorPlan kPlans[] = {
    {"klaviyo", R"(# What Klaviyo's clients send to quipu serve.
#
#   quipu init --for klaviyo > klaviyo.yaml
#   quipu key add --tenant acme --read --write --data klaviyo.quipu
#   quipu serve klaviyo.yaml
#
# The client's base URL is http://127.0.0.1:8080, its private key the one printed.
)",
     R"(
# Those of your events are /event/properties/NAME, those of profiles /event/traits/NAME.
properties:
  campaign: "/event/properties/Campaign Name"
  message: /event/properties/$message
  flow: /event/properties/$flow
  currency: /event/currency

# Klaviyo's own questions (POST /api/metric-aggregates) are in UTC unless they name another zone of
# these: put the zone of your account in the second's place.
calendars: {default: [{zone: UTC}, {zone: America/New_York}]}

count:
  - {metrics: "*", by: [[], campaign, message, flow, currency], sum: [value]}
)"},
    {"segment",
     R"(# What Segment's clients send to quipu serve: tracks by their event, and page, screen,
# identify, group and alias by these names.
#
#   quipu init --for segment > segment.yaml
#   quipu key add --tenant acme --data segment.quipu
#   quipu serve segment.yaml
#
# The client's host is http://127.0.0.1:8080, its write key the one printed.
)",
     R"(
# Those of your events are /event/properties/NAME, those of people /event/traits/NAME.
properties:
  page: /event/properties/path
  source: /event/context/campaign/source
  library: /event/context/library/name
  product: "/event/properties/products/*/product_id"
  currency: /event/currency

count:
  - {metrics: "*", by: [[], page, source, library, product, currency], sum: [value]}
)"},
    {"shopify",
     R"(# What Shopify's webhooks send to quipu serve: a delivery is an event, its topic the metric.
#
#   quipu init --for shopify > shopify.yaml
#   QUIPU_SHOPIFY_SECRET=... quipu key add --tenant acme --shopify x.myshopify.com \
#     --data shopify.quipu
#   quipu serve shopify.yaml
#
# The webhooks' address is https://YOUR-HOST/webhooks/shopify.
)",
     R"(
# /event/properties is the delivery's body, as it came.
properties:
  sku: "/event/properties/line_items/*/sku"
  discount: "/event/properties/discount_codes/*/code"
  country: /event/properties/shipping_address/country_code
  channel: /event/properties/source_name
  currency: /event/currency
  shop: /event/shop

count:
  - {metrics: "*", by: [[], sku, discount, country, channel, currency, shop], sum: [value]}
)"},
    {"magento",
     R"(# What Magento's and Adobe Commerce's webhooks send to quipu serve: the event's name is
# the metric.
#
#   quipu init --for magento > magento.yaml
#   quipu key add --tenant acme --data magento.quipu
#   quipu serve magento.yaml
#
# The webhooks' address is https://YOUR-HOST/webhooks/magento, with the header
# Authorization: Bearer KEY.
)",
     R"(
# /event/properties is the order; rows that belong to another row are under child_items.
properties:
  sku: "/event/properties/items/*/sku"
  status: /event/properties/status
  store: /event/properties/store_id
  currency: /event/currency

count:
  - {metrics: "*", by: [[], sku, status, store, currency], sum: [value]}
)"},
};

constexpr std::string_view kHttpPlan =
    R"(# What your own programs send to quipu serve by POST /v1/events.
#
#   quipu init --for http > http.yaml
#   quipu key add --tenant acme --read --write --data http.quipu
#   quipu serve http.yaml
#
# An event is any JSON object; here it is
# {"metric": "Opened", "email": "ann@example.com", "id": "1", "time": "2026-03-05T10:00:00Z",
#  "value": 9.5, "campaign": "C1"}
# and only metric and time must be there. Change the paths to those of your events.
quipu: 1

event:
  tenant: /tenant        # the key's
  metric: /event/metric
  profile: {first: [/event/email, /event/user_id], trim: yes, lowercase: yes}
  id: /event/id
  time: /event/time
  values: {value: /event/value}

properties:
  campaign: /event/campaign
  client: /event/client

count:
  - {metrics: "*", by: [[], campaign, client], sum: [value]}
)";

}  // namespace

std::optional<std::string> vendor_plan(std::string_view vendor) {
  if (vendor == "http") return std::string(kHttpPlan);
  for (const VendorPlan& plan : kPlans) {
    if (plan.vendor == vendor)
      return std::string(plan.head) + std::string(kEvent) + std::string(plan.rest);
  }
  return std::nullopt;
}

}  // namespace quipu
