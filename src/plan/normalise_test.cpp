#include "plan/normalise.h"

#include <gtest/gtest.h>

#include <string>

namespace quipu {
namespace {

std::string canonical(std::string_view text) {
  std::string scratch = "left over";
  return std::string(canonical_text(text, scratch));
}

std::string field(std::string_view text, bool trim, bool lowercase) {
  std::string scratch = "left over";
  return std::string(canonical_field(text, trim, lowercase, scratch));
}

TEST(CanonicalText, SpellingsOfANumberAreOne) {
  for (const char* spelled : {"95", "95.0", "95.000"})
    EXPECT_EQ(canonical(spelled), "95") << spelled;
  for (const char* spelled : {"0", "-0", "0.000"}) EXPECT_EQ(canonical(spelled), "0") << spelled;
  EXPECT_EQ(canonical("820982911946154509"), "820982911946154509");
  EXPECT_EQ(canonical("1" + std::string(38, '0')), "1e38");
}

TEST(CanonicalText, AStringWithAnExponentStaysText) {
  for (const char* text : {"0e82703583", "9.5e1", "1E3"}) EXPECT_EQ(canonical(text), text);
}

TEST(CanonicalText, WhatIsNoJsonNumberStaysAsItIs) {
  for (const char* text : {"", "0095", "+5", " 5", "5 ", ".5", "5.", "1e", "1e+", "-", "0x10",
                           "1,5", "NaN", "Infinity", "true", "1 2", "1e9999999999999999999"}) {
    EXPECT_EQ(canonical(text), text);
  }
  EXPECT_EQ(canonical(std::string_view("1\0", 2)), std::string("1\0", 2));
}

TEST(CanonicalField, TrimsFirstThenLowersThenReadsNumbers) {
  EXPECT_EQ(field(" \t\v\f\r\n95.0\n", true, false), "95");
  EXPECT_EQ(field(" 95.0", false, false), " 95.0");
  EXPECT_EQ(field("  Ann@Example.ORG ", true, true), "ann@example.org");
  EXPECT_EQ(field("  Ann@Example.ORG ", false, true), "  ann@example.org ");
  EXPECT_EQ(field("1E2", false, true), "1e2");
  EXPECT_EQ(field("1E9999999999999999999", false, true), "1e9999999999999999999");
  EXPECT_EQ(field("ÀÉ A", false, true), "ÀÉ a");                    // ASCII letters alone
  EXPECT_EQ(field("\u00a0x\u00a0", true, false), "\u00a0x\u00a0");  // ASCII white space alone
}

TEST(CanonicalField, IsItsOwnResult) {
  for (const char* text : {" 1E5 ", "0.50", "ABC", " x ", "1e400", "-0"}) {
    for (int flags = 0; flags < 4; ++flags) {
      const std::string once = field(text, flags & 1, flags & 2);
      EXPECT_EQ(field(once, flags & 1, flags & 2), once) << text;
    }
  }
}

TEST(TrimAscii, TakesBlanksFromBothEndsOnly) {
  EXPECT_EQ(trim_ascii(""), "");
  EXPECT_EQ(trim_ascii(" \t\n\v\f\r "), "");
  EXPECT_EQ(trim_ascii(" a b "), "a b");
  EXPECT_EQ(trim_ascii(std::string_view(" \0 ", 3)), std::string_view("\0", 1));
}

}  // namespace
}  // namespace quipu
