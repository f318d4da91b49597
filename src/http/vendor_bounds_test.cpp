// Bounds and choices of the vendors' doors, one at a time; and of the file of keys.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "http/api_keys.h"
#include "http/klaviyo_door.h"
#include "http/magento_door.h"
#include "http/segment_door.h"
#include "http/shopify_door.h"

namespace quipu {
namespace {

constexpr int64_t kNow_ms = 1774758600123;  // 2026-03-29T04:30:00.123Z

using Read = VendorEvents (*)(const VendorRequest&);
using Headers = std::vector<std::pair<std::string, std::string>>;

VendorEvents read(Read reader, const std::string& path, const std::string& body,
                  Headers headers = {}) {
  Request request;
  request.headers = std::move(headers);
  const RememberedMessages none;
  return reader({request, path, body, kNow_ms, "acme", none});
}
bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// An event whose attributes are added to; without a metric and properties of its own.
VendorEvents klaviyo(const std::string& more, const std::string& metric = "M",
                     const std::string& properties = "{}") {
  return read(read_klaviyo_event, "/api/events",
              R"({"data":{"attributes":{"metric":{"data":{"attributes":{"name":")" + metric +
                  R"("}}},"profile":{"data":{"id":"1"}},"properties":)" + properties + more +
                  "}}}");
}
VendorEvents klaviyo_at(const std::string& time) { return klaviyo(",\"time\":\"" + time + "\""); }

TEST(Klaviyo, times_are_from_1990_to_a_year_ahead) {
  for (const char* good : {"1990-01-01T00:00:00Z", "2026-03-29T04:30:00Z", "2027-03-30T04:30:00Z",
                           "2026-03-29T04", "2026-03-29 04"})
    EXPECT_TRUE(klaviyo_at(good).faults.empty()) << good;
  for (const char* bad : {"1989-12-31T23:59:59Z", "2027-03-30T04:30:01Z", "2199-01-01T00:00:00Z"}) {
    const VendorEvents events = klaviyo_at(bad);
    ASSERT_EQ(events.faults.size(), 1u) << bad;
    EXPECT_EQ(events.faults[0].reason, "time_out_of_range");
    EXPECT_TRUE(events.events.empty());
  }
  EXPECT_EQ(klaviyo_at("yesterday").faults.at(0).reason, "time_bad");
  EXPECT_TRUE(holds(klaviyo("").events.at(0), "\"time\":\"2026-03-29T04:30:00"))
      << "without one it is now";
}

TEST(Klaviyo, names_and_properties_are_as_many_as_allowed) {
  std::string name;
  for (size_t i = 0; i < kMaxMetricCharacters; ++i) name += "é";
  EXPECT_TRUE(klaviyo("", name).faults.empty()) << "characters, not bytes";
  EXPECT_EQ(klaviyo("", name + "x").faults.size(), 1u);
  EXPECT_EQ(klaviyo("", " ").faults.at(0).reason, "metric_missing");
  std::string properties = "{\"p0\":1";
  for (size_t i = 1; i < kMaxEventProperties; ++i)
    properties += ",\"p" + std::to_string(i) + "\":1";
  EXPECT_TRUE(klaviyo("", "M", properties + "}").faults.empty());
  EXPECT_EQ(klaviyo("", "M", properties + ",\"x\":1}").faults.size(), 1u);
  for (const char* value : {"\"9\"", "true", "[]"})
    EXPECT_FALSE(klaviyo(",\"value\":" + std::string(value)).faults.empty()) << value;
  EXPECT_TRUE(holds(klaviyo(",\"value\":-0.5").events.at(0), "\"value\":-0.5"));
}

TEST(Klaviyo, a_bulk_request_holds_so_many_events_and_an_id_once_a_profile_and_metric) {
  const auto bulk = [](const std::vector<std::string>& events_of_profiles) {
    std::string body;
    for (size_t i = 0; i < events_of_profiles.size(); ++i)
      body += (i ? "," : "") +
              (R"({"attributes":{"profile":{"data":{"id":"p)" + std::to_string(i % 2)) +
              R"("}},"events":{"data":[)" + events_of_profiles[i] + "]}}}";
    return read(read_klaviyo_bulk, "/api/event-bulk-create-jobs",
                R"({"data":{"attributes":{"events-bulk-create":{"data":[)" + body + "]}}}}");
  };
  const auto event = [](const std::string& id, const std::string& metric = "M") {
    return R"({"attributes":{"properties":{},"metric":{"data":{"attributes":{"name":")" + metric +
           R"("}}})" + (id.empty() ? "" : ",\"unique_id\":" + id) + "}}";
  };
  std::string many = event("");
  for (size_t i = 1; i < kMaxBulkEvents; ++i) many += "," + event("");
  EXPECT_EQ(bulk({many}).events.size(), kMaxBulkEvents);
  EXPECT_TRUE(bulk({many}).faults.empty());
  EXPECT_EQ(bulk({many, event("")}).faults.size(), 1u);

  EXPECT_TRUE(bulk({event("\"1\""), event("\"1\"")}).faults.empty()) << "two profiles";
  EXPECT_TRUE(bulk({event("\"1\"") + "," + event("\"1\"", "N")}).faults.empty()) << "two metrics";
  EXPECT_TRUE(bulk({event("") + "," + event("")}).faults.empty()) << "no ids";
  EXPECT_EQ(bulk({event("\"1\""), event("2"), event("1")}).faults.size(), 1u) << "1 is \"1\"";
}

TEST(Magento, amounts_are_in_the_currency_that_they_are_said_in) {
  const auto order = [](const std::string& amounts) {
    return read(read_magento, "/webhooks/magento",
                R"({"eventName":"order_placed","data":{"order":{"increment_id":"7",)" + amounts +
                    R"(,"customer_email":"a@x.test","created_at":"2026-03-01 00:00:00",)"
                    R"("updated_at":"2026-03-02 00:00:00"}}})")
        .events.at(0);
  };
  const std::string currencies = R"("base_currency_code":"EUR","order_currency_code":"USD")";
  EXPECT_TRUE(holds(order("\"base_grand_total\":\"9\",\"grand_total\":\"10\"," + currencies),
                    "\"value\":\"9\",\"currency\":\"EUR\""));
  const std::string theirs = order("\"grand_total\":\"10\"," + currencies);
  EXPECT_TRUE(holds(theirs, "\"value\":\"10\",\"currency\":\"USD\"")) << theirs;
  EXPECT_TRUE(holds(theirs, "\"time\":\"2026-03-01 00:00:00\"")) << "it was created then";
  EXPECT_FALSE(holds(order("\"grand_total\":\"ten\"," + currencies), "\"currency\":"));
}

TEST(Segment, a_message_has_the_batchs_context_unless_it_has_its_own) {
  const VendorEvents events = read(
      read_segment, "/v1/batch",
      R"({"context":{"page":"batch"},"batch":[)"
      R"({"type":"track","event":"A","userId":"u","messageId":"1"},)"
      R"({"type":"track","event":"B","userId":"u","messageId":"2","context":{"page":"own"}}]})");
  ASSERT_EQ(events.events.size(), 2u);
  EXPECT_TRUE(holds(events.events[0], R"("context":{"page":"batch"})")) << events.events[0];
  EXPECT_TRUE(holds(events.events[1], R"("context":{"page":"own"})"));
  EXPECT_FALSE(holds(events.events[1], "batch"));
  // The first of revenue, total and value that is a number.
  const auto value = [](const std::string& properties) {
    return read(read_segment, "/v1/track",
                R"({"event":"A","userId":"u","messageId":"1","properties":)" + properties + "}")
        .events.at(0);
  };
  EXPECT_TRUE(holds(value(R"({"value":3,"total":2,"revenue":1})"), "\"value\":1,"));
  EXPECT_TRUE(holds(value(R"({"value":3,"total":2,"revenue":"much"})"), "\"value\":2,"));
}

TEST(Shopify, an_event_is_known_by_its_own_id_before_that_of_the_delivery) {
  const std::string body =
      R"({"id":5,"email":"b@x.test","created_at":"2026-01-01T00:00:00Z",)"
      R"("updated_at":"2026-01-02T00:00:00Z","total_price":"2.5","currency":"EUR"})";
  const Headers both = {{"x-shopify-topic", "orders/paid"},
                        {"x-shopify-event-id", "e"},
                        {"x-shopify-webhook-id", "w"}};
  const std::string event = read(read_shopify, "/webhooks/shopify", body, both).events.at(0);
  EXPECT_TRUE(holds(event, "\"id\":\"e\""));
  EXPECT_TRUE(holds(event, "\"time\":\"2026-01-02T00:00:00Z\"")) << event;
  EXPECT_TRUE(holds(event, "\"value\":\"2.5\",\"currency\":\"EUR\""));
  const auto faults = [&](Headers headers) {
    return read(read_shopify, "/webhooks/shopify", body, std::move(headers)).faults.size();
  };
  EXPECT_EQ(faults({{"x-shopify-topic", "orders/paid"}, {"x-shopify-webhook-id", "w"}}), 0u);
  EXPECT_EQ(faults({{"x-shopify-topic", "orders/paid"}}), 1u);
  EXPECT_EQ(faults({{"x-shopify-webhook-id", "w"}}), 1u);
  EXPECT_EQ(
      faults(
          {{"x-shopify-topic", "a/b"}, {"x-shopify-topic", "a/c"}, {"x-shopify-webhook-id", "w"}}),
      1u)
      << "two topics are none";
}

TEST(KeyFile, ids_are_used_once_and_a_damaged_line_is_an_error) {
  std::string folder = (std::filesystem::temp_directory_path() / "quipu-keys-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(folder.data()));
  const std::string path = folder + "/keys";
  auto keys = ApiKeys::open(path);
  const std::string first = *keys->add("acme", true, false);
  ASSERT_TRUE(keys->revoke("k1").ok());
  const std::string second = *keys->add(std::nullopt, true, true);
  EXPECT_TRUE(second.starts_with("quipu_k2_")) << second;
  EXPECT_EQ(keys->find(first), nullptr);
  EXPECT_EQ(keys->find(second)->id, "k2");
  EXPECT_FALSE(keys->revoke("k1").ok()) << "it is revoked already";
  EXPECT_FALSE(keys->revoke("k3").ok());
  EXPECT_FALSE(keys->add(std::string(kMaxTenantBytes + 1, 't'), true, true).ok());
  EXPECT_FALSE(keys->add("a\x7f", true, true).ok());

  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  const auto opens_with = [&](const std::string& from, const std::string& to) {
    std::string changed = text.str();
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    std::ofstream(path, std::ios::trunc) << changed.replace(at, from.size(), to);
    return ApiKeys::open(path).ok();
  };
  EXPECT_TRUE(opens_with("all\n", "all\n"));
  EXPECT_TRUE(opens_with("all\n", "=all\n")) << "a tenant of that name";
  EXPECT_EQ(ApiKeys::open(path)->find(second)->tenant, "all");
  for (const auto& [from, to] :
       std::initializer_list<std::pair<const char*, const char*>>{{"all\n", "small\n"},
                                                                  {"all\n", "\n"},
                                                                  {"revoked", "revoke"},
                                                                  {"\tw\t", "\trw\t"},
                                                                  {"\tw\t", "\t\t"},
                                                                  {"k1\t", "x1\t"}})
    EXPECT_FALSE(opens_with(from, to)) << from << to;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace quipu
