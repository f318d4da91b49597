#include "http/query_string.h"

#include <gmock/gmock.h>

namespace quipu {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(QueryString, IsReadAsFormsWriteIt) {
  const auto read = read_query_string("metric=Opened+Email&by=a%26b&by=&where=x%3D%C3%A4&&limit=3");
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(*read, ElementsAre(Pair("metric", "Opened Email"), Pair("by", "a&b"), Pair("by", ""),
                                 Pair("where", "x=\xC3\xA4"), Pair("limit", "3")));
  EXPECT_TRUE(read_query_string("")->empty());
  EXPECT_THAT(*read_query_string("a=b=c%41"), ElementsAre(Pair("a", "b=cA")));
}

TEST(QueryString, WhatIsNoTextIsRefused) {
  for (const char* text : {"metric", "a=%", "a=%4", "a=%4g", "%FF=1", "a=%00", "a=%C3", "=%zz"})
    EXPECT_FALSE(read_query_string(text).ok()) << text;
}

}  // namespace
}  // namespace quipu
