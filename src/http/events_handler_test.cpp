// Requests to the handler alone, without a socket: who may do what, what is refused, and what gets
// into the journal.
#include "http/events_handler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "base/files.h"
#include "journal/segments.h"
#include "source/journal_source.h"

namespace quipu {
namespace {

constexpr char kPlan[] =
    "quipu: 1\n"
    "event: {tenant: /tenant, metric: /event/metric, profile: /event/who, id: /event/id, time: "
    "/event/time}\n"
    "count: [{metrics: \"*\", by: [[]]}]\n";
constexpr char kEvent[] =
    R"({"metric":"Opened","who":"ann","id":"1","time":"2026-03-05T10:00:00Z"})";
constexpr int64_t kNow_ms = 1772720400123;

using Headers = std::vector<std::pair<std::string, std::string>>;

class EventsHandlerTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = (std::filesystem::temp_directory_path() / "quipu-handler-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(root_.data()));
    auto journal = Journal::open(root_ + "/journal", 0, {});
    ASSERT_TRUE(journal.ok());
    journal_ = std::move(*journal);
    auto keys = ApiKeys::open(root_ + "/keys");
    ASSERT_TRUE(keys.ok());
    keys_.emplace(std::move(*keys));
    acme_ = *keys_->add("acme", true, true);
    reader_ = *keys_->add("acme", false, true);
    writer_ = *keys_->add("acme", true, false);
    all_ = *keys_->add(std::nullopt, true, true);
    begin({});
  }
  void TearDown() override {
    journal_->close();
    handler_.reset();
    journal_.reset();
    std::filesystem::remove_all(root_);
  }
  void begin(IntakeLimits limits) {
    handler_.reset();
    intake_.emplace(*journal_, metrics_, limits);
    auto kept = KeptRequests::open(root_ + "/requests", *journal_, kNow_ms / 1000);
    ASSERT_TRUE(kept.ok());
    kept_ = std::move(*kept);
    auto plan = Plan::parse(kPlan, "plan.yaml", ".");
    ASSERT_TRUE(plan.ok());
    auto check = LineCheck::open(*plan, "");
    ASSERT_TRUE(check.ok());
    handler_.emplace(*intake_, *kept_, *keys_, metrics_, std::move(*check));
    handler_->set_reads([this](ReadRequest asked, EventsHandler::Reply reply) {
      asked_ = std::move(asked);
      reply(Response());
    });
  }

  Response send(Request request) {
    const auto answer = std::make_shared<std::promise<Response>>();
    auto told = answer->get_future();
    handler_->handle(request, kNow_ms, [answer](Response r) { answer->set_value(std::move(r)); });
    if (told.wait_for(std::chrono::seconds(20)) == std::future_status::ready) return told.get();
    ADD_FAILURE() << request.path << " has no answer";
    return {};
  }
  Response post(const std::string& body, const std::string& key, Headers headers = {},
                const std::string& query = "") {
    Request request;
    request.method = "POST";
    request.path = "/v1/events";
    request.query = query;
    request.headers = std::move(headers);
    request.headers.emplace_back("authorization", "Bearer " + key);
    request.body = body;
    return send(std::move(request));
  }
  Response get(const std::string& path, const std::string& key, Headers headers = {},
               const std::string& query = "") {
    Request request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    request.headers = std::move(headers);
    if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
    return send(std::move(request));
  }
  // All lines of the journal.
  std::string lines() {
    const uint64_t end = journal_->durable().end;
    std::string text;
    auto source = open_journal_at(*journal_, 0, {});
    while ((*source)->position().bytes < end) text += (*source)->next()->text;
    return text;
  }

  std::string root_, acme_, reader_, writer_, all_;
  std::unique_ptr<Journal> journal_;
  ServerMetrics metrics_;
  std::optional<Intake> intake_;
  std::unique_ptr<KeptRequests> kept_;
  std::optional<ApiKeys> keys_;
  std::optional<EventsHandler> handler_;
  ReadRequest asked_;
};

TEST_F(EventsHandlerTest, a_key_writes_and_reads_what_it_may_for_its_tenant_alone) {
  EXPECT_EQ(post(kEvent, acme_).status, 200);
  EXPECT_EQ(post(kEvent, writer_).status, 200);
  EXPECT_EQ(post(kEvent, reader_).status, 403);
  EXPECT_EQ(post(kEvent, "quipu_k1_0").status, 401);
  EXPECT_EQ(post(kEvent, acme_ + "0").status, 401);
  EXPECT_EQ(post(kEvent, "").status, 401);
  EXPECT_EQ(post(kEvent, acme_, {{"quipu-tenant", "acme"}}).status, 200);
  for (const char* other : {"other", "acm", "acme2", "Acme", ""})
    EXPECT_EQ(post(kEvent, acme_, {{"quipu-tenant", other}}).status, 403) << other;
  EXPECT_EQ(post(kEvent, all_).status, 400) << "it names no tenant";
  EXPECT_EQ(post(kEvent, all_, {{"quipu-tenant", "x"}}).status, 200);
  EXPECT_EQ(post(kEvent, all_, {{"quipu-tenant", "x"}, {"quipu-tenant", "y"}}).status, 400);
  EXPECT_EQ(post(kEvent, all_, {{"quipu-tenant", "a\x7f"}}).status, 400);
  EXPECT_EQ(post(kEvent, all_, {{"quipu-tenant", ""}}).status, 400);
  EXPECT_EQ(post(kEvent, acme_, {{"authorization", "Bearer " + all_}}).status, 401) << "two keys";
  const std::string text = lines();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_EQ(text.find("\"tenant\":\"other\""), std::string::npos);

  EXPECT_EQ(get("/v1/query", reader_).status, 200);
  EXPECT_EQ(asked_.tenant, "acme");
  EXPECT_FALSE(asked_.all_tenants);
  EXPECT_EQ(get("/v1/query", writer_).status, 403);
  EXPECT_EQ(get("/v1/query", "").status, 401);
  EXPECT_EQ(get("/v1/query", reader_, {{"quipu-tenant", "other"}}).status, 403);
  EXPECT_EQ(get("/v1/query", all_).status, 400) << "it names no tenant";
  EXPECT_EQ(get("/v1/query", all_, {{"quipu-tenant", "x"}}).status, 200);
  EXPECT_EQ(asked_.tenant, "x");
  EXPECT_TRUE(asked_.all_tenants);
  EXPECT_EQ(get("/v1/tenants", reader_).status, 403);
  EXPECT_EQ(get("/v1/tenants", all_).status, 200);
  EXPECT_EQ(get("/v1/status", all_).status, 200);
  EXPECT_EQ(asked_.tenant, std::nullopt);

  ASSERT_TRUE(keys_->revoke("k1").ok());
  EXPECT_EQ(post(kEvent, acme_).status, 401);
  EXPECT_EQ(get("/v1/query", acme_).status, 401);
  EXPECT_EQ(post(kEvent, writer_).status, 200);
}

TEST_F(EventsHandlerTest, figures_are_for_this_machine_or_a_key_that_reads_all_tenants) {
  Request request;
  request.method = "GET";
  request.path = "/metrics";
  request.from_loopback = true;
  EXPECT_EQ(send(request).status, 200);
  EXPECT_EQ(get("/metrics", "").status, 401);
  EXPECT_EQ(get("/metrics", reader_).status, 403);
  EXPECT_EQ(get("/metrics", all_).status, 200);
  const std::string writes_all = *keys_->add(std::nullopt, true, false);
  EXPECT_EQ(get("/metrics", writes_all).status, 403);
}

TEST_F(EventsHandlerTest, a_body_is_packed_once_at_most_and_in_a_way_that_is_known) {
  EXPECT_EQ(post(kEvent, acme_, {{"content-encoding", "identity"}}).status, 200);
  EXPECT_EQ(post(kEvent, acme_, {{"content-encoding", ""}}).status, 200);
  EXPECT_EQ(post(kEvent, acme_, {{"content-encoding", "br"}}).status, 415);
  EXPECT_EQ(post(kEvent, acme_, {{"content-encoding", "gzip"}}).status, 400) << "it is none";
  const Headers twice = {{"content-encoding", "identity"}, {"content-encoding", "gzip"}};
  EXPECT_EQ(post(kEvent, acme_, twice).status, 415);
}

TEST_F(EventsHandlerTest, a_request_is_taken_whole_or_not_at_all_and_each_bad_event_is_named) {
  const std::string bad = R"({"metric":"Opened","who":"ann","id":"2"})";
  const Response refused = post(kEvent + std::string("\n") + bad + "\n17\n", acme_);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("2 of 3 are bad\",\"accepted\":0"), std::string::npos);
  EXPECT_NE(refused.body.find("{\"index\":1,\"field\":\"/time\",\"reason\":\"time_missing\""),
            std::string::npos)
      << refused.body;
  EXPECT_NE(refused.body.find("{\"index\":2,\"field\":\"\",\"reason\":\"not_json\""),
            std::string::npos)
      << refused.body;
  EXPECT_EQ(journal_->durable().end, 0u);

  std::string many;
  for (size_t i = 0; i <= kMaxFaultsShown; ++i) many += "17\n";
  const Response shown = post(many, acme_);
  const std::string last = "{\"index\":" + std::to_string(kMaxFaultsShown - 1) + ",";
  EXPECT_NE(shown.body.find(last), std::string::npos);
  EXPECT_EQ(shown.body.find("{\"index\":" + std::to_string(kMaxFaultsShown)), std::string::npos);

  EXPECT_EQ(post("", acme_).body, "{\"accepted\":0}\n");
  EXPECT_EQ(post("[]", acme_).body, "{\"accepted\":0}\n");
  const std::string two = "[" + std::string(kEvent) + "," + kEvent + "]";
  EXPECT_EQ(post(two, acme_).body, "{\"accepted\":2}\n");
  EXPECT_EQ(post(two + "[]", acme_).status, 400) << "something follows";
  EXPECT_EQ(post(kEvent, acme_, {}, "wait=never").status, 400);
  EXPECT_EQ(post(kEvent, acme_, {}, "wait=counted&x=1").status, 400);
}

TEST_F(EventsHandlerTest, an_event_is_as_long_as_the_line_around_it_allows) {
  Envelope envelope{kNow_ms, "k1", "acme"};
  const size_t most = kMaxLineBytes - envelope_head(envelope).size() - 2;
  const auto of_size = [](size_t size) {
    std::string event = kEvent;
    event.insert(event.size() - 1, ",\"more\":\"\"");
    event.insert(event.size() - 2, size - event.size(), 'x');
    return event;
  };
  const Response longer = post(of_size(most + 1), acme_);
  EXPECT_EQ(longer.status, 400);
  EXPECT_NE(longer.body.find("line_too_long"), std::string::npos);
  EXPECT_NE(longer.body.find("an event may have " + std::to_string(most) + " bytes"),
            std::string::npos)
      << longer.body;
  EXPECT_EQ(post(of_size(most), acme_).status, 200);
  EXPECT_EQ(lines().size(), kMaxLineBytes - 1 + 1);
}

TEST_F(EventsHandlerTest, a_request_that_comes_again_is_answered_and_not_taken) {
  const std::string two = "[" + std::string(kEvent) + "," + kEvent + "]";
  const Headers named = {{"idempotency-key", "a"}};
  EXPECT_EQ(post(two, acme_, named).body, "{\"accepted\":2}\n");
  const std::string text = lines();
  const std::string mark(request_mark_of(text));
  ASSERT_TRUE(RequestMark::parse(mark)) << "the first of its lines tells";
  EXPECT_EQ(RequestMark::parse(mark)->events, 2u);
  EXPECT_EQ(request_mark_of(text.substr(text.find('\n') + 1)), "");
  EXPECT_EQ(post(two, acme_, named).body, "{\"accepted\":2}\n");
  EXPECT_EQ(post(kEvent, acme_, named).status, 422);
  EXPECT_EQ(lines(), text);
  EXPECT_EQ(post(two, writer_, named).status, 200) << "another key's";
  EXPECT_GT(lines().size(), text.size());

  const auto with = [](size_t size) {
    return Headers{{"idempotency-key", std::string(size, 'k')}};
  };
  EXPECT_EQ(post(kEvent, acme_, with(kMaxRequestKeyBytes)).status, 200);
  EXPECT_EQ(post(kEvent, acme_, with(kMaxRequestKeyBytes + 1)).status, 400);
  EXPECT_EQ(post(kEvent, acme_, with(0)).status, 400);
  EXPECT_EQ(post(kEvent, acme_, {{"idempotency-key", "b"}, {"idempotency-key", "b"}}).status, 400);
}

TEST_F(EventsHandlerTest, a_request_that_found_no_room_is_taken_when_it_comes_again) {
  TearDown();
  ASSERT_EQ(::mkdir(root_.c_str(), 0700), 0);
  JournalOptions options;
  options.max_in_flight = 200;
  auto journal = Journal::open(root_ + "/journal", 0, options);
  ASSERT_TRUE(journal.ok());
  journal_ = std::move(*journal);
  begin({});
  const std::string two = "[" + std::string(kEvent) + "," + kEvent + "]";
  const Headers named = {{"idempotency-key", "a"}};
  for (int i = 0; i < 2; ++i) {
    const Response full = post(two, acme_, named);
    EXPECT_EQ(full.status, 503) << "more than may be on its way: " << i;
    EXPECT_TRUE(full.retry_after);
  }
  EXPECT_EQ(journal_->durable().end, 0u);
}

TEST_F(EventsHandlerTest, a_key_beyond_its_rate_waits_as_long_as_its_events_take) {
  IntakeLimits limits;
  limits.rates.each = 1;
  begin(limits);
  std::string body = "[" + std::string(kEvent);
  for (int i = 1; i < 30 + int(kRateBurst_s); ++i) body += "," + std::string(kEvent);
  EXPECT_EQ(post(body + "]", acme_).status, 200) << "more than it saved, and it waits for that";
  const Response refused = post(kEvent, acme_);
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.retry_after);
  EXPECT_GE(refused.retry_after_s, 25);
  EXPECT_LE(refused.retry_after_s, 30);
  const std::string head = response_text(refused, true, false);
  EXPECT_NE(head.find("\r\nRetry-After: " + std::to_string(refused.retry_after_s) + "\r\n"),
            std::string::npos);
  EXPECT_EQ(post(kEvent, writer_).status, 200) << "another key";
}

TEST_F(EventsHandlerTest, is_ready_unless_something_keeps_all_events_out) {
  const auto ready = [&] {
    const Response r = get("/readyz", "");
    return std::to_string(r.status) + " " + r.body;
  };
  EXPECT_EQ(ready(), "200 {\"status\":\"ready\",\"behind_bytes\":0}\n");
  EXPECT_EQ(post(kEvent, acme_).status, 200);
  const std::string behind = std::to_string(journal_->durable().end);
  EXPECT_EQ(ready(), "200 {\"status\":\"ready\",\"behind_bytes\":" + behind + "}\n");

  IntakeLimits limits;
  limits.behind_bytes = journal_->durable().end;
  begin(limits);
  intake_->counted_to(0);
  EXPECT_EQ(ready().substr(0, 3), "200") << "exactly at the bound";
  limits.behind_bytes -= 1;
  begin(limits);
  EXPECT_EQ(ready(), "503 {\"status\":\"counting is behind\",\"behind_bytes\":" + behind + "}\n");
  const Response refused = post(kEvent, acme_);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.retry_after_s, kBehindRetry_s);

  IntakeLimits full;
  full.free_bytes = std::filesystem::space(root_).available / 2;
  begin(full);
  EXPECT_EQ(ready().substr(0, 3), "200") << "bytes, not blocks";
  full.free_bytes = ~uint64_t(0);
  begin(full);
  EXPECT_EQ(ready().substr(0, 3), "503");
  EXPECT_EQ(post(kEvent, acme_).status, 503);
}

TEST_F(EventsHandlerTest, an_etag_is_that_of_all_of_the_answer) {
  Response answer;
  answer.body = "{}\n";
  const Response first = with_etag(answer, "");
  EXPECT_EQ(first.status, 200);
  const std::string tag = first.own_headers.substr(6, first.own_headers.find('\r') - 6);
  EXPECT_EQ(with_etag(answer, tag).status, 304);
  EXPECT_EQ(with_etag(answer, tag).body, "");
  EXPECT_EQ(with_etag(answer, "\"x\", " + tag).status, 304);
  EXPECT_EQ(with_etag(answer, "*").status, 304);
  EXPECT_EQ(with_etag(answer, "\"x\"").status, 200);
  EXPECT_EQ(with_etag(answer, tag.substr(0, tag.size() - 2) + "\"").status, 200);
  Response other = answer;
  other.body = "{} \n";
  EXPECT_EQ(with_etag(other, tag).status, 200);
  other = error_response(404, "no");
  EXPECT_EQ(with_etag(other, "*").status, 404);
}

TEST_F(EventsHandlerTest, what_was_saved_of_requests_never_goes_back) {
  ASSERT_TRUE(kept_->save(0).ok());
  EXPECT_EQ(post(kEvent, acme_, {{"idempotency-key", "a"}}).status, 200);
  const uint64_t end = journal_->durable().end;
  ASSERT_TRUE(kept_->save(end).ok());
  ASSERT_TRUE(kept_->save(end - 1).ok());
  EXPECT_EQ(kept_->saved(), end);
  EXPECT_EQ(KeptRequests::open(root_ + "/requests", *journal_, kNow_ms / 1000).value()->saved(),
            end);
}

TEST(EventLines, AreAsManyAsARequestMayHaveAndNoMore) {
  std::string lines, array;
  for (size_t i = 0; i < kMaxEventsARequest; ++i) lines += "1\n", array += ",1";
  array[0] = '[';
  EXPECT_EQ(split_events(lines)->size(), kMaxEventsARequest);
  EXPECT_EQ(split_events(array + "]")->size(), kMaxEventsARequest);
  EXPECT_FALSE(split_events(lines + "1").ok());
  EXPECT_FALSE(split_events(array + ",1]").ok());
  EXPECT_TRUE(split_events(lines + "\n \n").ok()) << "blank lines are none";
}

TEST(Figures, are_of_events_not_of_requests) {
  ServerMetrics metrics;
  metrics.accepted("http", 3);
  metrics.accepted("http", 4);
  metrics.fresh(0.5, 2);  // exactly a bound
  metrics.fresh(2.25, 4);
  metrics.answered("/v1/events", 200, 0.001);
  metrics.answered("/v1/events", 503, 0.002);
  const std::string text = metrics.text();
  for (const char* line :
       {"quipu_events_accepted_total{door=\"http\"} 7\n", "quipu_freshness_seconds_count 6\n",
        "quipu_freshness_seconds_sum 10\n", "quipu_freshness_seconds_bucket{le=\"0.25\"} 0\n",
        "quipu_freshness_seconds_bucket{le=\"0.5\"} 2\n",
        "quipu_freshness_seconds_bucket{le=\"2\"} 2\n",
        "quipu_freshness_seconds_bucket{le=\"3\"} 6\n",
        "quipu_http_requests_total{route=\"/v1/events\",status=\"200\"} 1\n",
        "quipu_http_requests_total{route=\"/v1/events\",status=\"503\"} 1\n",
        "quipu_http_request_duration_seconds_count{route=\"/v1/events\"} 2\n",
        "quipu_http_request_duration_seconds_bucket{route=\"/v1/events\",le=\"0.001\"} 1\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

// A figure of several sources is one family: readers of the format take no second one of its name.
TEST(Figures, of_one_name_are_one_family_in_whatever_order_they_are_told) {
  ServerMetrics metrics;
  metrics.read([](std::vector<Reading>& to) {
    for (const char* source : {"a", "b"}) {
      to.push_back({"quipu_up", "Up", Reading::Kind::gauge, "source", source, 1});
      to.push_back({"quipu_lines_total", "Lines", Reading::Kind::counter, "source", source, 5});
    }
  });
  const std::string text = metrics.text();
  for (const char* name : {"quipu_up", "quipu_lines_total"}) {
    const std::string type = "# TYPE " + std::string(name) + " ";
    const size_t first = text.find(type);
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(text.find(type, first + 1), std::string::npos) << text;
    EXPECT_NE(text.find(std::string(name) + "{source=\"b\"}"), std::string::npos);
  }
}

}  // namespace
}  // namespace quipu
