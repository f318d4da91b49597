// `time: {first: [...]}`: the first path where something is gives the time, and only that.
#include <gtest/gtest.h>

#include "event/delimited_reader.h"
#include "event/plan_paths.h"
#include "event/test_decoder.h"

namespace quipu {
namespace {

std::string plan_text(const std::string& time, const std::string& input = "") {
  return "quipu: 1\n" + input + "event: {tenant: {const: t}, metric: {const: m}, time: " + time +
         "}\ncount: [{metrics: \"*\", by: [[]]}]\n";
}

TEST(TimeFirst, TheFirstPathWhereSomethingIsGivesTheTime) {
  TestDecoder d(plan_text("{first: [/a, /b/c, /d]}"));
  struct Case {
    std::string line, verdict, at;
  };
  const std::string early = "\"2026-03-01T10:00:00Z\"", late = "\"2026-03-02T10:00:00Z\"";
  for (const Case& c : std::vector<Case>{
           {"{\"a\":" + early + ",\"d\":" + late + "}", "event", "/a"},
           {"{\"d\":" + late + ",\"a\":" + early + "}", "event", "/a"},
           {"{\"a\":null,\"b\":{\"c\":" + early + "},\"d\":" + late + "}", "event", "/b/c"},
           {"{\"a\":\"\",\"d\":" + early + "}", "event", "/d"},
           {"{\"b\":{},\"d\":" + early + "}", "event", "/d"},
           {"{\"a\":\"soon\",\"d\":" + early + "}", "time_bad", "/a: "},
           {"{\"a\":{},\"d\":" + early + "}", "time_bad", "/a: "},
           {"{\"a\":true,\"d\":" + early + "}", "time_bad", "/a: "},
           {"{\"b\":{\"c\":\"soon\"},\"d\":" + early + "}", "time_bad", "/b/c: "},
           {"{\"a\":null,\"d\":\"\"}", "time_missing", "/a: "},
           {"{}", "time_missing", "/a: "},
           {"{\"a\":" + early + ",\"a\":" + early + "}", "duplicate_key", ""},
           {"{\"a\":" + early + ",\"d\":1,\"d\":2}", "event", "/a"}}) {
    EXPECT_EQ(d.verdict(c.line), c.verdict) << c.line;
    const LineOutcome outcome = d.decode(c.line);
    if (c.verdict == "event") {
      EXPECT_EQ(d.event().slot, 10 * 4) << c.line << ": of the first of March";
    } else {
      EXPECT_EQ(outcome.detail.rfind(c.at, 0), 0u) << c.line << ": " << outcome.detail;
    }
  }
}

TEST(TimeFirst, AllAreReadAlike) {
  TestDecoder d(plan_text("{first: [/ms, /also], unit: unix_ms}"));
  EXPECT_EQ(d.verdict("{\"also\":1772359200000}"), "event");
  EXPECT_EQ(d.event().slot, 10 * 4);
  EXPECT_EQ(d.verdict("{\"ms\":null,\"also\":\"2026-03-01T10:00:00Z\"}"), "event");
  EXPECT_EQ(d.verdict("{\"also\":\"soon\"}"), "time_bad");
}

TEST(TimeFirst, AHeaderNeedsOneOfThem) {
  const auto registry =
      test_registry(plan_text("{first: [/a, /b]}", "input: {format: delimited}\n"));
  PlanPaths paths(registry->plan().parsed);
  DelimitedReader reader(paths);
  EXPECT_TRUE(reader.set_header("b,c").ok());
  EXPECT_TRUE(reader.set_header("a,c").ok());
  EXPECT_FALSE(reader.set_header("c").ok());
}

TEST(TimeFirst, IsPartOfWhatAPlanReads) {
  const auto mapping = [](const std::string& time) {
    auto plan = Plan::parse(plan_text(time), "plan.yaml", ".");
    EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message);
    return plan.ok() ? plan->mapping_fingerprint() : "";
  };
  EXPECT_EQ(mapping("/a"), mapping("{first: [/a]}")) << "two ways to write one thing";
  const std::set<std::string> all = {mapping("/a"), mapping("{first: [/a, /b]}"),
                                     mapping("{first: [/b, /a]}"), mapping("{join: [/a, /b]}")};
  EXPECT_EQ(all.size(), 4u);
  for (const char* wrong : {"{first: []}", "{first: /a}", "{first: [/a], at: /b}", "{first: [a]}"})
    EXPECT_FALSE(Plan::parse(plan_text(wrong), "plan.yaml", ".").ok()) << wrong;
}

}  // namespace
}  // namespace quipu
