#include "http/magento_door.h"

#include <algorithm>

#include "base/json_text.h"
#include "event/outcome.h"
#include "http/event_lines.h"
#include "http/hex_digest.h"
#include "http/json_slices.h"

namespace quipu {
namespace {

constexpr std::string_view kBareOrder = "order";  // the metric of an order that no event names

// What a request is about.
struct Subject {
  std::string metric;       // JSON
  std::string delivery_id;  // JSON; Adobe I/O has one
  std::string time;         // JSON; of the delivery
  std::string_view object;  // the order, or whatever it is
};

// The object that `data` is about: its value or order, or its only member, else all of it.
std::string_view object_in(std::string_view data) {
  const JsonObject members = object_or_none(data);
  for (const char* name : {"value", "order"}) {
    if (is_json_object(members.get(name))) return members.get(name);
  }
  const bool single = members.members().size() == 1;
  return single && is_json_object(members.members()[0].value) ? members.members()[0].value : data;
}

Subject subject_of(const JsonObject& body, std::string_view text) {
  Subject subject;
  subject.metric = first_id(body, {"eventName", "type", "event_code"});
  std::string_view data = body.get("data");
  const JsonObject event = object_or_none(body.get("event"));
  if (!is_json_object(data) && is_json_object(event.get("data"))) {
    data = event.get("data");
    if (subject.metric.empty()) subject.metric = first_id(event, {"type", "event_code"});
  }
  if (is_json_object(data)) {
    subject.delivery_id = first_id(body, {"event_id", "id"});
    if (subject.delivery_id.empty()) subject.delivery_id = first_id(event, {"event_id", "id"});
    subject.time = first_id(body, {"time"});
    subject.object = object_in(data);
  } else if (!first_id(body, {"increment_id", "entity_id"}).empty()) {
    subject.object = text;
    if (subject.metric.empty()) subject.metric = json_string(kBareOrder);
  }
  return subject;
}

// The object with the rows that belong to other rows set apart.
std::string with_rows_apart(const JsonObject& object) {
  std::string out = "{", items, children;
  for (const JsonMember& member : object.members()) {
    if (member.key == "child_items") continue;
    out += (out.size() > 1 ? "," : "") + json_string(member.key) + ":";
    const auto rows = split_events(member.value);
    if (member.key != "items" || !member.value.starts_with('[') || !rows.ok()) {
      out += member.value;
      continue;
    }
    for (const std::string_view row : *rows) {
      const bool child = is_json_object(row) && !object_or_none(row).get("parent_item_id").empty();
      std::string& to = child ? children : items;
      to += to.empty() ? "" : ",";
      to += row;
    }
    out += "[" + items + "]";
  }
  if (!children.empty()) out += ",\"child_items\":[" + children + "]";
  return large_integers_as_text(out + "}");
}

// Orders are saved again and again: then order and time together are the event.
std::string id_of(const JsonObject& object, bool saves, const std::string& updated_at) {
  std::string number = first_id(object, {"increment_id", "entity_id"});
  if (number.empty() || !saves || updated_at.empty()) return number;
  return json_string(text_of(number).value_or(number) + " " +
                     text_of(updated_at).value_or(updated_at));
}

}  // namespace

VendorEvents read_magento(const VendorRequest& request) {
  VendorEvents out;
  const auto body = JsonObject::read(request.body);
  if (!body.ok()) {
    out.fault("", reason_name(Reason::not_json), body.error().message);
    return out;
  }
  Subject subject = subject_of(*body, request.body);
  if (subject.object.empty())
    out.fault("/data", "invalid", "there is neither data nor an order");
  else if (subject.metric.empty())
    out.fault("/eventName", reason_name(Reason::metric_missing), "the event has no name");
  if (!out.faults.empty()) return out;
  const auto read = JsonObject::read(subject.object);
  if (!read.ok()) {
    out.fault("/data", reason_name(Reason::not_json), read.error().message);
    return out;
  }
  const JsonObject& object = *read;
  const bool saves = subject.metric.find("save") != std::string::npos;
  const std::string updated_at = first_id(object, {"updated_at"});
  EventShape event;
  event.metric = subject.metric;
  event.profile.email = normal_email(first_id(object, {"customer_email", "email"}));
  event.profile.external_id = first_id(object, {"customer_id"});
  // Adobe says its id in a header, too, whatever the event's form.
  const std::string* delivery = request.request.header("x-adobe-event-id");
  if (delivery && !delivery->empty()) subject.delivery_id = json_string(*delivery);
  event.id = subject.delivery_id.empty() ? id_of(object, saves, updated_at) : subject.delivery_id;
  if (event.id.empty()) event.id = json_string(sha256_hex(request.body));  // a repeat is the same
  event.time = saves ? updated_at : first_id(object, {"created_at", "updated_at"});
  if (event.time.empty()) event.time = subject.time;
  if (event.time.empty()) event.time = time_json(request.now_ms);
  // In the shop's own currency, which is one.
  const bool in_base = is_numeric(object.get("base_grand_total"));
  const std::string_view value = object.get(in_base ? "base_grand_total" : "grand_total");
  if (is_numeric(value)) {
    event.value = value;
    event.currency = first_id(object, {in_base ? "base_currency_code" : "order_currency_code"});
  }
  event.properties = with_rows_apart(object);
  out.add(event, "");
  return out;
}

Response magento_success() {
  Response response;
  response.body = "{\"op\":\"success\"}\n";
  return response;
}

std::string magento_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), parameter.size() + 1));
    if (parameter.size() > name.size() && parameter.starts_with(name) &&
        parameter[name.size()] == '=')
      return std::string(parameter.substr(name.size() + 1));
  }
  return {};
}

bool is_magento_query(std::string_view query) {
  return query.starts_with("key=") && query.find('&') == std::string_view::npos;
}

Response magento_challenge(std::string_view query) {
  const std::string word = magento_parameter(query, "challenge");
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  };
  if (word.empty() || !std::all_of(word.begin(), word.end(), is_plain))
    return error_response(405, "POST events here; GET answers a challenge alone");
  Response response;
  response.body = "{\"challenge\":\"" + word + "\"}\n";
  return response;
}

}  // namespace quipu
