#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>

#include "base/json_text.h"
#include "engine/line_check.h"
#include "http/event_lines.h"
#include "http/json_slices.h"
#include "http/klaviyo_door.h"
#include "http/magento_door.h"
#include "http/segment_door.h"
#include "http/shopify_door.h"
#include "http/webhook_secrets.h"

namespace quipu {
namespace {

constexpr int64_t kNowMs = 1774758600123;  // 2026-03-29T04:30:00.123Z

constexpr const char* kPlan = R"(quipu: 1
event:
  tenant: /tenant
  metric: /event/metric
  profile: {first: [/event/profile/email, /event/profile/external_id, /event/profile/anonymous_id]}
  id: {first: [/event/id], else: time_to_second}
  time: /event/time
  values: {value: /event/value}
properties: {sku: /event/properties/sku, plan: /event/traits/plan, page: /event/context/page}
count: [{metrics: "*", by: [[], sku, plan, page], sum: [value]}]
)";

struct Sample {
  std::string path, body;
  VendorEvents (*read)(const VendorRequest&);
};
const std::vector<Sample>& samples() {
  static const std::vector<Sample> kSamples = {
      {"/api/events",
       R"({"data":{"type":"event","attributes":{"properties":{"sku":"A","n":[1,{"a":"\"}"}]},
       "time":"2026-03-29T04:30:00Z","value":9.99,"value_currency":"USD","unique_id":"u\u00e41",
       "metric":{"data":{"attributes":{"name":"Placed Order","service":null}}},"profile":{"data":
       {"id":null,"attributes":{"email":" Ann@X.test ","properties":{"plan":"gold"}}}}}}})",
       read_klaviyo_event},
      {"/api/event-bulk-create-jobs",
       R"({"data":{"attributes":{"events-bulk-create":{"data":[{"attributes":{"profile":{"data":
       {"attributes":{"phone_number":"+1"}}},"events":{"data":[{"attributes":{"properties":{},
       "metric":{"data":{"attributes":{"name":"M"}}},"unique_id":"1"}},{"attributes":{"properties":
       {},"metric":{"data":{"attributes":{"name":"M"}}},"unique_id":"2"}}]}}}]}}}})",
       read_klaviyo_bulk},
      {"/v1/batch",
       R"({"batch":[{"type":"track","event":"E","userId":"u","messageId":"m","properties":
       {"revenue":"2.5","sku":"B","currency":"EUR"},"context":{"page":"p","traits":{"plan":1}}},
       {"type":"page","anonymousId":"a","timestamp":"2026-03-29T04:30:00Z"}],"writeKey":"k"})",
       read_segment},
      {"/webhooks/shopify",
       R"({"id":820982911946154508,"email":"b@x.test","created_at":"2026-03-29T00:30:00-04:00",
       "total_price":"20.00","currency":"USD","customer":{"id":7},"sku":"\\\"{"})",
       read_shopify},
      {"/webhooks/magento",
       R"({"eventName":"sales_order_save_after","data":{"order":{"increment_id":"7","updated_at":
       "2026-03-29 04:30:00","customer_email":"a@x.test","grand_total":"1.5","items":[{"sku":"A"},
       {"sku":"B","parent_item_id":1}]}}})",
       read_magento}};
  return kSamples;
}

Request webhook() {
  Request request;
  request.headers = {{"x-shopify-topic", "orders/create"}, {"x-shopify-webhook-id", "w\"1"}};
  return request;
}
VendorEvents read(const Sample& sample, std::string_view body,
                  const RememberedMessages& remembered = {}) {
  const Request request = webhook();
  return sample.read({request, sample.path, body, kNowMs, "acme", remembered});
}

TEST(JsonSlices, members_are_slices_of_the_text) {
  const auto object = JsonObject::read(R"( {"a" : 1.50 ,"b\n":[1,"]"],"c":null,"d":{"x":"}"}} )");
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(object->get("a"), "1.50");
  EXPECT_EQ(object->get("b\n"), R"([1,"]"])");
  EXPECT_EQ(object->get("c"), "");
  EXPECT_EQ(object->get("d"), R"({"x":"}"})");
  for (const char* bad :
       {"", "1", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 2}", "{\"a\":[}]}",
        "{\"a\":1}}", "{a:1}", "{\"a\":1,\"a\":2}", "{\"a\":\"", "{\"a\":\"\\", "{\"\\u00\":1}"})
    EXPECT_FALSE(JsonObject::read(bad).ok()) << bad;
}

TEST(JsonSlices, integers_beyond_2_to_53_become_texts_and_nothing_else_changes) {
  EXPECT_EQ(large_integers_as_text(R"({"a":9007199254740992,"b":9007199254740993,"c":[-1e400,0,
-820982911946154508],"d":"12345678901234567890 \" 1","e":12345678901234567890.5})"),
            R"({"a":9007199254740992,"b":"9007199254740993","c":[-1e400,0,
"-820982911946154508"],"d":"12345678901234567890 \" 1","e":12345678901234567890.5})");
  for (const char* any : {"", "\"", "\"\\", "-", "1", "{\"a\":1"})
    EXPECT_EQ(large_integers_as_text(any), any);
}

TEST(VendorDoors, read_their_samples_into_the_one_shape) {
  const std::vector<std::vector<std::string>> right = {
      {R"({"metric":"Placed Order","profile":{"email":"ann@x.test"},"id":"u\u00e41",)"
       R"("time":"2026-03-29T04:30:00+00:00","value":9.99,"currency":"USD","properties":)"
       R"({"sku":"A","n":[1,{"a":"\"}"}]},"traits":{"plan":"gold"}})"},
      {R"({"metric":"M","profile":{"phone":"+1"},"id":"1","time":"2026-03-29T04:30:00+00:00",)"
       R"("properties":{}})",
       R"({"metric":"M","profile":{"phone":"+1"},"id":"2","time":"2026-03-29T04:30:00+00:00",)"},
      {R"({"metric":"E","profile":{"external_id":"u"},"id":"m","time":"2026-03-29T04:30:00+00:00",)"
       R"("value":"2.5","currency":"EUR","type":"track",)",
       R"({"metric":"page","profile":{"anonymous_id":"a"},"id":"quipu-)"},
      {R"({"metric":"orders/create","profile":{"email":"b@x.test","external_id":7},"id":"w\"1",)"
       R"("time":"2026-03-29T00:30:00-04:00","value":"20.00","currency":"USD","properties":)"
       R"({"id":"820982911946154508",)"},
      {R"({"metric":"sales_order_save_after","profile":{"email":"a@x.test"},)"
       R"("id":"7 2026-03-29 04:30:00","time":"2026-03-29 04:30:00","value":"1.5","properties":)"
       R"({"increment_id":"7",)"}};
  for (size_t i = 0; i < right.size(); ++i) {
    const VendorEvents events = read(samples()[i], samples()[i].body);
    EXPECT_TRUE(events.faults.empty()) << samples()[i].path;
    ASSERT_EQ(events.events.size(), right[i].size());
    for (size_t e = 0; e < right[i].size(); ++e)
      EXPECT_TRUE(events.events[e].starts_with(right[i][e])) << events.events[e];
  }
}

// What is taken is one line of JSON whose tenant is the key's, whatever came.
TEST(VendorDoors, no_bytes_get_out_of_their_event) {
  const char* given = std::getenv("QUIPU_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "QUIPU_SEED=" << seed << "\n";
  std::mt19937_64 rng(seed);
  const auto plan = Plan::parse(kPlan, "plan.yaml", "");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  auto check = LineCheck::open(*plan, "");
  ASSERT_TRUE(check.ok());
  const std::string head = envelope_head({kNowMs, "k1", "acme"});
  constexpr std::string_view kBytes = "{}[],:\"\\ \n\t0123456789eE+-.truefalsnu\xc3\xa4";
  size_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    const Sample& sample = samples()[rng() % samples().size()];
    std::string body = sample.body;
    for (size_t n = rng() % 3 + 1; n > 0; --n) {
      const size_t at = rng() % body.size();
      const size_t from = rng() % body.size();
      if (rng() % 3 == 0)
        body.insert(at, body.substr(from, rng() % 20));
      else if (rng() % 2 == 0)
        body.erase(at, rng() % 4);
      else
        body[at] = kBytes[rng() % kBytes.size()];
    }
    if (!is_valid_utf8(body)) continue;  // refused before
    const VendorEvents events = read(sample, body);
    for (const std::string& event : events.events) {
      if (!why_no_object(event).empty()) continue;
      std::string line;
      append_wrapped(head, event, line);
      line.pop_back();
      ASSERT_EQ(line.find_first_of("\r\n"), std::string::npos) << body;
      if ((*check)->check(line).kind == LineOutcome::Kind::set_aside) continue;
      ++taken;
      simdjson::ondemand::parser parser;
      const simdjson::padded_string padded(line);
      simdjson::ondemand::document document = parser.iterate(padded);
      std::string keys;
      for (auto field : document.get_object())
        keys += std::string(std::string_view(field.unescaped_key())) + " ";
      ASSERT_EQ(keys, "received door key tenant event ") << line;
    }
  }
  EXPECT_GT(taken, 1000U);
}

TEST(Segment, a_message_of_an_unknown_visitor_stays_that_whoever_it_comes_from_later) {
  RememberedMessages remembered;
  const Sample sample = {"/v1/t", "", read_segment};
  const auto body = [](const std::string& who, const std::string& id) {
    return R"({"event":"E","anonymousId":"a",)" + who + R"("messageId":")" + id + R"("})";
  };
  const VendorEvents first = read(sample, body("", "m1"), remembered);
  ASSERT_EQ(first.anonymous.size(), 1U);
  const std::string known = body(R"("userId":"u",)", "m1");
  EXPECT_NE(read(sample, known, remembered).events[0].find("external_id"), std::string::npos);
  remembered.add(first.anonymous[0]);
  EXPECT_EQ(read(sample, known, remembered).events[0], first.events[0]);
  EXPECT_NE(read(sample, body(R"("userId":"u",)", "m2"), remembered).events[0], first.events[0]);
}

TEST(Segment, the_newest_messages_are_remembered) {
  RememberedMessages remembered;
  const auto mark = [](int n) { return RememberedMessages::mark("t", "a", std::to_string(n)); };
  EXPECT_FALSE(remembered.has(mark(0)));
  constexpr int kMessages = 100'000;  // well below the bound, so none falls out
  for (int n = 0; n < kMessages; ++n) remembered.add(mark(n));
  for (int n = 0; n < kMessages; ++n) ASSERT_TRUE(remembered.has(mark(n))) << n;
  EXPECT_FALSE(remembered.has(mark(kMessages)));
  EXPECT_NE(RememberedMessages::mark("t", "a", "1"), RememberedMessages::mark("t1", "a", ""));
}

TEST(Klaviyo, ids_of_metrics_stay_and_tell_nothing) {
  EXPECT_EQ(klaviyo_metric_id("acme", "Placed Order"), klaviyo_metric_id("acme", "Placed Order"));
  EXPECT_NE(klaviyo_metric_id("acme", "Placed Order"), klaviyo_metric_id("other", "Placed Order"));
  EXPECT_EQ(klaviyo_metric_id("acme", "M"), "7b2458e61755");  // as clients may have stored it
}

TEST(WebhookSecrets, are_kept_for_their_owner_alone_and_found_by_what_they_signed) {
  std::string folder = (std::filesystem::temp_directory_path() / "quipu-hooks-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(folder.data()));
  const std::string path = folder + "/webhook_secrets";
  auto secrets = WebhookSecrets::open(path);
  ASSERT_TRUE(secrets.ok());
  EXPECT_EQ(*secrets->add("X.myshopify.com", "acme", "a\tb\n"), "s1");
  EXPECT_EQ(*secrets->add({}, {}, "app"), "s2");
  for (const char* bad : {"", "x", "a b.c", "../x.y", "x.y\n"})
    EXPECT_FALSE(secrets->add(bad, "acme", "s").ok()) << bad;
  EXPECT_FALSE(secrets->add({}, "acme", "").ok());
  EXPECT_FALSE(secrets->add({}, "a\nb", "s").ok());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);

  auto again = WebhookSecrets::open(path);
  ASSERT_TRUE(again.ok());
  const auto find = [&](const char* shop, const char* secret) {
    const WebhookSecret* found = again->find(shop, "body", shopify_signature(secret, "body"));
    return found ? found->id : "";
  };
  EXPECT_EQ(find("x.myshopify.com", "a\tb\n"), "s1");
  EXPECT_EQ(find("y.myshopify.com", "a\tb\n"), "");
  EXPECT_EQ(find("y.myshopify.com", "app"), "s2");
  EXPECT_EQ(find("x.myshopify.com", "other"), "");
  EXPECT_FALSE(again->find("x.myshopify.com", "body", ""));
  ASSERT_TRUE(secrets->revoke("s2").ok());
  EXPECT_FALSE(secrets->revoke("s3").ok());
  ASSERT_TRUE(again->reload_if_changed().ok());
  EXPECT_EQ(find("y.myshopify.com", "app"), "");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_FALSE(WebhookSecrets::open(path).ok());
  std::filesystem::remove_all(folder);
}

// RFC 4231, case 2.
TEST(Shopify, signs_as_the_rfc_says) {
  EXPECT_EQ(shopify_signature("Jefe", "what do ya want for nothing?"),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}

}  // namespace
}  // namespace quipu
