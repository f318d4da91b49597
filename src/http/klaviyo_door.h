// What Klaviyo's clients send, and what they want to hear (JSON:API). Rules that are Klaviyo's: an
// event needs properties, a metric's name and one of a profile's identifiers; a time is cut to the
// second, is that of receipt if there is none, lies after 1989 and at most a year ahead, and is no
// bare number; null is as good as absent; a bulk request holds at most kMaxBulkEvents and no
// unique_id twice for one profile and metric. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/vendor_request.h"

namespace quipu {

inline constexpr size_t kMaxBulkEvents = 1000;  // of a bulk request
inline constexpr size_t kMaxMetricCharacters = 127;
inline constexpr size_t kMaxEventProperties = 400;

VendorEvents read_klaviyo_event(const VendorRequest& request);
VendorEvents read_klaviyo_bulk(const VendorRequest& request);

// "/time" of the one shape in their terms: "/time", "/metric/data/attributes/name" ...
std::string klaviyo_field(std::string_view field);
Response klaviyo_error(int status, std::string_view text);
Response klaviyo_refusal(const std::vector<VendorFault>& faults);

// Of a tenant's metric: the same for ever, and nothing to be read from it.
std::string klaviyo_metric_id(std::string_view tenant, std::string_view metric);
Response klaviyo_metrics(std::string_view tenant, const std::vector<std::string>& metrics);

}  // namespace quipu
