#include "http/segment_door.h"

#include <algorithm>
#include <array>

#include "base/json_text.h"
#include "event/outcome.h"
#include "http/event_lines.h"
#include "http/hex_digest.h"
#include "http/json_slices.h"

namespace quipu {
namespace {

// A browser lets pages of any site send: what they may do is the key's matter.
constexpr std::string_view kAnyOrigin = "Access-Control-Allow-Origin: *\r\n";
constexpr std::string_view kPreflight =
    "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: POST\r\n"
    "Access-Control-Allow-Headers: Authorization, Content-Type, Content-Encoding, "
    "X-Retry-Count\r\n"
    "Access-Control-Max-Age: 86400\r\n";

struct Form {
  std::string_view path, type;  // no type: a batch
};
constexpr std::array<Form, 14> kForms = {{{"/v1/batch", ""},
                                          {"/v1/b", ""},
                                          {"/v1/track", "track"},
                                          {"/v1/t", "track"},
                                          {"/v1/page", "page"},
                                          {"/v1/p", "page"},
                                          {"/v1/screen", "screen"},
                                          {"/v1/s", "screen"},
                                          {"/v1/identify", "identify"},
                                          {"/v1/i", "identify"},
                                          {"/v1/group", "group"},
                                          {"/v1/g", "group"},
                                          {"/v1/alias", "alias"},
                                          {"/v1/a", "alias"}}};

bool is_type(std::string_view type) {
  return std::any_of(kForms.begin(), kForms.end(),
                     [&](const Form& p) { return !p.type.empty() && p.type == type; });
}

// What the event is worth: the first that is a number, or the text of one.
std::string value_of(const JsonObject& properties) {
  for (const char* name : {"revenue", "total", "value"}) {
    if (const std::string_view value = properties.get(name); is_numeric(value))
      return std::string(value);
  }
  return {};
}

class Reader {
 public:
  Reader(const VendorRequest& request, VendorEvents& out) : request_(request), out_(out) {}

  // A message; its type is `type`, or what it says. `of_batch` is its context if it has none.
  void message(std::string_view text, std::string_view type, std::string_view of_batch,
               const std::string& where) {
    const size_t faults = out_.faults.size();
    auto read = JsonObject::read(text);
    if (!read.ok()) {
      out_.fault(where, reason_name(Reason::not_json), read.error().message);
    } else {
      const JsonObject& message = *read;
      const std::string own = text_of(message.get("type")).value_or("");
      EventShape event;
      metric(message, type.empty() ? own : type, where, event);
      who(message, where, event);
      event.id = scalar(message, "messageId", where);
      if (event.id.empty()) event.id = json_string("quipu-" + random_hex());  // one of its own
      event.time = message.get("timestamp");
      if (event.time.empty()) event.time = time_json(request_.now_ms);
      details(message, of_batch, where, event);
      if (out_.faults.size() == faults) out_.add(event, where);
    }
    ++out_.index;
  }

 private:
  void metric(const JsonObject& message, std::string_view type, const std::string& where,
              EventShape& event) {
    if (!is_type(type)) {
      out_.fault(where + "/type", "invalid",
                 "a type is track, page, screen, identify, group or alias");
      return;
    }
    event.more.emplace_back("type", json_string(type));
    event.metric = type == "track" ? scalar(message, "event", where) : json_string(type);
    if (event.metric.empty())
      out_.fault(where + "/event", reason_name(Reason::metric_missing), "a track has an event");
  }
  void who(const JsonObject& message, const std::string& where, EventShape& event) {
    event.profile.external_id = scalar(message, "userId", where);
    event.profile.anonymous_id = scalar(message, "anonymousId", where);
    const auto is_blank = [](const std::string& id) { return id.empty() || id == "\"\""; };
    const bool unknown = is_blank(event.profile.external_id);
    if (is_blank(event.profile.anonymous_id)) {
      if (unknown)
        out_.fault(where + "/userId", reason_name(Reason::profile_missing),
                   "a message has a userId or an anonymousId");
      return;
    }
    // A visitor who was not known when it came first is so when it comes again.
    const uint64_t mark = RememberedMessages::mark(request_.tenant, event.profile.anonymous_id,
                                                   message.get("messageId"));
    if (unknown)
      out_.anonymous.push_back(mark);
    else if (request_.remembered.has(mark))
      event.profile.external_id.clear();
  }
  void details(const JsonObject& message, std::string_view of_batch, const std::string& where,
               EventShape& event) {
    for (const char* name : {"name", "category", "groupId", "previousId"}) {
      if (std::string id = scalar(message, name, where); !id.empty())
        event.more.emplace_back(name, std::move(id));
    }
    event.properties = message.get("properties");
    event.context = message.get("context").empty() ? of_batch : message.get("context");
    event.traits = message.get("traits");
    if (is_json_object(event.properties)) {
      auto properties = JsonObject::read(event.properties);
      if (!properties.ok()) {
        out_.fault(where + "/properties", reason_name(Reason::duplicate_key),
                   properties.error().message);
        return;
      }
      event.value = value_of(*properties);
      if (const std::string_view currency = properties->get("currency"); is_json_string(currency))
        event.currency = currency;
    }
    if (!event.traits.empty() || !is_json_object(event.context)) return;
    if (auto context = JsonObject::read(event.context); context.ok())
      event.traits = context->get("traits");
  }
  std::string scalar(const JsonObject& from, const char* name, const std::string& where) {
    const std::string_view value = from.get(name);
    if (!value.empty() && !is_json_id(value))
      out_.fault(where + "/" + name, "invalid", "this must be a text");
    return std::string(value);
  }

  const VendorRequest& request_;
  VendorEvents& out_;
};

}  // namespace

bool is_segment_path(std::string_view path) {
  return std::any_of(kForms.begin(), kForms.end(), [&](const Form& p) { return p.path == path; });
}

VendorEvents read_segment(const VendorRequest& request) {
  VendorEvents out;
  Reader reader(request, out);
  const auto path = std::find_if(kForms.begin(), kForms.end(),
                                 [&](const Form& p) { return p.path == request.path; });
  if (path != kForms.end() && !path->type.empty()) {
    reader.message(request.body, path->type, {}, "");
    return out;
  }
  const auto body = JsonObject::read(request.body);
  if (!body.ok()) {
    out.fault("", reason_name(Reason::not_json), body.error().message);
    return out;
  }
  const std::string_view batch = body->get("batch");
  const auto messages = split_events(batch);
  if (!batch.starts_with('[') || !messages.ok()) {
    out.fault("/batch", "invalid", messages.ok() ? "a batch is a list" : messages.error().message);
    return out;
  }
  const std::string_view context = body->get("context");
  for (size_t i = 0; i < messages->size(); ++i)
    reader.message((*messages)[i], {}, context, "/batch/" + std::to_string(i));
  return out;
}

std::string segment_key_of(std::string_view body) {
  const auto read = JsonObject::read(body);
  return read.ok() ? text_of(read->get("writeKey")).value_or("") : "";
}

std::string segment_field(std::string_view field) {
  static constexpr std::pair<std::string_view, std::string_view> kFields[] = {
      {"/metric", "/event"},
      {"/id", "/messageId"},
      {"/time", "/timestamp"},
      {"/value", "/properties/revenue"},
      {"/currency", "/properties/currency"},
      {"/profile/external_id", "/userId"},
      {"/profile/anonymous_id", "/anonymousId"},
  };
  for (const auto& [ours, theirs] : kFields) {
    if (field == ours) return std::string(theirs);
  }
  return std::string(field);
}

Response segment_success() {
  Response response;
  response.body = "{\"success\":true}\n";
  response.headers = kAnyOrigin;
  return response;
}

Response segment_error(int status, std::string_view text) {
  Response response = error_response(status, text);
  response.body = "{\"success\":false,\"error\":" + json_string(text) + "}\n";
  response.headers = kAnyOrigin;
  return response;
}

Response segment_refusal(const std::vector<VendorFault>& faults) {
  Response response = faults_response(faults, "{\"success\":false,");
  response.headers = kAnyOrigin;
  return response;
}

Response segment_preflight() {
  Response response;
  response.headers = kPreflight;
  return response;
}

}  // namespace quipu
