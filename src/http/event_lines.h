// The body of POST /v1/events taken apart, and each event wrapped into a line of the journal. Pure
// functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu {

inline constexpr size_t kMaxUnpackedBytes = size_t(32) << 20;  // a body, unpacked
inline constexpr size_t kMaxEventsARequest = 50'000;

// The texts of the events in a body: a JSON array's elements, or else its lines that are not blank.
// An error if it is an array that does not end properly, or holds too many.
Result<std::vector<std::string_view>> split_events(std::string_view body);

// Why the text is not one object and nothing else, by its brackets and strings; empty if it is.
// With this, and the wrapped line being JSON, nothing in the text can get out of its place.
std::string why_no_object(std::string_view text);

// What a line of the journal says beside the event.
struct Envelope {
  int64_t received_ms = 0;
  std::string key, tenant;
  std::string request =
      "";  // of the first line of a request with an Idempotency-Key: kept_requests.h
  std::string_view door = "http";  // by which it came; a text that stays
};
// Everything before the event: the same for all of a request. The line is this, the event, "}\n".
std::string envelope_head(const Envelope& envelope);
// Line breaks between the event's tokens become blanks.
void append_wrapped(std::string_view head, std::string_view event, std::string& out);
// Envelope::request of a line; empty if it has none.
std::string_view request_mark_of(std::string_view line);

}  // namespace quipu
