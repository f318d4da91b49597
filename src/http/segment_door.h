// What Segment's clients send (and those that speak like them): single messages, batches, and the
// browser library's short forms. A message needs a userId or an anonymousId, and a track its event.
// The metric is a track's event, else the type's name. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/vendor_request.h"

namespace quipu {

// /v1/batch, /v1/track, /v1/t ... as the path says.
VendorEvents read_segment(const VendorRequest& request);
bool is_segment_path(std::string_view path);
// The key in a body that has one; for clients that cannot send headers.
std::string segment_key_of(std::string_view body);

std::string segment_field(std::string_view field);
Response segment_success();
Response segment_error(int status, std::string_view text);
Response segment_refusal(const std::vector<VendorFault>& faults);
// What a browser asks before it sends to another site.
Response segment_preflight();

}  // namespace quipu
