// `quipu check`: what it says of plans and samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/plan_commands.h"
#include "cli/test_console.h"

namespace quipu::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPlan[] = R"(quipu: 1
event: {tenant: /shop, metric: /what, profile: /who, id: /id, time: /at, values: {worth: /worth}}
properties: {colour: /colour, size: /size, tag: /tags, number: /number, gone: /gone}
calendars: {default: [{zone: UTC}, {name: india, zone: Asia/Kolkata, week_start: sunday}]}
count:
  - {metrics: "*", by: [[], colour, [colour, size], tag, number, gone], sum: [worth]}
  - {metrics: [Bought], together: Money, by: [[]]}
  - {metrics: [Never], by: [size]}
)";

std::string event(int n, const std::string& more = "") {
  return "{\"shop\":\"s\",\"what\":\"Bought\",\"who\":\"p" + std::to_string(n % 9) +
         "\",\"id\":" + std::to_string(n) +
         ",\"at\":\"2026-03-01T20:00:00Z\",\"worth\":1.5,\"colour\":\"red\",\"size\":2,\"tags\":["
         "\"x\",\"y\",\"x\"],\"number\":" +
         std::to_string(n) + more + "}\n";
}

Printed check(const std::string& plan, const std::string& sample = "", size_t show = 0) {
  Arguments arguments;
  arguments.plan = plan;
  arguments.sample = sample;
  arguments.show = show;
  return printed_by([&](const Console& console) { return check_command(arguments, console); });
}

TEST(Check, NamesFileLineAndKeyOfWhatIsWrong) {
  ScratchFolder folder;
  EXPECT_EQ(check(folder.path() + "/none.yaml").status, kExitUsage);
  const Printed wrong = check(folder.write("bad.yaml", "quipu: 1\nevents: {}\ncount: []\n"));
  EXPECT_EQ(wrong.status, kExitUsage);
  EXPECT_THAT(wrong.err, HasSubstr("bad.yaml:2:"));
  EXPECT_THAT(wrong.err, HasSubstr("did you mean \"event\""));
  EXPECT_EQ(wrong.out, "");
}

TEST(Check, AGoodPlanAloneIsListed) {
  ScratchFolder folder;
  const Printed printed = check(folder.write("plan.yaml", kPlan));
  EXPECT_EQ(printed.status, kExitDone) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("a good plan; 5 properties"));
  EXPECT_THAT(printed.out, ::testing::ContainsRegex("Money +together +1 +\\[\\]"));
  EXPECT_THAT(printed.out, ::testing::ContainsRegex("Never +metric +7 "));
  EXPECT_THAT(printed.out, ::testing::ContainsRegex("other metrics\\) +metric +6 "));
}

TEST(Check, ShowsFieldsBucketsAndCountersOfEvents) {
  ScratchFolder folder;
  const Printed printed = check(folder.write("plan.yaml", kPlan),
                                folder.write("sample.jsonl", "\n" + event(1) + event(2)), 1);
  EXPECT_EQ(printed.status, kExitDone) << printed.err << printed.out;
  EXPECT_THAT(printed.out, HasSubstr("event 1 (line 2)"));
  EXPECT_THAT(printed.out, Not(HasSubstr("event 2")));
  for (const char* field : {"tenant +/shop +s", "metric +/what +Bought", "profile +/who +p1",
                            "worth +/worth +1.5", "colour +/colour +red", "tag +/tags +x \\| y"}) {
    EXPECT_THAT(printed.out, ::testing::ContainsRegex(field));
  }
  EXPECT_THAT(printed.out,
              ::testing::ContainsRegex(
                  "UTC +2026-03-01T20:00:00\\+00:00 +2026-03-01 +2026-02-23 +2026-03\n"));
  EXPECT_THAT(printed.out,
              ::testing::ContainsRegex("india \\(Asia/Kolkata\\) +2026-03-02T01:00:00\\+05:30 "
                                       "+2026-03-02 +2026-03-01 +2026-03\n"));
  // [], colour, [colour, size], two tags, number, gone (empty) make seven; Money one more.
  EXPECT_THAT(
      printed.out,
      HasSubstr(
          "counts as Bought in 7 counters: [] [colour] [colour, size] [tag] x 2 [number] [gone]"));
  EXPECT_THAT(printed.out, HasSubstr("counts as Money in 1 counter: []"));
  EXPECT_THAT(printed.out, HasSubstr("about 8 counters an event"));
  EXPECT_THAT(printed.out,
              HasSubstr("2 read = 2 counted + 0 duplicate + 0 set aside + 0 unplanned"));
}

TEST(Check, WarnsOfWhatIsEmptyOrNearlyAlwaysDifferent) {
  ScratchFolder folder;
  std::string lines;
  for (int n = 0; n < 12000; ++n) lines += event(n);
  const Printed printed =
      check(folder.write("plan.yaml", kPlan), folder.write("sample.jsonl", lines));
  EXPECT_THAT(printed.out,
              HasSubstr("property gone: empty in 100% of the events; is /gone right?"));
  EXPECT_THAT(printed.out, HasSubstr("property number: 12,000 values in 12,000 events"));
  EXPECT_THAT(printed.out, Not(HasSubstr("property colour")));
  EXPECT_THAT(printed.out, Not(HasSubstr("set aside:")));
}

TEST(Check, CountsDuplicatesAndTellsWhyLinesAreSetAside) {
  ScratchFolder folder;
  const std::string sample = folder.write(
      "sample.jsonl", event(1) + event(1) + "{\"shop\":\"s\"}\nnonsense\n" + event(2, ",\"at\":1") +
                          "more nonsense\n" +
                          "{\"shop\":\"s\",\"what\":\"Bought\",\"at\":\"2150-01-01\"}\n");
  const Printed printed = check(folder.write("plan.yaml", kPlan), sample);
  EXPECT_EQ(printed.status, kExitSetAside);
  EXPECT_THAT(printed.out,
              HasSubstr("7 read = 2 counted + 1 duplicate + 4 set aside + 0 unplanned"));
  EXPECT_THAT(printed.out, HasSubstr("1 metric_missing, first line 3"));
  EXPECT_THAT(printed.out, HasSubstr("2 not_json, first line 4"));
  EXPECT_THAT(printed.out, HasSubstr("\n    nonsense\n"));
  EXPECT_THAT(printed.out, HasSubstr("1 duplicate_key, first line 5"));
  EXPECT_THAT(printed.out, HasSubstr("1 line: have a time in the future"));
}

TEST(Check, APropertyThatIsOnlyAConditionIsOfUse) {
  ScratchFolder folder;
  const std::string plan =
      folder.write("plan.yaml",
                   "quipu: 1\nevent: {tenant: {const: s}, metric: /what, time: /at}\nproperties: "
                   "{colour: /colour, size: /size}\n"
                   "count: [{metrics: [Bought], when: {colour: [red]}, by: [[]]}]\n");
  const Printed printed = check(plan, folder.write("sample.jsonl", event(1)));
  EXPECT_THAT(printed.out, Not(HasSubstr("property colour")));
  EXPECT_THAT(printed.out, HasSubstr("property size: no event counts by it"));
}

TEST(Check, ReadsDelimitedSamples) {
  ScratchFolder folder;
  const std::string plan = folder.write(
      "plan.yaml",
      "quipu: 1\ninput: {format: delimited}\nevent: {tenant: {const: s}, metric: /what, time: "
      "/at}\n"
      "properties: {colour: /colour}\ncount: [{metrics: [Bought], by: [[], colour]}]\n");
  const Printed printed =
      check(plan,
            folder.write(
                "sample.csv",
                "what,at,colour\nBought,2026-03-01,red\nSold,2026-03-01,red\nBought,2026-03-01\n"),
            3);
  EXPECT_THAT(printed.out,
              HasSubstr("3 read = 1 counted + 0 duplicate + 1 set aside + 1 unplanned"));
  EXPECT_THAT(printed.out, HasSubstr("1 wrong_field_count, first line 4"));
  EXPECT_THAT(printed.out, HasSubstr("counts as Bought in 2 counters: [] [colour]"));
}

}  // namespace
}  // namespace quipu::test
