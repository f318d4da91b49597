// `quipu init` on the kinds of data that people have: each guess is a plan that counts the sample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/plan_commands.h"
#include "cli/test_console.h"
#include "engine/engine.h"

namespace quipu::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// A sample, the plan guessed from it, and what that counts of the sample.
struct Guessed {
  std::string text;
  Plan plan;
  uint64_t read = 0, counted = 0;
  std::vector<std::string> properties;
};

Guessed guessed(const std::string& name, const std::string& lines) {
  ScratchFolder folder;
  Arguments arguments;
  arguments.sample = folder.write(name, lines);
  const Printed printed =
      printed_by([&](const Console& console) { return init_command(arguments, console); });
  EXPECT_EQ(printed.status, kExitDone) << printed.err;
  Guessed result;
  result.text = printed.out;
  auto plan = Plan::parse(printed.out, "plan.yaml", ".");
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message) << printed.out;
  if (!plan.ok()) return result;
  result.plan = *plan;
  for (const Property& p : plan->properties) result.properties.push_back(p.path.text);
  EngineOptions options;
  options.data_folder = folder.path() + "/store";
  options.memory_bytes = size_t(256) << 20;
  options.shards = 1;
  auto engine = Engine::open(std::move(*plan), options);
  EXPECT_TRUE(engine.ok());
  auto summary = (*engine)->run({arguments.sample}, {});
  EXPECT_TRUE(summary.ok()) << (summary.ok() ? "" : summary.error().message);
  if (summary.ok()) result.read = summary->tallies.read, result.counted = summary->tallies.counted;
  return result;
}

TEST(InitKinds, WebServersLogs) {
  const std::string common =
      "1.2.3.4 - ann [10/Mar/2026:13:55:36 +0100] \"GET /a?x=1 HTTP/1.1\" 200 2326";
  const Guessed combined =
      guessed("access.log", common + " \"http://a.example/\" \"Mozilla/5.0 (X11)\"\n" +
                                "::1 - - [10/Mar/2026:13:55:38 +0100] \"-\" 400 0 \"-\" \"-\"\n");
  EXPECT_TRUE(combined.plan.input.combined_log);
  EXPECT_EQ(combined.plan.profile.paths.at(0).text, "/host");
  EXPECT_EQ(combined.counted, 2u);
  EXPECT_THAT(combined.properties,
              UnorderedElementsAre("/path", "/status", "/method", "/referer", "/agent"));
  EXPECT_THAT(guessed("access.log", common + "\n").properties,
              UnorderedElementsAre("/path", "/status", "/method"));
}

TEST(InitKinds, TablesWithoutAHeader) {
  std::string lines;
  for (int i = 0; i < 60; ++i) {
    lines += std::to_string(1000 + i) + ",p" + std::to_string(i % 25) + "@x.example,2026-03-0" +
             std::to_string(1 + i % 9) + " 10:00:00," + (i % 3 ? "Bought" : "Sold") + ",1." +
             std::to_string(i % 10) + "0,town " + std::to_string(i % 20) + "\n";
  }
  const Guessed table = guessed("table.csv", lines);
  EXPECT_FALSE(table.plan.input.header);
  EXPECT_EQ(table.plan.time.path.text, "/2");
  EXPECT_EQ(table.plan.metric.paths.at(0).text, "/3");
  EXPECT_EQ(table.plan.profile.paths.at(0).text, "/1");
  EXPECT_THAT(table.properties, UnorderedElementsAre("/5"));
  EXPECT_THAT(table.text, HasSubstr("column_5: \"/5\""));
  EXPECT_EQ(table.counted, 60u);
}

TEST(InitKinds, DatesOfMails) {
  const Guessed mails = guessed(
      "mails.jsonl",
      "{\"Date\":\"Tue, 10 Mar 2026 13:55:36 +0100\",\"From\":\"ann@x.example\",\"list\":\"dev\"}\n"
      "{\"Date\":\"Wed, 1 Apr 2026 13:55:36 "
      "-0700\",\"From\":\"bob@x.example\",\"list\":\"user\"}\n");
  EXPECT_EQ(mails.plan.time.format, "%a, %d %b %Y %H:%M:%S %z");
  EXPECT_EQ(mails.plan.profile.paths.at(0).text, "/From");
  EXPECT_EQ(mails.counted, 2u);
}

TEST(InitKinds, DatesOfTheUnitedStates) {
  const std::string head = "date,person,kind\n";
  const Guessed clear =
      guessed("us.csv", head + "03/10/2026 13:55,ann,a\n12/31/2025 09:05,bob,b\n");
  EXPECT_EQ(clear.plan.time.format, "%m/%d/%Y %H:%M");
  EXPECT_THAT(clear.text, Not(HasSubstr("day before the month")));
  EXPECT_EQ(clear.counted, 2u);
  // Where both readings fit, the text says so; where only the other does, it is taken.
  EXPECT_THAT(guessed("us.csv", head + "03/10/2026,ann,a\n04/10/2026,bob,b\n").text,
              HasSubstr("day before the month"));
  EXPECT_EQ(guessed("eu.csv", head + "31/03/2026,ann,a\n04/10/2026,bob,b\n").plan.time.format,
            "%d/%m/%Y");
}

TEST(InitKinds, SecondsThatAreNamedCreated) {
  const Guessed charges = guessed("charges.jsonl",
                                  "{\"created\":1772358000,\"customer\":\"c1\",\"type\":\"charge\","
                                  "\"object\":\"event\",\"amount\":100}\n"
                                  "{\"created\":1772358100,\"customer\":\"c2\",\"type\":\"refund\","
                                  "\"object\":\"event\",\"amount\":200}\n");
  EXPECT_EQ(charges.plan.time.path.text, "/created");
  EXPECT_EQ(charges.plan.time.unit, TimeUnit::s);
  EXPECT_EQ(charges.counted, 2u);
}

TEST(InitKinds, AMetricThatVariesBeatsOneThatIsAlwaysTheSame) {
  const Guessed events =
      guessed("events.jsonl",
              "{\"time\":\"2026-03-01\",\"event\":\"event\",\"type\":\"charge\"}\n"
              "{\"time\":\"2026-03-01\",\"event\":\"event\",\"type\":\"refund\"}\n");
  EXPECT_EQ(events.plan.metric.paths.at(0).text, "/type");
}

TEST(InitKinds, PeopleAsMixpanelAndGoogleNameThem) {
  const Guessed mixpanel =
      guessed("mix.jsonl",
              "{\"event\":\"Signup\",\"properties\":{\"time\":1772358000,\"distinct_id\":\"u1\","
              "\"$insert_id\":\"a1\",\"$browser\":\"Chrome\"}}\n"
              "{\"event\":\"Login\",\"properties\":{\"time\":1772358100,\"distinct_id\":\"u2\","
              "\"$insert_id\":\"a2\",\"$browser\":\"Safari\"}}\n");
  EXPECT_EQ(mixpanel.plan.profile.paths.at(0).text, "/properties/distinct_id");
  EXPECT_EQ(mixpanel.plan.id.paths.at(0).text, "/properties/$insert_id");
  EXPECT_THAT(mixpanel.properties, UnorderedElementsAre("/properties/$browser"));
  const Guessed google =
      guessed("ga4.jsonl",
              "{\"event_timestamp\":\"1772358000000000\",\"event_name\":\"page_view\","
              "\"user_pseudo_id\":\"1.2\",\"geo\":{\"country\":\"DE\"}}\n"
              "{\"event_timestamp\":\"1772358001000000\",\"event_name\":\"purchase\","
              "\"user_pseudo_id\":\"1.3\",\"geo\":{\"country\":\"FR\"}}\n");
  EXPECT_EQ(google.plan.profile.paths.at(0).text, "/user_pseudo_id");
  EXPECT_EQ(google.plan.time.unit, TimeUnit::us);
  EXPECT_EQ(google.counted, 2u);
}

TEST(InitKinds, PeopleAreNoProperties) {
  const Guessed events = guessed(
      "events.jsonl",
      "{\"time\":\"2026-03-01\",\"user_id\":\"u1\",\"username\":\"ann\",\"reply\":\"a@x.example\","
      "\"plan\":\"free\"}\n"
      "{\"time\":\"2026-03-02\",\"user_id\":\"u2\",\"username\":\"bob\",\"reply\":\"b@x.example\","
      "\"plan\":\"paid\"}\n");
  EXPECT_THAT(events.properties, UnorderedElementsAre("/plan"));
  EXPECT_THAT(events.text, HasSubstr("# of people, so not counted by: /username, /reply"));
}

TEST(InitKinds, TheGuessAnswersFirstQuestions) {
  std::string lines;
  for (int i = 0; i < 100; ++i) {
    lines += "{\"time\":\"2026-03-01\",\"event\":\"e" + std::to_string(i % 2) + "\",\"a\":\"a" +
             std::to_string(i % 3) + "\",\"b\":\"b" + std::to_string(i % 4) + "\",\"c\":\"c" +
             std::to_string(i % 5) + "\",\"d\":\"d" + std::to_string(i % 6) + "\"}\n";
  }
  const Guessed events = guessed("events.jsonl", lines);
  const auto& dimensions = events.plan.sections_of("e0").at(0).dimensions;
  EXPECT_TRUE(dimensions.at(0).properties.empty() && dimensions.at(0).lifetime);
  EXPECT_EQ(std::count_if(dimensions.begin(), dimensions.end(),
                          [](const PlannedDimension& d) { return d.properties.size() == 2; }),
            2);
}

TEST(InitKinds, ASampleThatIsOnlyABeginningIsCalledSo) {
  std::string lines = "time,kind\n";
  for (int i = 0; i < 12000; ++i) lines += "2026-03-01,k" + std::to_string(i % 3) + "\n";
  EXPECT_THAT(guessed("long.csv", lines).text, HasSubstr("its first 9,999 lines"));
  EXPECT_THAT(guessed("short.csv", lines.substr(0, 2000)).text, Not(HasSubstr("its first")));
}

TEST(InitKinds, WithoutATimeAPlanToBeCompletedNamesTheFields) {
  ScratchFolder folder;
  Arguments arguments;
  arguments.sample = folder.write(
      "none.jsonl", "{\"user\":\"ann\",\"n\":1,\"date\":\"soon\",\"note\":\"x\",\"ok\":true}\n");
  const Printed printed =
      printed_by([&](const Console& console) { return init_command(arguments, console); });
  EXPECT_EQ(printed.status, kExitError);
  EXPECT_THAT(printed.err, HasSubstr("no field of the sample reads as a time"));
  for (const char* word :
       {"/user: 1 value; a person", "/n: 1 value, numbers", "/date: 1 value; named",
        "/note: 1 value, texts", "/ok: 1 value, yes or no"})
    EXPECT_THAT(printed.out, HasSubstr(word));
  EXPECT_TRUE(Plan::parse(printed.out, "plan.yaml", ".").ok()) << printed.out;
}

}  // namespace
}  // namespace quipu::test
