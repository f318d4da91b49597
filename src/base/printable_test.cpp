#include "base/printable.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json_text.h"

namespace quipu {
namespace {

TEST(Printable, ShowsWhatATerminalWouldObeyAsItsCode) {
  EXPECT_EQ(printable("\x1b]52;c;aGk=\x07"), "\\x1b]52;c;aGk=\\x07");
  EXPECT_EQ(printable(std::string_view("a\0b\r\n\tc\x7f", 8)), "a\\x00b\\x0d\\x0a\\x09c\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m")
      << "the one-character form of ESC [";
  EXPECT_EQ(printable("\xc2\x80\xc2\x9f\xc2\xa0"), "\\u0080\\u009f\xc2\xa0");
}

TEST(Printable, ShowsBytesThatAreNoUtf8AsTheirCodes) {
  EXPECT_EQ(printable("a\x9b"
                      "31m"),
            "a\\x9b31m")
      << "some terminals obey the bare byte";
  EXPECT_EQ(printable("\xe6\x9d"), "\\xe6\\x9d");
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");
}

TEST(Printable, LeavesOtherTextsAsTheyAre) {
  for (const char* text : {"", "plain", "a\\x1b \"quoted\"", "zürich 東京 😀 ـعربي"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(printable_lines(text), text);
  }
}

TEST(Printable, KeepsOnlyLineEndsAndTabsOfMessages) {
  EXPECT_EQ(printable_lines("one\n\ttwo\r\n\x1b[2J\n"), "one\n\ttwo\\x0d\n\\x1b[2J\n");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdef", 5), "abcde...");
  EXPECT_EQ(printable("東京", 6), "東京");
  EXPECT_EQ(printable("東京", 5), "東...");
  EXPECT_EQ(printable("\x1b\x1b", 1), "\\x1b...") << "the text's bytes are counted, not the codes'";
}

// Code points are found here by decoding them all, not by the bytes of controls.
TEST(Printable, OfAnyBytesIsUtf8WithoutControls) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 rng(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t n = rng() % 12; text.size() < n;)
      text += rng() % 3 ? char(rng()) : "\xc2\xe2\x80\x9b\x1b\n"[rng() % 6];
    for (const bool lines : {false, true}) {
      const std::string shown = lines ? printable_lines(text) : printable(text);
      ASSERT_TRUE(is_valid_utf8(shown));
      for (size_t i = 0; i < shown.size();) {
        const uint8_t lead = uint8_t(shown[i]);
        const size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        uint32_t point = n == 1 ? lead : lead & (0x7f >> n);
        for (size_t k = 1; k < n; ++k) point = point << 6 | (uint8_t(shown[i + k]) & 0x3f);
        const bool may_stay = lines && (point == '\n' || point == '\t');
        ASSERT_TRUE(may_stay || (point >= 0x20 && !(point >= 0x7f && point < 0xa0))) << point;
        i += n;
      }
    }
  }
}

}  // namespace
}  // namespace quipu
