#include "http/event_shape.h"

#include "base/json_text.h"
#include "http/json_slices.h"
#include "plan/normalise.h"
#include "time/parse_time.h"

namespace quipu {
namespace {

// Appends `,"name":json`.
void append(std::string_view name, std::string_view json, std::string& out) {
  if (json.empty()) return;
  if (out.back() != '{') out += ',';
  append_json_string(name, out);
  out += ':';
  out += json;
}

}  // namespace

bool EventShape::Profile::nobody() const {
  return email.empty() && phone.empty() && external_id.empty() && id.empty() &&
         anonymous_id.empty() && kx.empty();
}

std::string to_json(const EventShape& event) {
  std::string profile = "{";
  append("email", event.profile.email, profile);
  append("phone", event.profile.phone, profile);
  append("external_id", event.profile.external_id, profile);
  append("id", event.profile.id, profile);
  append("anonymous_id", event.profile.anonymous_id, profile);
  append("kx", event.profile.kx, profile);
  profile += '}';
  std::string out = "{";
  append("metric", event.metric, out);
  append("profile", profile, out);
  append("id", event.id, out);
  append("time", event.time, out);
  append("value", event.value, out);
  append("currency", event.currency, out);
  for (const auto& [name, json] : event.more) append(name, json, out);
  append("properties", event.properties, out);
  append("traits", event.traits, out);
  append("context", event.context, out);
  return out + '}';
}

std::string normal_email(std::string_view json) {
  const auto text = text_of(json);
  if (!text) return std::string(json);
  if (!is_valid_utf8(*text)) return std::string(json);  // to be refused
  std::string email(trim_ascii(*text));
  if (email.empty()) return {};
  for (char& c : email) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  }
  return json_string(email);
}

std::string time_json(int64_t ms) {
  const int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  return json_string(format_instant(seconds, 0));
}

}  // namespace quipu
