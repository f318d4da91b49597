#include "event/json_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "event/decode.h"
#include "event/test_json_rig.h"

namespace quipu {
namespace {

using test::Outcome;
using test::Rig;

TEST(JsonReader, TakesWhatRfc8259Allows) {
  Rig rig({"/a"});
  for (const char* line :
       {"{}", " {\t} ", R"({"a":1})", R"({"a" : [ ] , "b":{ }})",
        R"({"a":-0.5e+10,"b":0,"c":-0,"d":1E5})",
        R"({"a":"\"\\\/\b\f\n\r\t\u0000\u00e9\uD83D\uDE00"})", R"({"a":true,"b":false,"c":null})",
        R"({"":{"":[[],{}]}})", R"({"a":1,"a":2})", "{\"a\":\"\x7f\xc3\xa9\"}",
        "{\"\xff\":\"\xff\"}", R"({"x":"\ud800"})"}) {
    EXPECT_EQ(rig.read(line), Outcome::good) << line << ": " << rig.reader().error();
  }
}

TEST(JsonReader, RefusesEverythingElseWhereverItStands) {
  Rig rig({"/a"});
  const std::vector<std::string> bad_values = {"",
                                               "tru",
                                               "nul",
                                               "falsy",
                                               "True",
                                               "01",
                                               "-",
                                               "-a",
                                               "1.",
                                               ".5",
                                               "1e",
                                               "1e+",
                                               "+1",
                                               "0x1",
                                               "NaN",
                                               "Infinity",
                                               "1 2",
                                               "\"",
                                               "\"a",
                                               "'a'",
                                               "\"\\q\"",
                                               "\"\\u12g4\"",
                                               "\"\\u12\"",
                                               "\"\\",
                                               "\"\x01\"",
                                               "\"\n\"",
                                               "[",
                                               "]",
                                               "[1",
                                               "[1,",
                                               "[1,]",
                                               "[,1]",
                                               "[1 2]",
                                               "{",
                                               "{]",
                                               "[}",
                                               "{\"a\"}",
                                               "{\"a\":}",
                                               "{\"a\":1,}",
                                               "{,}",
                                               "{a:1}",
                                               "{\"a\":1 \"b\":2}",
                                               "{\"a\" 1}",
                                               "1,",
                                               "\xff",
                                               "/**/1",
                                               std::string("\0", 1),
                                               std::string("1\0", 2),
                                               std::string("\"\0\"", 3)};
  for (const std::string& value : bad_values) {
    for (const std::string& line : {"{\"a\":" + value + "}", "{\"z\":" + value + "}",
                                    "{\"z\":[" + value + "]}", "{\"a\":{\"a\":" + value + "}}"})
      if (!(value.empty() && line.find("[]") != std::string::npos)) {
        EXPECT_EQ(rig.read(line), Outcome::not_json) << line;
      }
  }
  for (const std::string& line :
       {std::string(), std::string("1"), std::string("[]"), std::string("\"a\""),
        std::string("null"), std::string("{}{}"), std::string("{} x"), std::string("{}\0", 3),
        std::string("\xEF\xBB\xBF{}")}) {
    EXPECT_EQ(rig.read(line), Outcome::not_json) << line;
  }
}

TEST(JsonReader, NestingBeyondTheLimitIsTooDeepUnlessAFaultComesFirst) {
  Rig rig({"/a"});
  for (const char* key : {"a", "z"}) {
    auto nested = [&](int depth, const std::string& inside) {  // depth counts the outer object
      return std::string("{\"") + key + "\":" + std::string(size_t(depth - 1), '[') + inside +
             std::string(size_t(depth - 1), ']') + "}";
    };
    EXPECT_EQ(rig.read(nested(kMaxJsonDepth, "1")), Outcome::good);
    EXPECT_EQ(rig.read(nested(kMaxJsonDepth + 1, "1")), Outcome::too_deep);
    EXPECT_EQ(rig.read(nested(kMaxJsonDepth, "{}")), Outcome::too_deep);
    EXPECT_EQ(rig.read("{\"b\":tru," + nested(100, "1").substr(1)), Outcome::not_json);
    EXPECT_EQ(rig.read(nested(100, "tru")), Outcome::too_deep);
  }
  EXPECT_EQ(rig.read("{\"a\":" + std::string(1000000, '[')), Outcome::too_deep);
}

TEST(JsonReader, GivesNumbersAsSpelledAndStringsUnescaped) {
  Rig rig({"/n", "/s", "/t", "/f", "/z", "/missing", "/o", "/o/x"});
  ASSERT_EQ(rig.read(R"({"n":1.50e+3,"s":"\u0000a\u00e9\ud83d\ude00\/","t":true,"f":false,)"
                     R"("z":null,"o":{"x":""}})"),
            Outcome::good);
  EXPECT_EQ(rig.at("/n").text(), "1.50e+3");
  EXPECT_EQ(rig.at("/n").kind, ValueKind::number);
  EXPECT_EQ(rig.at("/s").text(), std::string_view("\0a\xc3\xa9\xf0\x9f\x98\x80/", 9));
  EXPECT_EQ(rig.at("/t").text(), "true");
  EXPECT_EQ(rig.at("/f").text(), "false");
  EXPECT_EQ(rig.at("/z").kind, ValueKind::null);
  EXPECT_EQ(rig.at("/missing").kind, ValueKind::missing);
  EXPECT_EQ(rig.at("/o").kind, ValueKind::object);
  EXPECT_EQ(rig.at("/o/x").kind, ValueKind::string);
  EXPECT_EQ(rig.at("/o/x").size, 0u);
  ASSERT_EQ(rig.read("{}"), Outcome::good);
  EXPECT_EQ(rig.at("/n").kind, ValueKind::missing) << "nothing stays of the line before";
}

TEST(JsonReader, KeysAreComparedUnescapedInAnyOrder) {
  Rig rig({"/tenant", "/a long key of many bytes", "/qu\"ote", "/\xc3\xa9", "/"});
  const std::vector<std::string> members = {R"("t\u0065nant":1)",
                                            R"("a long key of many byte\u0073":2)",
                                            R"("qu\"ote":3)",
                                            R"("\u00e9":4)",
                                            R"("":5)",
                                            R"("tenan":9)",
                                            R"("tenant2":9)",
                                            R"("a long key of many bytez":9)"};
  std::vector<size_t> order = {0, 1, 2, 3, 4, 5, 6, 7};
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    std::string line;
    for (size_t i : order) line += (line.empty() ? "{" : ",") + members[i];
    ASSERT_EQ(rig.read(line + "}"), Outcome::good);
    EXPECT_EQ(rig.at("/tenant").text(), "1");
    EXPECT_EQ(rig.at("/a long key of many bytes").text(), "2");
    EXPECT_EQ(rig.at("/qu\"ote").text(), "3");
    EXPECT_EQ(rig.at("/\xc3\xa9").text(), "4");
    EXPECT_EQ(rig.at("/").text(), "5");
  }
}

TEST(JsonReader, AKeyTwiceMarksExactlyThePathsThroughIt) {
  Rig rig({"/a/x", "/a/y", "/b"}, {{"/items", "/sku"}, {"/items", "/color"}});
  auto faults = [&](const std::string& line) {
    EXPECT_EQ(rig.read(line), Outcome::good) << line;
    std::string out;
    for (const char* path : {"/a/x", "/a/y", "/b"})
      out += rig.at(path).fault == ValueFault::duplicate_key ? 'd' : '-';
    return out;
  };
  EXPECT_EQ(faults(R"({"a":{"x":1,"y":2},"b":3,"z":1,"z":2})"), "---");
  EXPECT_EQ(faults(R"({"a":{"x":1,"y":2},"b":3,"a":0})"), "dd-");
  EXPECT_EQ(faults(R"({"a":0,"b":3,"\u0061":{"x":1}})"), "dd-");
  EXPECT_EQ(faults(R"({"a":{"x":1,"y":2,"x":1},"b":3})"), "d--");
  EXPECT_EQ(faults(R"({"a":{"z":1,"z":2},"b":3,"b":null})"), "--d");
  EXPECT_EQ(faults(R"({"z":{"b":1,"b":2},"b":3})"), "---");
  EXPECT_EQ(faults(R"({"z":[{"b":1},{"b":2}],"b":3})"), "---");

  ASSERT_EQ(
      rig.read(
          R"({"items":[{"sku":1,"color":2},{"sku":1,"color":2,"sku":3},{"sku":4,"z":1,"z":1}]})"),
      Outcome::good);
  const std::vector<Value> skus = rig.each("/items/*/sku"), colors = rig.each("/items/*/color");
  ASSERT_EQ(skus.size(), 3u);
  EXPECT_EQ(skus[0].fault, ValueFault::none);
  EXPECT_EQ(skus[1].fault, ValueFault::duplicate_key);
  EXPECT_EQ(skus[2].fault, ValueFault::none);
  for (const Value& color : colors) EXPECT_EQ(color.fault, ValueFault::none);
}

TEST(JsonReader, BadTextIsAFaultOfPlannedValuesOnly) {
  Rig rig({"/a"});
  struct Case {
    std::string text;
    bool bad;
  };
  for (const auto& [text, bad] : std::vector<Case>{{"ok", false},
                                                   {"\xc3\xa9", false},
                                                   {"\xff", true},
                                                   {"\xc3", true},
                                                   {"\xed\xa0\x80", true},
                                                   {"\xc0\xaf", true},
                                                   {"\xf4\x90\x80\x80", true},
                                                   {"\\ud800", true},
                                                   {"\\udc00", true},
                                                   {"\\ud800x", true},
                                                   {"\\ud800\\u0041", true},
                                                   {"\\udc00\\ud800", true},
                                                   {"\\ud800\\udc00", false},
                                                   {"long enough to fill a block \xff", true},
                                                   {"long enough to fill a block\\n\xff", true},
                                                   {"\xff long enough to fill a block", true}}) {
    ASSERT_EQ(rig.read("{\"a\":\"" + text + "\"}"), Outcome::good) << text;
    EXPECT_EQ(rig.at("/a").fault == ValueFault::invalid_utf8, bad) << text;
    ASSERT_EQ(rig.read("{\"z\":\"" + text + "\",\"" + text + "\":1,\"a\":\"fine\"}"), Outcome::good)
        << text;
    EXPECT_EQ(rig.at("/a").fault, ValueFault::none) << text;
  }
}

TEST(JsonReader, ArraysGiveTheirElementsByIndexAndByWalkTogether) {
  Rig rig({"/a/0/x", "/a/2", "/a/01", "/a/10/x"}, {{"/a", "/x"}, {"/a", ""}, {"/a/0/b", "/y"}});
  ASSERT_EQ(rig.read(R"({"a":[{"x":"\u0031","b":[{"y":"\u0037"},{}]},2,3,{"x":4}]})"),
            Outcome::good);
  EXPECT_EQ(rig.at("/a/0/x").text(), "1");
  EXPECT_EQ(rig.at("/a/2").text(), "3");
  EXPECT_EQ(rig.at("/a/01").kind, ValueKind::missing);
  EXPECT_EQ(rig.at("/a/10/x").kind, ValueKind::missing);
  EXPECT_EQ(rig.array_size("/a/*"), 4u);
  const std::vector<Value> x = rig.each("/a/*/x"), elements = rig.each("/a/*"),
                           y = rig.each("/a/0/b/*/y");
  ASSERT_EQ(x.size(), 4u);
  EXPECT_EQ(x[0].text(), "1");
  EXPECT_EQ(x[1].kind, ValueKind::missing);
  EXPECT_EQ(x[3].text(), "4");
  EXPECT_EQ(elements[0].kind, ValueKind::object);
  EXPECT_EQ(elements[1].text(), "2");
  ASSERT_EQ(y.size(), 2u);
  EXPECT_EQ(y[0].text(), "7");

  ASSERT_EQ(rig.read(R"({"a":{"0":{"x":"key"},"2":"two","01":"one"}})"), Outcome::good)
      << "a token that is a number is a key of objects";
  EXPECT_EQ(rig.at("/a/0/x").text(), "key");
  EXPECT_EQ(rig.at("/a/2").text(), "two");
  EXPECT_EQ(rig.at("/a/01").text(), "one");
  EXPECT_TRUE(rig.each("/a/*").empty());
}

TEST(JsonReader, HugeArraysAreCountedButNotKept) {
  Rig rig({}, {{"/a", ""}});
  std::string line = "{\"a\":[1";
  for (int i = 1; i < 100000; ++i) line += i == 50000 ? ",\"\xff\"" : ",1";
  ASSERT_EQ(rig.read(line + "]}"), Outcome::good);
  EXPECT_EQ(rig.array_size("/a/*"), 100000u);
  const std::vector<Value> kept = rig.each("/a/*");
  EXPECT_EQ(kept.size(), kKeptElements);
  EXPECT_EQ(kept.back().fault, ValueFault::invalid_utf8)
      << "a fault beyond what is kept is not lost";
}

// Under the address sanitizer: a reader's first line has a buffer that ends with its padding.
TEST(JsonReader, LoadsNothingBeyondItsPaddingHoweverLongThePlannedKeysAre) {
  for (size_t length : {8u, 63u, 72u, 73u, 200u, 1000u}) {
    const std::string key(length, 'k');
    for (size_t ahead = 0; ahead <= length; ahead += 1 + length / 50) {
      Rig cut({"/" + key, "/x"});
      EXPECT_EQ(cut.read("{\"" + key.substr(0, ahead)), Outcome::not_json);
      Rig other({"/" + key, "/x"});
      EXPECT_EQ(other.read("{\"" + key.substr(0, ahead) + "\":1}"), Outcome::good);
      EXPECT_EQ(other.at("/" + key).kind == ValueKind::number, ahead == length);
    }
  }
}

}  // namespace
}  // namespace quipu
