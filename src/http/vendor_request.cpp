#include "http/vendor_request.h"

#include <algorithm>

#include "base/json_text.h"
#include "http/json_slices.h"

namespace quipu {

void VendorEvents::fault(std::string at, std::string_view reason, std::string_view detail) {
  faults.push_back({index, std::move(at), std::string(reason), std::string(detail)});
}

void VendorEvents::add(const EventShape& event, std::string at) {
  events.push_back(to_json(event));
  where.push_back(std::move(at));
}

Response faults_response(const std::vector<VendorFault>& faults, std::string_view begin) {
  Response response;
  response.status = 400;
  response.body = std::string(begin) +
                  "\"error\":\"no event was taken: " + std::to_string(faults.size()) +
                  " faults\",\"accepted\":0,\"events\":[";
  for (size_t i = 0; i < std::min(faults.size(), kMaxFaultsShown); ++i) {
    const VendorFault& fault = faults[i];
    response.body += std::string(i ? "," : "") + "{\"index\":" + std::to_string(fault.index) +
                     ",\"field\":" + json_string(fault.where) +
                     ",\"reason\":" + json_string(fault.reason) +
                     ",\"detail\":" + json_string(fault.detail) + "}";
  }
  response.body += "]}\n";
  return response;
}

}  // namespace quipu
