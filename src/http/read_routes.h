// Requests that read what is counted: which there are, and what one asks for, as plain values. How
// they are answered is the matter of the room answers. Pure functions, any thread.
//
//   GET, POST /v1/query                       a question
//   GET /v1/metrics                           what can be asked
//   GET /v1/dimensions/PROPERTY/values        of a property of a metric, for pickers
//   GET /v1/watch                             a question, again whenever its answer changes
//   GET /v1/status                            how the server fares
//   GET /v1/tenants                           whose counts there are, to a key of all tenants
//
// A question stands behind the `?`, or in the body of a POST: as a form, or as a JSON object whose
// members are texts, numbers, or lists of texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/gone_flag.h"
#include "http/query_string.h"
#include "http/request_reader.h"
#include "http/response.h"

namespace quipu {

// A table is for people: whole, or for a terminal (its first rows, long values cut).
enum class AnswerForm : uint8_t { json, csv, safe_csv, ndjson, table, terminal };

struct ReadRequest {
  std::string_view route;             // as read_route_of() has it
  std::string property;               // of /v1/dimensions/PROPERTY/values
  std::optional<std::string> tenant;  // none: of a key of all tenants that names none
  bool all_tenants = false;           // its key may read all of them
  QueryParameters parameters;         // without `format`
  AnswerForm form = AnswerForm::json;
  GoneFlag gone;  // then nobody waits for it
};

inline constexpr std::string_view kQueryRoute = "/v1/query", kMetricsRoute = "/v1/metrics",
                                  kValuesRoute = "/v1/dimensions/{property}/values",
                                  kStatusRoute = "/v1/status", kTenantsRoute = "/v1/tenants",
                                  kWatchRoute = "/v1/watch";

// The route of a path, a text that stays; "" if it is none of them.
std::string_view read_route_of(std::string_view path);

// Without tenant. `body` is that of a POST, unpacked. Errors are for the client.
Result<ReadRequest> read_request_of(const Request& request, std::string_view body);

// A good answer gets an ETag, and becomes 304 without a body if the client has it already.
Response with_etag(Response response, std::string_view if_none_match);

}  // namespace quipu
