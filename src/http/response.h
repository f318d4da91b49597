// What a request is answered with. Plain values; pure functions, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/event_stream.h"

namespace quipu {

inline constexpr int kRetryAfter_s = 1;  // where nothing better is known

struct Response {
  int status = 200;
  std::string body;          // JSON, unless content_type says otherwise
  bool retry_after = false;  // send retry_after_s
  int retry_after_s = kRetryAfter_s;
  std::string_view headers;  // further ones, each with its CR LF; a text that stays
  std::string own_headers;   // further ones made for it, each with its CR LF
  std::string_view content_type = "application/json";  // a text that stays
  std::shared_ptr<EventStream> events;  // if given, they follow the head, until a side closes
};

// {"error":"..."}; 429 and 503 with Retry-After
Response error_response(int status, std::string_view text, int retry_after_s = kRetryAfter_s);

// As it goes over the wire, head and body.
std::string response_text(const Response& response, bool keep_alive, bool with_body);

}  // namespace quipu
