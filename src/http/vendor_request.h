// What a vendor's door reads from a request, and what it finds wrong there. Plain values, one
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/event_shape.h"
#include "http/events_handler.h"
#include "http/remembered_messages.h"
#include "http/request_reader.h"

namespace quipu {

// What is wrong with an event of a request.
struct VendorFault {
  size_t index = 0;   // of the event in the request
  std::string where;  // a path in the vendor's own terms
  std::string reason, detail;
};
// What was read from a request.
struct VendorEvents {
  std::vector<std::string> events;  // JSON of the one shape
  std::vector<std::string> where;   // of each, in the vendor's own terms
  std::vector<VendorFault> faults;  // if any, nothing is taken
  size_t index = 0;                 // of the event that is being read
  std::vector<uint64_t> anonymous;  // marks to be remembered once the events are taken
  void fault(std::string at, std::string_view reason, std::string_view detail);
  void add(const EventShape& event, std::string at);
};
// What it reads it from.
struct VendorRequest {
  const Request& request;
  std::string_view path;  // without a slash at its end
  std::string_view body;  // unpacked
  int64_t now_ms;
  std::string_view tenant;
  const RememberedMessages& remembered;
};

// 400 with each fault as POST /v1/events names them; `begin` is what the object begins with.
Response faults_response(const std::vector<VendorFault>& faults, std::string_view begin = "{");

}  // namespace quipu
