#include "base/json_text.h"

#include <gtest/gtest.h>

namespace quipu {
namespace {

TEST(JsonText, EscapesWhatJsonForbidsInAString) {
  EXPECT_EQ(json_string(std::string_view("a\"b\\c\nd\te\r\x01\0z", 13)),
            "\"a\\\"b\\\\c\\nd\\te\\r\\u0001\\u0000z\"");
}

TEST(JsonText, KeepsUnicodeAndReplacesEachBadByte) {
  EXPECT_EQ(json_string("zürich 東京 😀"), "\"zürich 東京 😀\"");
  EXPECT_EQ(json_string("a\xC0\xAF"
                        "b\xED\xA0\x80"),
            "\"a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonText, KnowsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_valid_utf8("plain"));
  EXPECT_TRUE(is_valid_utf8("\xF4\x8F\xBF\xBF"));
  EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(is_valid_utf8("\xE2\x82"));
  EXPECT_FALSE(is_valid_utf8("\xC1\x81"));
}

TEST(JsonText, Base64IsThatOfTheRfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace quipu
