#include "http/klaviyo_filter.h"

#include <gtest/gtest.h>

namespace quipu {
namespace {

// "equals URL a|b; not any ..."
std::string read(std::string_view text) {
  std::vector<KlaviyoCondition> conditions;
  if (Status status = read_klaviyo_filter(text, conditions); !status.ok())
    return "error: " + status.error().message;
  std::string out;
  for (const KlaviyoCondition& c : conditions) {
    out +=
        (out.empty() ? "" : "; ") + std::string(c.negated ? "not " : "") + c.call + " " + c.field;
    for (size_t i = 0; i < c.values.size(); ++i) out += (i ? "|" : " ") + c.values[i];
  }
  return out;
}

TEST(KlaviyoFilter, FormsThatAreDocumentedOrMet) {
  EXPECT_EQ(read("greater-or-equal(datetime,2022-12-01T00:00:00)"),
            "greater-or-equal datetime 2022-12-01T00:00:00");
  EXPECT_EQ(read("less-than(datetime,2022-06-06 12:29:59+00:00)"),
            "less-than datetime 2022-06-06 12:29:59+00:00");
  EXPECT_EQ(read("equals(URL,\"https://www.klaviyo.com/\")"),
            "equals URL https://www.klaviyo.com/");
  EXPECT_EQ(read("equals($attributed_flow,\"\")"), "equals $attributed_flow ");
  EXPECT_EQ(read("not(equals($attributed_message,\"\"))"), "not equals $attributed_message ");
  EXPECT_EQ(read("any($message,[\"ID1\",\"ID2\"])"), "any $message ID1|ID2");
  EXPECT_EQ(read("any($message,['ab','c'])"), "any $message ab|c");
  EXPECT_EQ(read("equals( Campaign Name , 'It\\'s' )"), "equals Campaign Name It's");
  EXPECT_EQ(read("equals(Subject,\"a, (b) [c] \\\"d\\\"\")"), "equals Subject a, (b) [c] \"d\"");
  EXPECT_EQ(read("any($message,[])"), "any $message");
}

TEST(KlaviyoFilter, SeveralInOneText) {
  EXPECT_EQ(read("equals(a,'1'),equals(b,2)"), "equals a 1; equals b 2");
  EXPECT_EQ(read(" and( equals(a,'1') , not(equals(b,2)) ) , equals(c,3)"),
            "equals a 1; not equals b 2; equals c 3");
  EXPECT_EQ(read("not(not(equals(a,1)))"), "equals a 1");
}

TEST(KlaviyoFilter, WhatIsNoneIsToldWhere) {
  for (const char* text :
       {"", "equals", "equals(", "equals()", "equals(a", "equals(a,", "equals(a,'b", "equals(a,[b",
        "equals(a,b))", "equals(a,b) equals(c,d)", "(a,b)", "equals(a,b),", "not(equals(a,b)",
        "EQUALS(a,b)", "not()", "and()", "equals(a(b),c)"}) {
    EXPECT_NE(read(text).find("there should be"), std::string::npos) << text << ": " << read(text);
  }
  EXPECT_NE(read("or(equals(a,1),equals(b,2))").find("or()"), std::string::npos);
  EXPECT_NE(read("not(and(equals(a,1),equals(b,2)))").find("not(and())"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "not(";
  EXPECT_NE(read(deep).find("too many"), std::string::npos);
  std::string many = "equals(a,1)";
  for (size_t i = 0; i < kMaxFilterCalls; ++i) many += ",equals(a,1)";
  EXPECT_NE(read(many).find("too many"), std::string::npos);
}

}  // namespace
}  // namespace quipu
