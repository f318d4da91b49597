#include "http/klaviyo_door.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/json_text.h"
#include "event/outcome.h"
#include "http/event_lines.h"
#include "http/hex_digest.h"
#include "http/json_slices.h"
#include "plan/normalise.h"
#include "time/parse_time.h"

namespace quipu {
namespace {

constexpr int64_t kFirstTimeMs = 631152000000;        // 1990-01-01
constexpr int64_t kYearMs = int64_t(366) * 86400000;  // how far ahead of the clock
constexpr std::string_view kInvalid = "invalid";

// One id twice for one profile and metric fails a bulk request.
class BulkIds {
 public:
  bool add(const EventShape& event) {
    if (event.id.empty()) return true;
    const EventShape::Profile& p = event.profile;
    for (const std::string* who :
         {&p.email, &p.phone, &p.external_id, &p.id, &p.anonymous_id, &p.kx}) {
      if (!who->empty()) return ids_.emplace(of(*who), of(event.metric), of(event.id)).second;
    }
    return true;
  }

 private:
  static std::string of(std::string_view json) {
    std::string scratch;
    const auto text = text_of(json);
    return std::string(canonical_text(text ? *text : json, scratch));
  }
  std::set<std::tuple<std::string, std::string, std::string>> ids_;
};

// Takes one request apart.
class Reader {
 public:
  Reader(int64_t now_ms, VendorEvents& out) : now_ms_(now_ms), out_(out) {}

  // The member that must be an object; a fault if it is none.
  std::optional<JsonObject> object(const JsonObject& from, const char* name,
                                   const std::string& where) {
    const std::string_view value = from.get(name);
    if (value.empty()) return fault(where + "/" + name, "this is required");
    auto read = JsonObject::read(value);
    if (!read.ok()) return fault(where + "/" + name, read.error().message);
    return std::move(*read);
  }
  std::optional<JsonObject> body(std::string_view text) {
    auto read = JsonObject::read(text);
    if (!read.ok()) return fault("", read.error().message);
    return std::move(*read);
  }
  std::optional<std::vector<std::string_view>> array(const JsonObject& from, const char* name,
                                                     const std::string& where) {
    const std::string_view value = from.get(name);
    if (!value.starts_with('[')) {
      fault(where + "/" + name, "this must be a list");
      return std::nullopt;
    }
    auto elements = split_events(value);
    if (elements.ok()) return std::move(*elements);
    fault(where + "/" + name, elements.error().message);
    return std::nullopt;
  }
  std::nullopt_t fault(const std::string& where, std::string_view detail,
                       std::string_view reason = kInvalid) {
    out_.fault(where, reason, detail);
    return std::nullopt;
  }

  // `attributes` of an event; `where` leads to them.
  void event(const JsonObject& attributes, const EventShape& of_profile, const std::string& where,
             BulkIds* bulk_ids = nullptr) {
    const size_t faults = out_.faults.size();
    EventShape event = of_profile;
    metric(attributes, where, event);
    properties(attributes, where, event);
    event.time = time(attributes.get("time"), where);
    event.value = attributes.get("value");
    if (!event.value.empty() && !is_numeric(event.value))
      fault(where + "/value", "a value is a number", reason_name(Reason::value_not_a_number));
    if (is_json_string(event.value))
      fault(where + "/value", "a value is a number, not a text",
            reason_name(Reason::value_not_a_number));
    event.currency = scalar(attributes, "value_currency", where);
    event.id = scalar(attributes, "unique_id", where);
    if (bulk_ids && out_.faults.size() == faults && !bulk_ids->add(event))
      fault(where + "/unique_id", "this id is there twice for one profile and metric");
    if (out_.faults.size() == faults) out_.add(event, where);
    ++out_.index;
  }
  // Who: fills ids and traits. `where` leads to what holds `profile`.
  bool profile(const JsonObject& from, const std::string& from_where, EventShape& event) {
    const auto outer = object(from, "profile", from_where);
    if (!outer) return false;
    const auto data = object(*outer, "data", from_where + "/profile");
    if (!data) return false;
    const std::string where = from_where + "/profile/data";
    JsonObject attributes;
    if (!data->get("attributes").empty()) {
      auto read = object(*data, "attributes", where);
      if (!read) return false;
      attributes = std::move(*read);
    }
    EventShape::Profile& ids = event.profile;
    ids.id = scalar(*data, "id", where);
    ids.email = normal_email(scalar(attributes, "email", where + "/attributes"));
    ids.phone = scalar(attributes, "phone_number", where + "/attributes");
    ids.external_id = scalar(attributes, "external_id", where + "/attributes");
    ids.anonymous_id = scalar(attributes, "anonymous_id", where + "/attributes");
    ids.kx = scalar(attributes, "_kx", where + "/attributes");
    event.traits = attributes.get("properties");
    if (!event.traits.empty() && !is_json_object(event.traits))
      fault(where + "/attributes/properties", "this must be an object");
    if (!ids.nobody()) return true;
    fault(where, "a profile needs an id, email, phone_number, external_id, anonymous_id or _kx");
    return false;
  }

 private:
  void metric(const JsonObject& attributes, const std::string& where, EventShape& event) {
    const auto outer = object(attributes, "metric", where);
    const auto data = outer ? object(*outer, "data", where + "/metric") : std::nullopt;
    const auto named = data ? object(*data, "attributes", where + "/metric/data") : std::nullopt;
    if (!named) return;
    const std::string at = where + klaviyo_field("/metric");
    event.metric = named->get("name");
    const auto name = text_of(event.metric);
    if (!name || trim_ascii(*name).empty()) {
      fault(at, "a metric has a name", reason_name(Reason::metric_missing));
      return;
    }
    const auto begins = [](char c) { return (uint8_t(c) & 0xc0) != 0x80; };
    if (size_t(std::count_if(name->begin(), name->end(), begins)) > kMaxMetricCharacters)
      fault(at,
            "a metric's name has at most " + std::to_string(kMaxMetricCharacters) + " characters");
    if (const std::string service = scalar(*named, "service", where + "/metric/data/attributes");
        !service.empty())
      event.more.emplace_back("service", service);
  }
  void properties(const JsonObject& attributes, const std::string& where, EventShape& event) {
    const auto read = object(attributes, "properties", where);
    if (!read) return;
    event.properties = attributes.get("properties");
    if (read->members().size() > kMaxEventProperties)
      fault(where + "/properties",
            "an event has at most " + std::to_string(kMaxEventProperties) + " properties");
  }
  // A text or number; a fault if it is anything else.
  std::string scalar(const JsonObject& from, const char* name, const std::string& where) {
    const std::string_view value = from.get(name);
    if (!value.empty() && !is_json_id(value)) fault(where + "/" + name, "this must be a text");
    return std::string(value);
  }
  std::string time(std::string_view value, const std::string& where) {
    if (value.empty()) return time_json(now_ms_);
    auto text = text_of(value);
    if (!text) {
      fault(where + "/time", "a time is a text in ISO 8601", reason_name(Reason::time_bad));
      return {};
    }
    constexpr size_t kDateAndHour = 13;  // what is missing is 0
    if (text->size() == kDateAndHour && (text->at(10) == 'T' || text->at(10) == ' '))
      *text += ":00";
    const ParsedTime parsed = parse_time_text(*text, ZoneRules{});
    if (parsed.error == TimeError::bad)
      fault(where + "/time", "a time is like 2026-03-29T04:30:00Z", reason_name(Reason::time_bad));
    else if (parsed.error != TimeError::none || parsed.ms < kFirstTimeMs ||
             parsed.ms > now_ms_ + kYearMs)
      fault(where + "/time", "a time is after 1989 and at most a year ahead",
            reason_name(Reason::time_out_of_range));
    else
      return time_json(parsed.ms);
    return {};
  }

  const int64_t now_ms_;
  VendorEvents& out_;
};

// The events of one profile in a bulk request; `text` is that element.
void read_events_of_profile(Reader& reader, std::string_view text, const std::string& where,
                            BulkIds& ids, VendorEvents& out) {
  const auto element = JsonObject::read(text);
  if (!element.ok()) return void(reader.fault(where, element.error().message));
  const auto attributes = reader.object(*element, "attributes", where);
  EventShape event;
  const std::string at = where + "/attributes";
  if (!attributes || !reader.profile(*attributes, at, event)) return;
  const auto outer = reader.object(*attributes, "events", at);
  const auto events = outer ? reader.array(*outer, "data", at + "/events") : std::nullopt;
  if (!events) return;
  for (size_t i = 0; i < events->size(); ++i) {
    const std::string of_event = at + "/events/data/" + std::to_string(i);
    const auto one = JsonObject::read((*events)[i]);
    if (!one.ok()) return void(reader.fault(of_event, one.error().message));
    const auto inner = reader.object(*one, "attributes", of_event);
    if (!inner) return;
    if (out.index == kMaxBulkEvents)
      return void(reader.fault(
          of_event, "a request holds at most " + std::to_string(kMaxBulkEvents) + " events"));
    reader.event(*inner, event, of_event + "/attributes", &ids);
  }
}

struct Kind {
  int status;
  std::string_view code, title;
};
Kind kind_of(int status) {
  static constexpr Kind kKinds[] = {
      {400, kInvalid, "Invalid input."},
      {401, "not_authenticated", "Authentication credentials were not provided."},
      {403, "permission_denied", "You do not have permission to perform this action."},
      {404, "not_found", "Not found."},
      {410, "gone", "Not there any more."},
      {405, "method_not_allowed", "Method not allowed."},
      {413, "payload_too_large", "The request is too large."},
      {415, "unsupported_media_type", "Unsupported media type."},
      {422, "unprocessable", "The request contradicts one before."},
      {429, "throttled", "Request was throttled."},
      {503, "service_unavailable", "Service unavailable."},
  };
  for (const Kind& kind : kKinds) {
    if (kind.status == status) return kind;
  }
  return {status, "error", "Error."};
}

std::string error_object(const Kind& kind, const VendorFault& fault) {
  std::string text = "{\"id\":\"" + random_hex() + "\",\"status\":" + std::to_string(kind.status) +
                     ",\"code\":" + json_string(kind.code) +
                     ",\"title\":" + json_string(kind.title) +
                     ",\"detail\":" + json_string(fault.detail) + ",\"source\":{";
  if (!fault.where.empty()) text += "\"pointer\":" + json_string(fault.where);
  text += "},\"meta\":{";
  if (!fault.reason.empty() && fault.reason != kInvalid)
    text += "\"reason\":" + json_string(fault.reason);
  return text + "}}";
}

}  // namespace

VendorEvents read_klaviyo_event(const VendorRequest& request) {
  VendorEvents out;
  Reader reader(request.now_ms, out);
  const auto body = reader.body(request.body);
  const auto data = body ? reader.object(*body, "data", "") : std::nullopt;
  const auto attributes = data ? reader.object(*data, "attributes", "/data") : std::nullopt;
  if (!attributes) return out;
  EventShape event;
  reader.profile(*attributes, "/data/attributes", event);
  reader.event(*attributes, event, "/data/attributes");
  return out;
}

VendorEvents read_klaviyo_bulk(const VendorRequest& request) {
  VendorEvents out;
  Reader reader(request.now_ms, out);
  const auto body = reader.body(request.body);
  const auto data = body ? reader.object(*body, "data", "") : std::nullopt;
  const auto attributes = data ? reader.object(*data, "attributes", "/data") : std::nullopt;
  const std::string where = "/data/attributes/events-bulk-create/data";
  const auto outer = attributes
                         ? reader.object(*attributes, "events-bulk-create", "/data/attributes")
                         : std::nullopt;
  const auto profiles =
      outer ? reader.array(*outer, "data", "/data/attributes/events-bulk-create") : std::nullopt;
  if (!profiles) return out;
  if (profiles->empty()) reader.fault(where, "there are no events");
  BulkIds ids;
  for (size_t i = 0; i < profiles->size(); ++i) {
    read_events_of_profile(reader, (*profiles)[i], where + "/" + std::to_string(i), ids, out);
    if (out.index == kMaxBulkEvents && !out.faults.empty()) break;
  }
  return out;
}

std::string klaviyo_field(std::string_view field) {
  static constexpr std::pair<std::string_view, std::string_view> kFields[] = {
      {"/metric", "/metric/data/attributes/name"},
      {"/id", "/unique_id"},
      {"/currency", "/value_currency"},
      {"/profile/email", "/profile/data/attributes/email"},
      {"/profile/phone", "/profile/data/attributes/phone_number"},
      {"/profile/external_id", "/profile/data/attributes/external_id"},
      {"/profile/anonymous_id", "/profile/data/attributes/anonymous_id"},
      {"/profile/id", "/profile/data/id"},
      {"/profile/kx", "/profile/data/attributes/_kx"},
  };
  for (const auto& [ours, theirs] : kFields) {
    if (field == ours) return std::string(theirs);
  }
  return std::string(field);
}

Response klaviyo_error(int status, std::string_view text) {
  Response response = error_response(status, text);
  VendorFault fault;
  fault.detail = text;
  response.body = "{\"errors\":[" + error_object(kind_of(status), fault) + "]}\n";
  return response;
}

Response klaviyo_refusal(const std::vector<VendorFault>& faults) {
  Response response;
  response.status = 400;
  response.body = "{\"errors\":[";
  for (size_t i = 0; i < std::min(faults.size(), kMaxFaultsShown); ++i)
    response.body += (i ? "," : "") + error_object(kind_of(400), faults[i]);
  response.body += "]}\n";
  return response;
}

std::string klaviyo_metric_id(std::string_view tenant, std::string_view metric) {
  std::string text(tenant);
  text += '\0';
  text += metric;
  constexpr size_t kLength = 12;
  return sha256_hex(text).substr(0, kLength);
}

Response klaviyo_metrics(std::string_view tenant, const std::vector<std::string>& metrics) {
  Response response;
  response.body = "{\"data\":[";
  for (size_t i = 0; i < metrics.size(); ++i) {
    const std::string id = klaviyo_metric_id(tenant, metrics[i]);
    response.body += std::string(i ? "," : "") + "{\"type\":\"metric\",\"id\":\"" + id +
                     "\",\"attributes\":{\"name\":" + json_string(metrics[i]) +
                     "},\"links\":{\"self\":\"/api/metrics/" + id + "\"}}";
  }
  response.body +=
      "],\"links\":{\"self\":\"/api/metrics\",\"first\":null,\"last\":null,\"prev\":null,"
      "\"next\":null}}\n";
  return response;
}

}  // namespace quipu
