#include "kafka/event_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quipu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> split(std::optional<std::string_view> value) {
  std::vector<std::string_view> events{"of the record before"};
  split_value(value, events);
  return {events.begin(), events.end()};
}

std::string with(std::string_view event, std::string_view member) {
  std::vector<char> out;
  append_event_text(event, member, out);
  return {out.begin(), out.end()};
}

TEST(EventText, AnObjectIsOneEventAsItIs) {
  EXPECT_THAT(split(R"({"a":[1,{"b":"]"}]})"), ElementsAre(R"({"a":[1,{"b":"]"}]})"));
  EXPECT_THAT(split(" {\n}\n"), ElementsAre(" {\n}\n"));
  EXPECT_THAT(split("\xef\xbb\xbf{}"), ElementsAre("{}"));
}

TEST(EventText, AnArrayOfObjectsIsItsObjects) {
  EXPECT_THAT(split(R"([{"a":1},{"b":"},{\""} , {}])"),
              ElementsAre(R"({"a":1})", R"({"b":"},{\""})", "{}"));
  EXPECT_THAT(split("\xef\xbb\xbf [\n{} ]\n"), ElementsAre("{}"));
  EXPECT_THAT(split("[]"), IsEmpty());
  EXPECT_THAT(split(" [ ] "), IsEmpty());
}

TEST(EventText, AnythingElseIsOneEventThatWillBeSetAside) {
  for (const char* text :
       {"[",       "[{",      "[{}",    "[{},",   "[{},]",    "[,{}]",    "[{}{}]",
        "[{}]]",   "[{}] {}", "[{},1]", "[[{}]]", "[1]",      "[\"{}\"]", "[{\"a]",
        "[{\"a\\", "[{]",     "[{}}",   "{",      "nonsense", "\"x\"",    "1"})
    EXPECT_THAT(split(text), ElementsAre(text));
}

TEST(EventText, NothingIsSetAsideAsNull) {
  EXPECT_THAT(split(std::nullopt), ElementsAre("null"));
  EXPECT_THAT(split(""), ElementsAre("null"));
  EXPECT_THAT(split(" \n"), ElementsAre("null"));
}

TEST(EventText, AValueLongerThanTheLimitIsNotTakenApart) {
  std::string array = "[{},";
  array.append(kMaxArrayBytes - array.size() - 3, ' ');
  array += "{}]";
  EXPECT_EQ(split(array).size(), 2u);
  array.insert(1, " ");
  EXPECT_EQ(split(array).size(), 1u);
}

TEST(EventText, TheMemberComesFirstInAnObjectAndNowhereElse) {
  EXPECT_EQ(with(R"({"a":1})", R"("k":2)"), R"({"k":2,"a":1})");
  EXPECT_EQ(with(" {}", R"("k":2)"), R"({"k":2})");
  EXPECT_EQ(with("{ } ", R"("k":2)"), R"({"k":2 } )");
  EXPECT_EQ(with("[1]", R"("k":2)"), "[1]");
  EXPECT_EQ(with("null", R"("k":2)"), "null");
  EXPECT_EQ(with("{", R"("k":2)"), R"({"k":2,)");  // still no JSON
  EXPECT_EQ(with(R"({"a":1})", ""), R"({"a":1})");
}

TEST(EventText, TheMemberHoldsWhatElseTheRecordHas) {
  KafkaRecord record;
  record.offset = 7;
  EXPECT_EQ(kafka_member("t", 3, record),
            R"("$kafka":{"topic":"t","partition":3,"offset":7,"timestamp":null,"key":null,)"
            R"("headers":{}})");
  record.timestamp_ms = 12;
  record.key = "a\"\\\n\x01";
  record.headers = {{"h", "1"}, {"x", std::nullopt}, {"h", "2"}};
  EXPECT_EQ(kafka_member("t", 3, record),
            R"("$kafka":{"topic":"t","partition":3,"offset":7,"timestamp":12,)"
            R"("key":"a\"\\\u000a\u0001","headers":{"x":null,"h":"2"}})");
}

TEST(EventText, BytesThatAreNoUtf8StaySoThatTwoKeysNeverBecomeOne) {
  KafkaRecord record;
  record.key = "\xff";
  EXPECT_NE(kafka_member("t", 0, record).find("\"key\":\"\xff\""), std::string::npos);
}

Plan plan_with(const std::string& id, const std::string& property) {
  return Plan::parse("quipu: 1\nevent: {tenant: {const: a}, metric: /m, time: /t, id: \"" + id +
                         "\"}\nproperties: {p: \"" + property +
                         "\"}\ncount: [{metrics: \"*\", by: [p]}]\n",
                     "plan.yaml", ".")
      .value();
}

TEST(EventText, APlanReadsTheMemberIfAPathBeginsWithIt) {
  EXPECT_FALSE(reads_kafka_member(plan_with("/id", "/a/$kafka")));
  EXPECT_TRUE(reads_kafka_member(plan_with("/$kafka/key", "/a")));
  EXPECT_TRUE(reads_kafka_member(plan_with("/id", "/$kafka/headers/source")));
  EXPECT_FALSE(reads_kafka_member(plan_with("/id", "/$kafkas")));
}

}  // namespace
}  // namespace quipu
