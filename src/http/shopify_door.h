// Shopify's webhooks: a delivery is an event, its topic the metric, its body whole the properties.
// Headers come with X- before their names or without. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/vendor_request.h"

namespace quipu {

VendorEvents read_shopify(const VendorRequest& request);
// A header by its name without X-Shopify-; nullptr: there is none, or there are two.
const std::string* shopify_header(const Request& request, std::string_view name);
// base64(HMAC-SHA256(secret, bytes)), as the header has it.
std::string shopify_signature(std::string_view secret, std::string_view bytes);

}  // namespace quipu
