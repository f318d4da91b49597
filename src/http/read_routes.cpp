#include "http/read_routes.h"

#include "base/json_text.h"
#include "http/event_lines.h"
#include "http/hex_digest.h"
#include "http/json_slices.h"

namespace quipu {
namespace {

constexpr std::string_view kDimensions = "/v1/dimensions/", kValues = "/values";
constexpr size_t kTagDigits = 32;  // of a SHA-256

// The part of a path between the two, still with its %XX; "" if it is no such path.
std::string_view property_of(std::string_view path) {
  if (!path.starts_with(kDimensions) || !path.ends_with(kValues) ||
      path.size() <= kDimensions.size() + kValues.size())
    return {};
  path.remove_prefix(kDimensions.size());
  path.remove_suffix(kValues.size());
  return path.find('/') == std::string_view::npos ? path : std::string_view();
}

Error no_parameter(const std::string& name) {
  return Error{"\"" + name + "\" is a text, a number, or a list of texts"};
}

Status add_member(const JsonMember& member, QueryParameters& parameters) {
  if (const auto text = text_of(member.value)) {
    parameters.emplace_back(member.key, *text);
    return {};
  }
  if (is_numeric(member.value)) {
    parameters.emplace_back(member.key, std::string(member.value));
    return {};
  }
  if (member.value.empty() || member.value.front() != '[') return no_parameter(member.key);
  const auto elements = split_events(member.value);
  if (!elements.ok()) return no_parameter(member.key);
  for (const std::string_view element : *elements) {
    const auto text = text_of(element);
    if (!text) return no_parameter(member.key);
    parameters.emplace_back(member.key, *text);
  }
  return {};
}

Result<QueryParameters> parameters_of_json(std::string_view body) {
  if (!is_valid_utf8(body)) return Error{"the body is no UTF-8"};
  const auto object = JsonObject::read(body);
  if (!object.ok()) return Error{"the body is no JSON object: " + object.error().message};
  QueryParameters parameters;
  for (const JsonMember& member : object->members()) QUIPU_TRY(add_member(member, parameters));
  return parameters;
}

bool is_form(const Request& request) {
  const std::string* type = request.header("content-type");
  return type && type->starts_with("application/x-www-form-urlencoded");
}

// `format` says it; else Accept does, by its first type.
Result<AnswerForm> form_of(const Request& request, QueryParameters& parameters) {
  const std::string* accept = request.header("accept");
  std::string name = !accept                                       ? ""
                     : accept->starts_with("text/csv")             ? "csv"
                     : accept->starts_with("application/x-ndjson") ? "ndjson"
                                                                   : "";
  for (size_t i = 0; i < parameters.size();) {
    if (parameters[i].first != "format") {
      ++i;
      continue;
    }
    name = parameters[i].second;
    parameters.erase(parameters.begin() + ptrdiff_t(i));
  }
  if (name.empty() || name == "json") return AnswerForm::json;
  if (name == "csv") return AnswerForm::csv;
  if (name == "ndjson") return AnswerForm::ndjson;
  if (name == "safe-csv") return AnswerForm::safe_csv;
  if (name == "table") return AnswerForm::table;
  if (name == "terminal") return AnswerForm::terminal;
  return Error{"format=" + name + ": it is json, csv, safe-csv, ndjson, table or terminal"};
}

}  // namespace

std::string_view read_route_of(std::string_view path) {
  for (const std::string_view route :
       {kQueryRoute, kMetricsRoute, kStatusRoute, kTenantsRoute, kWatchRoute}) {
    if (path == route) return route;
  }
  return property_of(path).empty() ? std::string_view() : kValuesRoute;
}

Result<ReadRequest> read_request_of(const Request& request, std::string_view body) {
  ReadRequest asked;
  asked.route = read_route_of(request.path);
  if (const std::string_view property = property_of(request.path); !property.empty()) {
    QUIPU_ASSIGN(const auto name, read_query_string("name=" + std::string(property)));
    if (name.size() != 1) return Error{"no property's name: " + std::string(property)};
    asked.property = name[0].second;
  }
  QUIPU_ASSIGN(asked.parameters, read_query_string(request.query));
  if (request.method == "POST") {
    QUIPU_ASSIGN(const QueryParameters more,
                 is_form(request) ? read_query_string(body) : parameters_of_json(body));
    asked.parameters.insert(asked.parameters.end(), more.begin(), more.end());
  }
  QUIPU_ASSIGN(asked.form, form_of(request, asked.parameters));
  return asked;
}

Response with_etag(Response response, std::string_view if_none_match) {
  if (response.status != 200 || response.events) return response;
  const std::string tag = "\"" + sha256_hex(response.body).substr(0, kTagDigits) + "\"";
  response.own_headers += "ETag: " + tag + "\r\n";
  if (if_none_match != "*" && if_none_match.find(tag) == std::string_view::npos) return response;
  response.status = 304;
  response.body.clear();
  return response;
}

}  // namespace quipu
