// `quipu init`: whatever the sample, the plan that is guessed is a good plan and counts it; or the
// error says what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/json_text.h"
#include "cli/plan_commands.h"
#include "cli/plan_guess.h"
#include "cli/test_console.h"
#include "engine/engine.h"
#include "event/sample.h"

namespace quipu::test {
namespace {

using ::testing::HasSubstr;

Printed init(const std::string& sample) {
  Arguments arguments;
  arguments.sample = sample;
  return printed_by([&](const Console& console) { return init_command(arguments, console); });
}

Plan parsed(const std::string& text) {
  auto plan = Plan::parse(text, "plan.yaml", ".");
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message) << "\n" << text;
  return plan.ok() ? std::move(*plan) : Plan();
}

// Counts the sample with the plan guessed from it.
Tallies counted(const ScratchFolder& folder, const std::string& sample, const std::string& plan) {
  static int stores = 0;
  EngineOptions options;
  options.data_folder = folder.path() + "/store" + std::to_string(stores++);
  options.memory_bytes = size_t(256) << 20;
  options.shards = 1;
  auto engine = Engine::open(parsed(plan), options);
  EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().message);
  if (!engine.ok()) return {};
  auto summary = (*engine)->run({sample}, {});
  EXPECT_TRUE(summary.ok()) << (summary.ok() ? "" : summary.error().message) << plan;
  return summary.ok() ? summary->tallies : Tallies();
}

TEST(Init, SaysOnWhatEachChoiceRests) {
  ScratchFolder folder;
  std::string lines;
  for (int i = 0; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    lines += "{\"account\":\"a" + std::to_string(i % 4) + "\",\"metric\":\"" +
             (i % 3 ? "Opened" : "Clicked") + "\",\"time\":\"2026-03-0" +
             std::to_string(1 + i % 9) + "T10:00:00Z\"," +
             (i % 25 ? "\"email\":\"u" + std::to_string(i % 300) + "@x.example\"," : "") +
             "\"message_id\":\"m" + n + "\",\"properties\":{\"campaign\":\"c" +
             std::to_string(i % 20) + "\",\"revenue\":" + n + ".5,\"tags\":[\"t" +
             std::to_string(i % 5) + "\",\"x\"]}}\n";
  }
  const std::string sample = folder.write("events.jsonl", lines);
  const Printed printed = init(sample);
  ASSERT_EQ(printed.status, kExitDone) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("# time from /time, RFC 3339, all 1,000 lines"));
  EXPECT_THAT(printed.out, HasSubstr("profile from /email, 288 values, 960 lines of 1,000 (96%)"));
  EXPECT_THAT(printed.out, HasSubstr("# tenant from /account, 4 values, all 1,000 lines"));
  const Plan plan = parsed(printed.out);
  EXPECT_EQ(plan.tenant.paths.at(0).text, "/account");
  EXPECT_EQ(plan.metric.paths.at(0).text, "/metric");
  EXPECT_EQ(plan.time.path.text, "/time");
  EXPECT_EQ(plan.profile.paths.at(0).text, "/email");
  EXPECT_TRUE(plan.profile.lowercase && plan.profile.trim);
  EXPECT_EQ(plan.id.paths.at(0).text, "/message_id");
  ASSERT_EQ(plan.values.size(), 1u);
  EXPECT_EQ(plan.values[0].field.paths.at(0).text, "/properties/revenue");
  std::vector<std::string> properties;
  for (const Property& p : plan.properties) properties.push_back(p.path.text);
  EXPECT_THAT(properties,
              ::testing::UnorderedElementsAre("/properties/campaign", "/properties/tags"));
  EXPECT_EQ(plan.sections_of("Opened").at(0).dimensions.size(), 4u)
      << "the metric, two properties, and both";
  EXPECT_TRUE(plan.sections_of("Opened").at(0).dimensions.at(0).lifetime);
  const Tallies tallies = counted(folder, sample, printed.out);
  EXPECT_EQ(tallies.read, 1000u);
  EXPECT_EQ(tallies.counted, 1000u);
}

TEST(Init, FindsTheUnitOfNumbersByTheirSize) {
  ScratchFolder folder;
  for (const auto& [unit, zeros] :
       std::vector<std::pair<TimeUnit, std::string>>{{TimeUnit::s, ""},
                                                     {TimeUnit::ms, "000"},
                                                     {TimeUnit::us, "000000"},
                                                     {TimeUnit::ns, "000000000"}}) {
    const Printed printed = init(folder.write(
        "a.jsonl", "{\"ts\":1772358000" + zeros + ",\"user_id\":7}\n{\"ts\":\"1772358001" + zeros +
                       "\",\"user_id\":8}\n"));
    ASSERT_EQ(printed.status, kExitDone) << printed.err;
    EXPECT_EQ(parsed(printed.out).time.unit, unit) << printed.out;
    EXPECT_EQ(parsed(printed.out).profile.paths.at(0).text, "/user_id");
  }
}

TEST(Init, ReadsDelimitedText) {
  ScratchFolder folder;
  struct Sample {
    std::string text, delimiter;
    bool header;
    uint64_t events;
  };
  for (const Sample& s : std::vector<Sample>{
           {"time,user,what,price\n2026-03-01 10:00,ann,Bought,1.50\n2026-03-02 "
            "10:00,bob,\"Bought, twice\",2.25\n",
            ",", true, 2},
           {"2026-03-01T10:00:00Z\tann\tBought\n2026-03-02T10:00:00Z\tbob\tSold\n", "\t", false, 2},
           {"id;date;user name\r\n1;20260301;ann\r\n2;20260302;bob\r\n3;20260302;bob\r\n", ";",
            true, 3},
           {"user date   n\nann 2026-03-01   1\nbob 2026-03-02   2\n", " ", true, 2},
           {"2,a/b,~,*,1,date\n5,x,y,z,w,2026-03-01\n6,x,y,z,w,2026-03-01\n", ",", false, 2},
           {"n,a/b,~,*,col,date,n\n5,x,y,z,w,2026-03-01,1\n6,x2,y,z,w,2026-03-01,2\n", ",", false,
            2}}) {
    const std::string sample = folder.write("s" + std::to_string(s.text.size()) + ".csv", s.text);
    const Printed printed = init(sample);
    if (s.text[1] == ',') {  // names that are no header, or a name twice: the first line is an
                             // event without a time
      EXPECT_TRUE(printed.status == kExitDone || printed.err.find("time") != std::string::npos)
          << printed.err;
      if (printed.status == kExitDone) parsed(printed.out);
      continue;
    }
    ASSERT_EQ(printed.status, kExitDone) << printed.err;
    const Plan plan = parsed(printed.out);
    EXPECT_TRUE(plan.input.delimited);
    EXPECT_EQ(std::string(1, plan.input.delimiter), s.delimiter);
    EXPECT_EQ(plan.input.header, s.header) << printed.out;
    EXPECT_EQ(counted(folder, sample, printed.out).counted, s.events) << printed.out;
  }
}

TEST(Init, TellsWhatToDoWithWhatIsNoSample) {
  ScratchFolder folder;
  EXPECT_EQ(init(folder.path() + "/none").status, kExitUsage);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "holds no lines"},
      {"\n \n\r\n", "holds no lines"},
      {"[{\"time\":\"2026-03-01\"}]\n", "jq -c '.[]'"},
      {"{\n  \"time\": \"2026-03-01\"\n}\n", "jq -c ."},
      {"Once upon a time\nthere was\na file of prose, long and short.\n", "one event a line"},
      {"word\nword\n", "one event a line"},
      {std::string("\0\1\2\xff\n\xfe\n", 7), "one event a line"},
      {"{\"user\":1,\"price\":2}\n{\"user\":1,\"price\":2}\n",
       "no field of the sample reads as a time"},
      {"{\"user\":1,\"time\":\"soon\"}\n{\"user\":1,\"time\":12}\n",
       "looked at, by their names: /time"},
      {"{}\n{}\n", "no field of the sample reads as a time"},
  };
  for (const auto& [text, message] : cases) {
    const Printed printed = init(folder.write("sample", text));
    EXPECT_EQ(printed.status, kExitError) << text;
    // Fields without a time make a plan to be completed.
    EXPECT_EQ(printed.out.empty(), message.find("time") == std::string::npos) << text;
    EXPECT_THAT(printed.err, HasSubstr(message)) << text;
  }
}

TEST(Init, IsNotMisledByPeopleAndThingsNamedLikeIds) {
  ScratchFolder folder;
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines += "{\"created_at\":\"2026-03-01T00:00:" + std::to_string(10 + i) +
             "Z\",\"customer\":{\"id\":" + std::to_string(5000 + i) + "},\"session_id\":\"s" +
             std::to_string(i) + "\",\"order_id\":\"o" + std::to_string(i) +
             "\",\"line_items\":[{\"sku\":\"A" + std::to_string(i % 3) +
             "\",\"qty\":1},{\"sku\":\"B\",\"qty\":2}]}\n";
  }
  const std::string sample = folder.write("orders.jsonl", lines);
  const Plan plan = parsed(init(sample).out);
  EXPECT_EQ(plan.profile.paths.at(0).text, "/customer/id");
  EXPECT_EQ(plan.id.paths.at(0).text, "/order_id");
  EXPECT_EQ(plan.tenant.constant, "orders");
  ASSERT_FALSE(plan.properties.empty());
  EXPECT_EQ(plan.properties[0].path.text, "/line_items/*/sku");
  EXPECT_EQ(counted(folder, sample, init(sample).out).counted, 40u);
}

TEST(Init, TakesAnEventsOwnIdAlsoWhereSomeLinesComeAgain) {
  ScratchFolder folder;
  std::string lines;
  for (int i = 0; i < 30; ++i) {
    lines += "{\"time\":\"2026-03-01\",\"event_id\":\"e" + std::to_string(i % 27) +
             "\",\"order_id\":\"o" + std::to_string(i % 27) +
             "\",\"user_id\":" + (i == 4 ? "true" : std::to_string(i % 5)) + "}\n";
  }
  const std::string sample = folder.write("events.jsonl", lines);
  const Printed printed = init(sample);
  const Plan plan = parsed(printed.out);
  ASSERT_EQ(plan.id.paths.size(), 1u) << printed.out;
  EXPECT_EQ(plan.id.paths[0].text, "/event_id");
  EXPECT_EQ(plan.profile.paths.at(0).text, "/user_id");
  const Tallies tallies = counted(folder, sample, printed.out);
  EXPECT_EQ(tallies.counted, 30u);  // the same ids, but of other people
}

// A random event with odd keys; `time` reads as a time.
class OddEvents {
 public:
  explicit OddEvents(uint64_t seed) : random_(seed) {
    for (int i = 0; i < 8; ++i) keys_.push_back(key());
  }
  std::string line() {
    std::string out = "{\"time\":\"2026-0" + std::to_string(1 + random_() % 9) + "-11T08:00:00Z\"";
    for (const std::string& k : keys_) {
      if (random_() % 4) out += "," + json_string(k) + ":" + value(0);
    }
    return out + "}";
  }

 private:
  std::string pick(const std::vector<std::string>& of) { return of[random_() % of.size()]; }
  std::string key() {
    const std::string base = pick({"a/b",        "~",
                                   "~1",         "*",
                                   "",           " ",
                                   "no",         "null",
                                   "1",          "0",
                                   "Yes",        "ключ",
                                   "键",         "it's",
                                   "say \"hi\"", "back\\slash",
                                   "a b",        "line\nbreak",
                                   "#",          "{x}",
                                   "[y]",        "&z",
                                   "!t",         "- d",
                                   ": c",        "key: value",
                                   "user",       "email",
                                   "id",         "amount",
                                   "type",       "tenant",
                                   "\xc2\x85",   "\xe2\x80\xa8",
                                   "\x01",       "@at",
                                   "%",          "`"});
    return base + (random_() % 3 ? "" : std::to_string(keys_.size()));
  }
  std::string value(int depth) {
    switch (random_() % (depth < 3 ? 11 : 8)) {
      case 0:
        return "null";
      case 1:
        return random_() % 2 ? "true" : "false";
      case 2:
        return std::to_string(int64_t(random_() % 2000) - 1000);
      case 3:
        return std::to_string(random_() % 50) + "." + std::to_string(random_() % 100);
      case 4:
        return pick({"\"\"", "\" \"", "\"1e400\"", "1e999999999", "-0", "\"NaN\"",
                     "12345678901234567890123", "\"\\u0000\"", "\"\\ud83d\\ude00\""});
      case 5:
        return "\"v" + std::to_string(random_() % 5) + "\"";
      case 6:
        return pick(
            {"\"x@y.example\"", "\"2026-03-01\"", "\"20260301\"", "1772358000", "\"\\ud800\""});
      case 7:
        return "\"" + std::to_string(random_()) + "\"";
      case 8:
        return array(depth);
      default:
        return object(depth);
    }
  }
  std::string array(int depth) {
    std::string out = "[";
    for (uint64_t i = random_() % 4; i > 0; --i)
      out += (out.size() > 1 ? "," : "") + value(depth + 1);
    return out + "]";
  }
  std::string object(int depth) {
    std::string out = "{";
    for (uint64_t i = random_() % 4; i > 0; --i)
      out += (out.size() > 1 ? "," : "") +
             json_string(random_() % 20
                             ? pick({"in", "no", "a/b", "*", "k", "ключ"}) + std::to_string(i)
                             : "twice") +
             ":" + value(depth + 1);
    return out + "}";
  }
  std::mt19937_64 random_;
  std::vector<std::string> keys_;
};

TEST(Init, TheGuessedPlanIsGoodAndCountsItsSampleWhateverTheKeys) {
  ScratchFolder folder;
  constexpr int kSamples = 40, kCounted = 12;
  for (uint64_t seed = 1; seed <= kSamples; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    OddEvents events(seed);
    std::string text;
    const int lines = 1 + int(seed * 7 % 60);
    for (int i = 0; i < lines; ++i) text += events.line() + "\n";
    const std::string sample = folder.write("odd" + std::to_string(seed) + ".jsonl", text);
    const Printed printed = init(sample);
    ASSERT_EQ(printed.status, kExitDone) << printed.err << text;
    const Plan plan = parsed(printed.out);
    if (HasFailure()) return;
    EXPECT_EQ(plan.time.path.text, "/time");
    if (seed > kCounted) continue;
    const Tallies tallies = counted(folder, sample, printed.out);
    EXPECT_EQ(tallies.read, uint64_t(lines));
    // The sample's own repeated keys and lone surrogates may set a line aside; nothing that was
    // guessed does.
    const uint64_t own = tallies.set_aside[size_t(Reason::duplicate_key)] +
                         tallies.set_aside[size_t(Reason::invalid_utf8)];
    EXPECT_EQ(tallies.counted + own, uint64_t(lines)) << printed.out << text;
  }
}

TEST(Init, NamesWhatItLeavesOut) {
  ScratchFolder folder;
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    lines += "{\"time\":\"2026-03-01T10:00:00Z\",\"user\":\"u" + std::to_string(i) +
             "\",\"id\":\"m" + std::to_string(i / 3) + "\",\"campaign\":\"C1\",\"browser\":\"b" +
             std::to_string(i % 2) + "\"}\n";
  }
  const Printed printed = init(folder.write("few.jsonl", lines));
  ASSERT_EQ(printed.status, kExitDone) << printed.err;
  const Plan plan = parsed(printed.out);
  ASSERT_EQ(plan.properties.size(), 1u) << printed.out;
  EXPECT_EQ(plan.properties[0].path.text, "/browser");
  EXPECT_TRUE(plan.id.paths.empty());
  EXPECT_THAT(printed.out, HasSubstr("  # /id is named like an id, but has only 2 values in all 6 "
                                     "lines: nothing is taken for a duplicate; "
                                     "if an event that comes again has the same:\n  # id: /id\n"));
  EXPECT_THAT(printed.out,
              HasSubstr("  # the same in the whole sample, so not counted by: /campaign\n"));
}

TEST(YamlText, IsReadBackAsItWas) {
  for (const std::string& text : {std::string("a/b"),
                                  std::string("/a/b"),
                                  std::string("no"),
                                  std::string("~"),
                                  std::string("1"),
                                  std::string("-"),
                                  std::string("a: b"),
                                  std::string("#x"),
                                  std::string("\"q\""),
                                  std::string("\\"),
                                  std::string("a\nb"),
                                  std::string("\0x", 2),
                                  std::string("\xc2\x85"),
                                  std::string("\xe2\x80\xa8"),
                                  std::string("\xef\xbb\xbf"),
                                  std::string("ключ"),
                                  std::string("*"),
                                  std::string("&a"),
                                  std::string("x-"),
                                  std::string("a.b/c-d")}) {
    const std::string yaml =
        "quipu: 1\nevent: {tenant: {const: t}, metric: {const: " + yaml_text("m" + text) +
        "}, time: /t}\ncount: [{metrics: \"*\", by: [[]]}]\n";
    EXPECT_EQ(parsed(yaml).metric.constant, "m" + text) << yaml;
    const Plan plan =
        parsed("quipu: 1\nevent: {tenant: {const: t}, metric: /m, time: /t}\nproperties: {" +
               yaml_text(text + "z") + ": " + yaml_text("/p") +
               "}\ncount: [{metrics: \"*\", by: [" + yaml_text(text + "z") + "]}]\n");
    ASSERT_EQ(plan.properties.size(), 1u);
    EXPECT_EQ(plan.properties[0].name, text + "z");
  }
}

TEST(SampleReader, GivesEachValueWithItsPlace) {
  JsonSampleReader reader;
  std::vector<SampleValue> values;
  ASSERT_TRUE(
      reader.read(R"({"a":{"b":1.50,"~":"x"},"c":["p",null],"d":[{"e":true},{"e":false,"f":[1]}],)"
                  R"("g":[],"h":null,"a/b":{},"k":1,"k":2})",
                  values));
  std::vector<std::string> got;
  for (const SampleValue& v : values) {
    got.push_back(v.path + " " + std::to_string(int(v.kind)) + " " + v.text +
                  (v.array.empty() ? "" : " of " + v.array) + (v.repeated ? " repeated" : ""));
  }
  EXPECT_EQ(got, (std::vector<std::string>{
                     "/a 4 ", "/a/b 2 1.50", "/a/~0 1 x", "/c 1 p of /c", "/c 0  of /c",
                     "/d/*/e 3 true of /d", "/d/*/e 3 false of /d", "/d/*/f 4  of /d",
                     "/g 0  of /g", "/h 0 ", "/a~1b 4 ", "/k 2 1 repeated", "/k 2 2 repeated"}));
  for (const char* line :
       {"", "[]", "1", "{", "{\"a\":1}x", "{\"a\":01}", "{\"a\":tru}", "{\"a\"}", "nonsense"})
    EXPECT_FALSE(reader.read(line, values)) << line;
  ASSERT_TRUE(reader.read("{\"a\":\"\xff\",\"b\":\"\\ud800\",\"c\":\"good\"}", values));
  EXPECT_EQ(values.size(), 3u);
  EXPECT_EQ(values[0].kind, SampleValue::Kind::unreadable);
  EXPECT_EQ(values[1].kind, SampleValue::Kind::unreadable);
  EXPECT_EQ(values[2].text, "good");
}

}  // namespace
}  // namespace quipu::test
