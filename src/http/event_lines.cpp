#include "http/event_lines.h"

#include <ctime>

#include "base/json_text.h"

namespace quipu {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kRequestHead = "{\"request\":\"";

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// The place behind the string whose opening quote is before `at`; npos if it does not end.
size_t end_of_string(std::string_view text, size_t at) {
  for (; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return std::string_view::npos;
}

bool has_line_break(std::string_view text) {
  return text.find('\n') != std::string_view::npos || text.find('\r') != std::string_view::npos;
}

Error too_many() {
  return Error{"more than " + std::to_string(kMaxEventsARequest) + " events in a request"};
}

Result<std::vector<std::string_view>> split_array(std::string_view body) {
  std::vector<std::string_view> events;
  size_t depth = 1, begin = 1, at = 1;
  while (at < body.size() && depth > 0) {
    const char c = body[at++];
    if (c == '"') {
      at = end_of_string(body, at);
      if (at == std::string_view::npos) return Error{"a string in the array does not end"};
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
    if (depth == 0 || (depth == 1 && c == ',')) {
      const std::string_view event = without_blanks(body.substr(begin, at - 1 - begin));
      begin = at;
      if (depth == 0 && c != ']') return Error{"the array ends with }"};
      if (depth == 0 && event.empty() && events.empty()) break;  // []
      if (events.size() == kMaxEventsARequest) return too_many();
      events.push_back(event);
    }
  }
  if (depth > 0) return Error{"the array does not end"};
  if (!without_blanks(body.substr(at)).empty()) return Error{"something follows the array"};
  return events;
}

}  // namespace

Result<std::vector<std::string_view>> split_events(std::string_view body) {
  if (body.starts_with("\xef\xbb\xbf")) body.remove_prefix(3);
  body = without_blanks(body);
  if (body.starts_with('[')) return split_array(body);
  std::vector<std::string_view> events;
  while (!body.empty()) {
    const size_t newline = body.find('\n');
    const std::string_view line = without_blanks(body.substr(0, newline));
    body.remove_prefix(newline == std::string_view::npos ? body.size() : newline + 1);
    if (line.empty()) continue;
    if (events.size() == kMaxEventsARequest) return too_many();
    events.push_back(line);
  }
  return events;
}

std::string why_no_object(std::string_view text) {
  if (!text.starts_with('{')) return "an event must be an object";
  const bool breaks = has_line_break(text);
  std::string open;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c == '"') {
      const size_t begin = at;
      at = end_of_string(text, at);
      if (at == std::string_view::npos) return "a string does not end";
      if (breaks && has_line_break(text.substr(begin, at - begin)))
        return "a string holds a line break";
    } else if (c == '{' || c == '[') {
      open += c;
    } else if (c == '}' || c == ']') {
      if (open.empty() || open.back() != (c == '}' ? '{' : '[')) return "brackets do not match";
      open.pop_back();
      if (open.empty()) return at == text.size() ? "" : "something follows the object";
    }
  }
  return "the object does not end";
}

std::string envelope_head(const Envelope& envelope) {
  const time_t seconds = time_t(envelope.received_ms / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  const size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  const std::string millis = std::to_string(1000 + envelope.received_ms % 1000).substr(1);
  std::string head =
      envelope.request.empty() ? "{" : std::string(kRequestHead) + envelope.request + "\",";
  head += "\"received\":\"" + std::string(text, n) + "." + millis + "Z\",\"door\":\"" +
          std::string(envelope.door) + "\",\"key\":";
  append_json_string(envelope.key, head);
  head += ",\"tenant\":";
  append_json_string(envelope.tenant, head);
  return head + ",\"event\":";
}

std::string_view request_mark_of(std::string_view line) {
  if (!line.starts_with(kRequestHead)) return {};
  line.remove_prefix(kRequestHead.size());
  return line.substr(0, line.find('"'));
}

void append_wrapped(std::string_view head, std::string_view event, std::string& out) {
  out += head;
  const size_t begin = out.size();
  out += event;
  for (const char c : {'\r', '\n'})  // each by one fast search; nearly all events have none
    for (size_t at = begin; (at = out.find(c, at)) != std::string::npos;) out[at] = ' ';
  out += "}\n";
}

}  // namespace quipu
