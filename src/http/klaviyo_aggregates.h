// POST /api/metric-aggregates as Klaviyo's clients send it, and what they want to hear. Requests
// become plain values, tables of numbers become JSON:API; which counter answers is the matter of
// the room answers. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/klaviyo_filter.h"
#include "http/response.h"

namespace quipu {

inline constexpr size_t kKlaviyoPageSize = 500;  // groups, where the request says nothing
inline constexpr size_t kMaxKlaviyoPageSize = 10'000;

struct KlaviyoQuestion {
  std::string metric_id;
  bool count = false, sum = false, unique = false;  // measurements
  std::string interval = "day";                     // hour, day, week, month
  size_t page_size = kKlaviyoPageSize;
  std::string cursor;
  std::vector<std::string> by;
  std::string from, to;  // datetime: the first that is in, and the first that is not
  std::vector<KlaviyoCondition> conditions;  // all others
  std::string timezone = "UTC";
  std::string sort;  // "" or a name, perhaps with a - before it
};

// `query` is what stands behind the `?`: a cursor may be there. Errors are for the client.
Result<KlaviyoQuestion> read_klaviyo_aggregates(std::string_view body, std::string_view query);

struct KlaviyoTable {
  std::vector<std::string> dates;  // 2026-03-01T05:00:00+00:00
  struct Row {
    std::vector<std::string> dimensions;
    std::vector<std::string> count, sum, unique;  // numbers as text, by date
  };
  std::vector<Row> rows;
  std::string next;  // cursor; "": none
};
Response klaviyo_aggregates(const KlaviyoQuestion& asked, const KlaviyoTable& table);

}  // namespace quipu
