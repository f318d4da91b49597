// Small runs of a real engine that are asked questions: lines written by hand, plans that change
// from one run to the next.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "invariance/store_run.h"
#include "query/answer.h"

namespace quipu::test {

struct Line {
  std::string metric = "Opened", who = "ada", at = "2026-03-05T10:00:00Z", campaign = "",
              client = "", worth = "1";
  std::string more = "";  // fields as JSON, each with a comma before it

  std::string text(size_t id) const {
    const auto field = [](const char* name, const std::string& value) {
      return value.empty() ? "" : ",\"" + std::string(name) + "\":\"" + value + "\"";
    };
    return "{\"what\":\"" + metric + "\",\"id\":" + std::to_string(id) + ",\"at\":\"" + at + "\"" +
           field("who", who) + field("campaign", campaign) + field("client", client) +
           field("worth", worth) + more + "}\n";
  }
};

inline std::string plan_text(
    const std::string& count, const std::string& zone = "UTC",
    const std::string& properties = "campaign: /campaign, client: /client") {
  return "quipu: 1\nevent: {tenant: {const: shop}, metric: /what, profile: /who, id: /id, time: "
         "/at, values: {worth: /worth}}\nproperties: {" +
         properties + "}\ncalendars: {default: [{zone: " + zone + "}]}\ncount:\n" + count;
}

class SmallRuns : public testing::Test {
 protected:
  // Counts more lines under a plan, which may be another one than before.
  void count(const std::string& plan, const std::vector<Line>& lines) {
    std::string text;
    for (const Line& line : lines) text += line.text(next_id_++);
    const std::string input = folder_.path() + "/input" + std::to_string(next_id_) + ".jsonl";
    write_file(input, text);
    engine_.reset();
    EngineOptions options;
    options.data_folder = folder_.path() + "/store";
    options.memory_bytes = kMinMemoryBytes;
    options.shards = 3;
    options.store.element_bits = element_bits_;
    options.group_by = group_by_;
    auto parsed = Plan::parse(plan, "plan.yaml", folder_.path());
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    auto engine = Engine::open(std::move(*parsed), options);
    ASSERT_TRUE(engine.ok()) << engine.error().message;
    engine_ = std::move(*engine);
    auto summary = engine_->run({input}, {});
    ASSERT_TRUE(summary.ok()) << summary.error().message;
    ASSERT_EQ(summary->tallies.counted, lines.size());
  }

  Result<Answer> try_to_ask(const Question& question) {
    auto snapshot = engine_->store().snapshot();
    auto view = StoreView::open(engine_->catalogue(), *snapshot, engine_->store().hasher());
    if (!view.ok()) return view.error();
    return answer(**view, question);
  }
  Answer ask(const Question& question) {
    auto answered = try_to_ask(question);
    EXPECT_TRUE(answered.ok()) << answered.error().message;
    return answered.ok() ? std::move(*answered) : Answer();
  }
  std::string refused(const Question& question) {
    auto answered = try_to_ask(question);
    return answered.ok() ? "no error" : answered.error().message;
  }
  std::map<std::string, MetricLine> metrics() {
    auto snapshot = engine_->store().snapshot();
    auto view = StoreView::open(engine_->catalogue(), *snapshot, engine_->store().hasher());
    auto listed = list_metrics(**view, *engine_->catalogue().find_tenant("shop"));
    EXPECT_TRUE(listed.ok());
    std::map<std::string, MetricLine> by_name;
    for (const MetricLine& line : *listed) by_name[line.name] = line;
    return by_name;
  }

  TemporaryFolder folder_;
  GroupByOptions group_by_;
  std::unique_ptr<Engine> engine_;
  size_t next_id_ = 1;
  unsigned element_bits_ = 64;
};

inline Question about(const std::string& metric, const std::string& in,
                      std::vector<std::string> by = {}) {
  Question question;
  question.metric = metric;
  question.in = in;
  question.by = std::move(by);
  question.now_s = 1'800'000'000;
  return question;
}
inline std::map<std::vector<std::string>, uint64_t> counts(const Answer& a) {
  std::map<std::vector<std::string>, uint64_t> by;
  for (const Group& g : a.groups) {
    for (uint64_t n : g.count) by[g.by] += n;
  }
  return by;
}
inline std::string notes(const Answer& a) {
  std::string text;
  for (const std::string& note : a.notes) text += note + "\n";
  return text;
}

}  // namespace quipu::test
