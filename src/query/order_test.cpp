#include "query/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "query/csv.h"
#include "query/render_parts.h"

namespace quipu {
namespace {

TEST(Order, NumbersAreComparedAsNumbersAndStandBeforeTexts) {
  std::vector<std::string> mixed = {"-10",
                                    "-9.5",
                                    "-9",
                                    "-0.5",
                                    "-0",
                                    "0",
                                    "0.0",
                                    "0.05",
                                    "0.5",
                                    "1",
                                    "1.0",
                                    "01",
                                    "2",
                                    "9.99",
                                    "10",
                                    "99999999999999999999999999999998",
                                    "99999999999999999999999999999999",
                                    "",
                                    "-",
                                    "-a",
                                    ".5",
                                    "1.",
                                    "1e3",
                                    "10a",
                                    "2a",
                                    "a10",
                                    "a9"};
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(mixed.begin(), mixed.end(), random);
    std::sort(mixed.begin(), mixed.end(),
              [](const auto& a, const auto& b) { return compare_names(a, b) < 0; });
    const auto place = [&](const char* name) {
      return std::find(mixed.begin(), mixed.end(), name) - mixed.begin();
    };
    for (const auto& [less, more] :
         {std::pair("-10", "-9.5"),
          {"-9.5", "-9"},
          {"-9", "-0.5"},
          {"-0.5", "0"},
          {"0", "0.05"},
          {"0.05", "0.5"},
          {"0.5", "1"},
          {"1", "2"},
          {"2", "9.99"},
          {"9.99", "10"},
          {"99999999999999999999999999999998", "99999999999999999999999999999999"},
          {"10", ""},
          {"10", "1e3"},
          {"10", "1."},
          {"10", ".5"},
          {"10a", "2a"},
          {"a10", "a9"}})
      EXPECT_LT(place(less), place(more)) << less << " " << more;
  }
}

// Any two differ, one way only, and a < b < c makes a < c.
TEST(Order, IsTotal) {
  std::mt19937 random(std::random_device{}());
  const auto name = [&] {
    std::string text;
    for (unsigned n = random() % 6; n > 0; --n) text += "0129.-a"[random() % 7];
    return text;
  };
  for (int round = 0; round < 20000; ++round) {
    const std::string a = name(), b = name(), c = name();
    EXPECT_EQ(compare_names(a, b) == 0, a == b) << a << " " << b;
    EXPECT_EQ(compare_names(a, b), -compare_names(b, a)) << a << " " << b;
    if (compare_names(a, b) < 0 && compare_names(b, c) < 0) {
      EXPECT_LT(compare_names(a, c), 0) << a << " " << b << " " << c;
    }
  }
}

TEST(Percent, IsRoundedToOneDecimalHalfAwayFromZero) {
  const auto text = [](Fixed6 now, Fixed6 before) {
    return percent_text(now, before).value_or("none");
  };
  EXPECT_EQ(text(3, 4), "-25.0");
  EXPECT_EQ(text(4, 3), "+33.3");
  EXPECT_EQ(text(5, 3), "+66.7");
  EXPECT_EQ(text(2001, 2000), "+0.1") << "0.05 away from zero";
  EXPECT_EQ(text(1999, 2000), "-0.1");
  EXPECT_EQ(text(20001, 20000), "0.0");
  EXPECT_EQ(text(7, 7), "0.0");
  EXPECT_EQ(text(0, 7), "-100.0");
  EXPECT_EQ(text(7, 0), "none");
  EXPECT_EQ(text(-5, -10), "+50.0") << "of the size of what was";
  EXPECT_EQ(text(Fixed6(1) << 100, 1), "+126765060022822940149670320537500.0");
  EXPECT_EQ(text(1, Fixed6(1) << 120), "none") << "too large to be compared";
}

TEST(Csv, WithoutFormulasOnWish) {
  const auto field = [](const std::string& text, CsvTexts texts) {
    std::string out;
    append_csv_field(text, out, texts);
    return out;
  };
  for (const char* text : {"=1", "+1", "-1", "@a"}) {
    EXPECT_EQ(field(text, CsvTexts::exact), text);
    EXPECT_EQ(field(text, CsvTexts::no_formulas), std::string("'") + text);
  }
  EXPECT_EQ(field("=a,\"b\"", CsvTexts::no_formulas), "\"'=a,\"\"b\"\"\"");
  for (const char* text : {"a\rb", "a\nb", "a,b"}) {
    EXPECT_EQ(field(text, CsvTexts::exact), '"' + std::string(text) + '"');
  }
  EXPECT_EQ(field("a=1", CsvTexts::no_formulas), "a=1");
  EXPECT_EQ(field("", CsvTexts::no_formulas), "");
}

}  // namespace
}  // namespace quipu
