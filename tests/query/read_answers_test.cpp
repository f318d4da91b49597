// Questions as they come over HTTP, to small runs of a real engine: what is given, in which form,
// and to whom.
#include "answers/read_answers.h"

#include "http/query_string.h"
#include "query/small_runs.h"

namespace quipu::test {
namespace {

class ReadAnswers : public SmallRuns {
 protected:
  Response get(const std::string& path, const std::string& query,
               const std::string& tenant = "shop") {
    Request request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    auto asked = read_request_of(request, "");
    EXPECT_TRUE(asked.ok()) << path << "?" << query;
    asked->tenant = tenant;
    PreparedView prepared(*engine_);
    auto view = prepared.now();
    EXPECT_TRUE(view.ok());
    return read_answer(prepared, **view, kept_, *asked);
  }
  // Campaigns c0 to c8 with 1 to 9 events, and d with 20.
  void count_campaigns() {
    std::vector<Line> lines;
    for (int c = 0; c < 10; ++c) {
      for (int i = 0; i < (c < 9 ? c + 1 : 20); ++i) {
        const std::string name = c < 9 ? "c" + std::to_string(c) : "d";
        lines.push_back({"Opened", "p" + std::to_string(i), "2026-03-05T10:00:00Z", name});
      }
    }
    count(plan_text("  - {metrics: \"*\", by: [[], campaign]}\n"), lines);
  }
  static bool holds(const Response& response, const std::string& text) {
    return response.body.find(text) != std::string::npos;
  }
  static std::string next_of(const Response& response) {
    const size_t begin = response.own_headers.find("Quipu-Next: ");
    if (begin == std::string::npos) return "";
    return response.own_headers.substr(begin + 12, response.own_headers.find('\r') - begin - 12);
  }

  KeptAnswers kept_;
};

TEST_F(ReadAnswers, ValuesArePickedByTheirBeginAndTellWhetherThereAreMore) {
  count_campaigns();
  const std::string path = "/v1/dimensions/campaign/values";
  const auto get_values = [&](const std::string& more) {
    return get(path, "metric=Opened&in=2026-03" + more);
  };
  const Response most = get_values("&limit=2");
  EXPECT_TRUE(holds(most,
                    "\"values\":[{\"value\":\"d\",\"count\":20},"
                    "{\"value\":\"c8\",\"count\":9}],\"more\":true"))
      << most.body;
  EXPECT_TRUE(holds(get_values("&limit=10"), "\"more\":false"));
  EXPECT_TRUE(holds(get_values("&limit=9"), "\"more\":true"));
  const Response begin = get_values("&prefix=c&limit=1");
  EXPECT_TRUE(holds(begin, "\"values\":[{\"value\":\"c8\",\"count\":9}],\"more\":true"))
      << begin.body;
  EXPECT_TRUE(holds(get_values("&prefix=c&limit=9"), "\"more\":false"));
  EXPECT_TRUE(holds(get_values("&prefix=c&limit=8"), "\"more\":true"));
  EXPECT_TRUE(holds(get_values("&prefix=8"), "\"values\":[],\"more\":false")) << "only a begin";
  EXPECT_EQ(get_values("&limit=1000").status, 200);
  EXPECT_EQ(get_values("&limit=1001").status, 400);
  EXPECT_EQ(get(path, "metric=Clicked").status, 404);
  EXPECT_EQ(get(path, "metric=Opened", "other").status, 404);
  for (const char* more : {"&by=campaign", "&sort=name", "&interval=day", "&versus=previous"})
    EXPECT_EQ(get_values(more).status, 400) << more;
}

TEST_F(ReadAnswers, PagesAreOfOneAnswerUntilItsLast) {
  count_campaigns();
  const std::string question = "metric=Opened&in=2026-03&by=campaign&sort=name&page_size=4";
  const Response first = get("/v1/query", question);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_TRUE(holds(first, "\"c3\"") && !holds(first, "\"c4\""));
  const std::string second_word = next_of(first);
  ASSERT_NE(second_word, "");
  EXPECT_TRUE(holds(first, "\"next\":\"" + second_word + "\"}\n"));
  const Response second = get("/v1/query", "cursor=" + second_word);
  EXPECT_TRUE(holds(second, "\"c4\"") && holds(second, "\"c7\"") && !holds(second, "\"c8\"") &&
              !holds(second, "\"c3\""));
  const Response third = get("/v1/query", "cursor=" + next_of(second));
  EXPECT_TRUE(holds(third, "\"c8\"") && holds(third, "\"d\"") && !holds(third, "\"c7\""));
  EXPECT_EQ(next_of(third), "");
  EXPECT_TRUE(holds(third, ",\"next\":null}\n"));
  EXPECT_EQ(get("/v1/query", "cursor=" + second_word).body, second.body) << "a page stays";
  EXPECT_EQ(get("/v1/query", "cursor=" + second_word, "other").status, 410) << "of another tenant";
  const std::string word = second_word.substr(0, second_word.find('.'));
  for (const std::string& wrong : {word, word + ".", word + ".10", word + ".99", word + ".4x",
                                   word + ".-4", "x" + word + ".4", std::string(".4")})
    EXPECT_EQ(get("/v1/query", "cursor=" + wrong).status, 410) << wrong;
  EXPECT_EQ(get("/v1/query", "cursor=" + second_word + "&metric=Opened").status, 400);
  // As many groups as a page has are one page.
  EXPECT_EQ(next_of(get("/v1/query", "metric=Opened&in=2026-03&by=campaign&page_size=10")), "");
  EXPECT_NE(next_of(get("/v1/query", "metric=Opened&in=2026-03&by=campaign&page_size=9")), "");
  // Lines of JSON have the cursor in the header alone.
  const Response rows =
      get("/v1/query", "metric=Opened&in=2026-03&by=campaign&page_size=4&format=ndjson");
  EXPECT_NE(next_of(rows), "");
  EXPECT_FALSE(holds(rows, "\"next\""));
}

TEST_F(ReadAnswers, EachFormHasItsTypeAndTheFirstPartOfAcceptSaysIt) {
  count(plan_text("  - {metrics: \"*\", by: [campaign]}\n"),
        {{"Opened", "ada", "2026-03-05T10:00:00Z", "=1+1"}});
  const std::string question = "metric=Opened&in=2026-03&by=campaign";
  const auto as = [&](const std::string& form) {
    return get("/v1/query", question + "&format=" + form);
  };
  EXPECT_EQ(as("csv").content_type, "text/csv; charset=utf-8");
  EXPECT_TRUE(holds(as("csv"), "\n=1+1,"));
  EXPECT_TRUE(holds(as("safe-csv"), "\n'=1+1,")) << as("safe-csv").body;
  EXPECT_EQ(as("safe-csv").content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(as("ndjson").content_type, "application/x-ndjson");
  EXPECT_EQ(as("table").content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(as("json").body, get("/v1/query", question).body);

  const auto form_of = [&](const char* accept, const char* query) {
    Request request;
    request.method = "GET";
    request.path = "/v1/query";
    request.query = query;
    request.headers = {{"accept", accept}};
    return read_request_of(request, "")->form;
  };
  EXPECT_EQ(form_of("text/csv, */*", ""), AnswerForm::csv);
  EXPECT_EQ(form_of("application/x-ndjson", ""), AnswerForm::ndjson);
  EXPECT_EQ(form_of("*/*", ""), AnswerForm::json);
  EXPECT_EQ(form_of("text/csv", "format=table"), AnswerForm::table) << "format goes before";
}

TEST_F(ReadAnswers, WhatIsNotThisTenantsIsNotThere) {
  const std::string plan = plan_text("  - {metrics: \"*\", by: [[]]}\n");
  count(plan, {{"Opened"}, {"Clicked"}});
  for (const char* metric : {"Bought", "opened", "Opene"})
    EXPECT_EQ(get("/v1/query", std::string("metric=") + metric).status, 404) << metric;
  EXPECT_EQ(get("/v1/query", "metric=Opened&in=2026-03").status, 200);
  EXPECT_EQ(get("/v1/query", "metric=Opened&in=2026-03", "other").status, 404);
  for (const char* other : {"other", "sho", "shop2", ""})
    EXPECT_EQ(get("/v1/query", "", other).status, 404) << other;
  EXPECT_EQ(get("/v1/query", "in=2026-03").status, 400);
  EXPECT_TRUE(holds(get("/v1/query", ""), "\"Clicked\""));
  const Response metrics = get("/v1/metrics", "");
  EXPECT_TRUE(holds(metrics, "\"tenant\":\"shop\""));
  EXPECT_TRUE(holds(metrics,
                    "\"name\":\"Clicked\",\"together\":false,\"count\":1,"
                    "\"partial\":false,\"first_day\":\"2026-03-05\","
                    "\"last_day\":\"2026-03-05\""))
      << metrics.body;
  EXPECT_TRUE(holds(get("/v1/metrics", "", "other"), "\"calendars\":[],\"metrics\":[]}"));
  EXPECT_EQ(get("/v1/metrics", "prefix=O").status, 400);
  const Response tenants = get("/v1/tenants", "prefix=sh");
  EXPECT_TRUE(holds(tenants, "\"tenants\":[{\"name\":\"shop\",")) << tenants.body;
  EXPECT_TRUE(holds(tenants, "\"more\":false"));
  EXPECT_TRUE(holds(get("/v1/tenants", "prefix=hop"), "\"tenants\":[],\"more\":false"));
  EXPECT_EQ(get("/v1/tenants", "name=shop").status, 400);
}

TEST(KeptAnswers, TheOldestGoWhenThereAreTooMany) {
  KeptAnswers kept;
  const auto keep = [&] {
    Answer answer;
    for (int g = 0; g < 3; ++g) {
      Group group;
      group.by = {std::to_string(g)};
      group.count = {1};
      answer.groups.push_back(group);
    }
    return kept.first_page("shop", std::move(answer), 2).next;
  };
  const std::string first = keep(), second = keep();
  EXPECT_NE(first, second);
  for (size_t i = 2; i < kMaxKeptAnswers; ++i) keep();
  EXPECT_TRUE(kept.page("shop", first));
  const std::string last = keep();
  EXPECT_FALSE(kept.page("shop", first));
  EXPECT_TRUE(kept.page("shop", second));
  const auto page = kept.page("shop", last);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->answer.groups.size(), 1u);
  EXPECT_EQ(page->answer.groups[0].by[0], "2");
  EXPECT_EQ(page->next, "");
}

TEST(KeptAnswers, TheOldestGoWhenTheyAreTooMuch) {
  KeptAnswers kept;
  const auto keep = [&](size_t bytes) {
    Answer answer;
    answer.groups.resize(2);
    answer.groups[0].count.resize(bytes / 8);
    return kept.first_page("shop", std::move(answer), 1).next;
  };
  const std::string first = keep(kMaxKeptBytes / 2), second = keep(kMaxKeptBytes / 4);
  EXPECT_TRUE(kept.page("shop", first));
  const std::string third = keep(kMaxKeptBytes / 2);
  EXPECT_FALSE(kept.page("shop", first));
  EXPECT_TRUE(kept.page("shop", second));
  EXPECT_TRUE(kept.page("shop", third));
}

}  // namespace
}  // namespace quipu::test
