#include "http/klaviyo_aggregates.h"

#include <charconv>

#include "base/json_text.h"
#include "http/event_lines.h"
#include "http/hex_digest.h"
#include "http/json_slices.h"
#include "http/query_string.h"

namespace quipu {
namespace {

constexpr std::string_view kWhere = "/data/attributes/";

Error wrong(std::string_view name, std::string_view detail) {
  return Error{std::string(kWhere) + std::string(name) + ": " + std::string(detail)};
}

// The member's text; `text` is left as it is if there is none.
Status read_text(const JsonObject& attributes, const char* name, std::string& text) {
  const std::string_view value = attributes.get(name);
  if (value.empty()) return {};
  auto read = text_of(value);
  if (!read) return wrong(name, "this is a text");
  text = std::move(*read);
  return {};
}

Result<std::vector<std::string>> read_texts(const JsonObject& attributes, const char* name) {
  std::vector<std::string> texts;
  const std::string_view value = attributes.get(name);
  if (value.empty()) return texts;
  if (auto one = text_of(value)) {
    texts.push_back(std::move(*one));
    return texts;
  }
  if (!value.starts_with('[')) return wrong(name, "this is a list of texts");
  const auto elements = split_events(value);
  if (!elements.ok()) return wrong(name, elements.error().message);
  for (const std::string_view element : *elements) {
    auto text = text_of(element);
    if (!text) return wrong(name, "this is a list of texts");
    texts.push_back(std::move(*text));
  }
  return texts;
}

Status read_measurements(const JsonObject& attributes, KlaviyoQuestion& asked) {
  QUIPU_ASSIGN(const auto names, read_texts(attributes, "measurements"));
  if (names.empty()) return wrong("measurements", "one at least of count, sum_value and unique");
  for (const std::string& name : names) {
    bool* const of = name == "count"       ? &asked.count
                     : name == "sum_value" ? &asked.sum
                     : name == "unique"    ? &asked.unique
                                           : nullptr;
    if (!of) return wrong("measurements", "\"" + name + "\" is none of count, sum_value, unique");
    *of = true;
  }
  return {};
}

Status read_page_size(const JsonObject& attributes, KlaviyoQuestion& asked) {
  const std::string_view value = attributes.get("page_size");
  if (value.empty()) return {};
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), asked.page_size);
  if (error == std::errc() && end == value.data() + value.size() && asked.page_size > 0 &&
      asked.page_size <= kMaxKlaviyoPageSize)
    return {};
  return wrong("page_size", "a number from 1 to " + std::to_string(kMaxKlaviyoPageSize));
}

Status read_filter(const JsonObject& attributes, KlaviyoQuestion& asked) {
  QUIPU_ASSIGN(const auto texts, read_texts(attributes, "filter"));
  std::vector<KlaviyoCondition> all;
  for (const std::string& text : texts) {
    if (Status read = read_klaviyo_filter(text, all); !read.ok())
      return wrong("filter", read.error().message);
  }
  for (KlaviyoCondition& condition : all) {
    if (condition.field != "datetime") {
      asked.conditions.push_back(std::move(condition));
      continue;
    }
    std::string* const bound = condition.call == "greater-or-equal" ? &asked.from
                               : condition.call == "less-than"      ? &asked.to
                                                                    : nullptr;
    if (!bound || condition.negated || condition.values.size() != 1)
      return wrong("filter", "datetime has greater-or-equal and less-than, with one time each");
    if (!bound->empty()) return wrong("filter", "datetime has two such bounds");
    *bound = condition.values[0];
  }
  if (asked.from.empty() || asked.to.empty())
    return wrong("filter",
                 "it must hold greater-or-equal(datetime,...) and less-than(datetime,...)");
  return {};
}

Status read_cursor(const JsonObject& attributes, std::string_view query, KlaviyoQuestion& asked) {
  QUIPU_TRY(read_text(attributes, "page_cursor", asked.cursor));
  QUIPU_ASSIGN(const auto parameters, read_query_string(query));
  for (const auto& [name, value] : parameters) {
    if (name == "page_cursor" || name == "page[cursor]")
      asked.cursor = value;
    else if (name != "fields[metric-aggregate]")
      return Error{"there is no parameter " + name + " here"};
  }
  return {};
}

// "3" and "10.5" as the numbers with a point that clients expect.
std::string as_float(const std::string& number) {
  return number.find('.') == std::string::npos ? number + ".0" : number;
}

void append_measurement(const char* name, bool asked, const std::vector<std::string>& numbers,
                        std::string& out) {
  if (!asked) return;
  if (out.back() != '{') out += ",";
  out += "\"" + std::string(name) + "\":[";
  for (size_t i = 0; i < numbers.size(); ++i) out += (i ? "," : "") + as_float(numbers[i]);
  out += "]";
}

}  // namespace

Result<KlaviyoQuestion> read_klaviyo_aggregates(std::string_view body, std::string_view query) {
  if (!is_utf8(body)) return Error{"the body is no UTF-8"};
  const auto whole = JsonObject::read(body);
  if (!whole.ok()) return Error{"the body: " + whole.error().message};
  const JsonObject data = object_or_none(whole->get("data"));
  const auto attributes = JsonObject::read(data.get("attributes"));
  if (!attributes.ok()) return Error{"/data/attributes: an object is required"};
  KlaviyoQuestion asked;
  QUIPU_TRY(read_text(*attributes, "metric_id", asked.metric_id));
  if (asked.metric_id.empty())
    return wrong("metric_id", "this is required: GET /api/metrics tells the ids");
  QUIPU_TRY(read_measurements(*attributes, asked));
  QUIPU_TRY(read_text(*attributes, "interval", asked.interval));
  if (asked.interval != "hour" && asked.interval != "day" && asked.interval != "week" &&
      asked.interval != "month")
    return wrong("interval", "hour, day, week or month");
  QUIPU_TRY(read_page_size(*attributes, asked));
  QUIPU_ASSIGN(asked.by, read_texts(*attributes, "by"));
  QUIPU_TRY(read_text(*attributes, "timezone", asked.timezone));
  QUIPU_TRY(read_text(*attributes, "sort", asked.sort));
  QUIPU_TRY(read_filter(*attributes, asked));
  QUIPU_TRY(read_cursor(*attributes, query, asked));
  return asked;
}

Response klaviyo_aggregates(const KlaviyoQuestion& asked, const KlaviyoTable& table) {
  constexpr std::string_view kSelf = "/api/metric-aggregates";
  std::string out = "{\"data\":{\"type\":\"metric-aggregate\",\"id\":\"" + random_hex() +
                    "\",\"attributes\":{\"dates\":[";
  for (size_t i = 0; i < table.dates.size(); ++i)
    out += (i ? "," : "") + json_string(table.dates[i]);
  out += "],\"data\":[";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const KlaviyoTable::Row& row = table.rows[r];
    out += r ? ",{\"dimensions\":[" : "{\"dimensions\":[";
    for (size_t i = 0; i < row.dimensions.size(); ++i)
      out += (i ? "," : "") + json_string(row.dimensions[i]);
    out += "],\"measurements\":{";
    append_measurement("count", asked.count, row.count, out);
    append_measurement("sum_value", asked.sum, row.sum, out);
    append_measurement("unique", asked.unique, row.unique, out);
    out += "}}";
  }
  const std::string next =
      table.next.empty() ? "null" : json_string(std::string(kSelf) + "?page_cursor=" + table.next);
  out += "]},\"links\":{\"self\":" + json_string(kSelf) +
         "}},\"links\":{\"self\":" + json_string(kSelf) + ",\"next\":" + next +
         ",\"prev\":null}}\n";
  Response response;
  response.content_type = "application/vnd.api+json";
  response.body = std::move(out);
  return response;
}

}  // namespace quipu
