#include "query/label.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace quipu {
namespace {

TEST(Label, IsTheTextUnlessThatCouldBeAnother) {
  for (const char* text : {"spring", "a,b", "C:\\dir", "\\x09", "a b", "x\"y\"", "(None)", "日本",
                           "-", "!=", "a=b", "back\\"})
    EXPECT_EQ(label_of(text), text);
  EXPECT_EQ(label_of(""), "(none)");
  EXPECT_EQ(label_of("(none)"), "\"(none)\"");
  EXPECT_EQ(label_of("\"x\""), "\"\\\"x\\\"\"");
  EXPECT_EQ(label_of(" x"), "\" x\"");
  EXPECT_EQ(label_of("x "), "\"x \"");
  EXPECT_EQ(label_of("\tx"), "\"\\x09x\"");
  EXPECT_EQ(label_of("a|b"), "\"a|b\"");
  EXPECT_EQ(label_of("a\\\\b"), "\"a\\\\\\\\b\"");
  EXPECT_EQ(label_of("\xc2\x9b"), "\"\\u009b\"");
  EXPECT_EQ(label_of("a,b", ",;"), "\"a,b\"");
  EXPECT_EQ(quoted_label("x"), "\"x\"");
}

TEST(Label, InQuotesIsReadBackWithWhatFollowsLeft) {
  auto read = read_quoted_label("\"a\\\"\\\\\\x09\\u009b|\"|b");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text, "a\"\\\t\xc2\x9b|");
  EXPECT_EQ(read->length, 18u);
  for (const char* broken : {"", "x", "x\"", "\"", "\"x", "\"x\\\"", "\"\\q\"", "\"\\x0\"",
                             "\"\\x0g\"", "\"\\u009\"", "\"\\u00ff\"", "\"\\"})
    EXPECT_FALSE(read_quoted_label(broken)) << broken;
}

// Every text has a label of its own, and is read back from it.
TEST(Label, NoTwoTextsHaveOne) {
  std::mt19937_64 random(20260301);
  const std::vector<std::string> pieces{"a",    " ",      "\t",       "\"", "\\", "|",
                                        ",",    "(none)", "x",        "09", "u",  "009b",
                                        "\x01", "\x7f",   "\xc2\x9b", "é"};
  std::map<std::string, std::string> text_of;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t n = random() % 5; n > 0; --n) text += pieces[random() % pieces.size()];
    const std::string label = label_of(text);
    const auto [known, fresh] = text_of.emplace(label, text);
    EXPECT_EQ(known->second, text) << label;
    if (label[0] != '"') continue;
    auto read = read_quoted_label(label);
    ASSERT_TRUE(read) << label;
    EXPECT_EQ(read->text, text);
    EXPECT_EQ(read->length, label.size());
  }
}

}  // namespace
}  // namespace quipu
