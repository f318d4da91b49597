#include "base/decimal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace quipu {
namespace {

std::string digits_of(Fixed6 v) {
  const bool negative = v < 0;
  std::string s;
  for (UInt128 m = negative ? -UInt128(v) : UInt128(v); m > 0; m /= 10)
    s.insert(s.begin(), char('0' + int(m % 10)));
  return s.empty() ? "0" : (negative ? "-" : "") + s;
}

std::string canonical(const std::string& text) {
  std::string out = "untouched";
  return canonical_number(text, out) ? out : "no: " + out;
}

// ---- The slow way: a number as a sign and a string of digits with a point, worked on as text ----

// "-12.5e3" -> "-", "12500.", by moving the point one place at a time.
struct Plain {
  bool negative;
  std::string whole, fraction;  // without leading, trailing zeros
};
Plain slow_plain(const std::string& text) {
  std::string mantissa = text.substr(0, text.find_first_of("eE"));
  int exponent = mantissa.size() < text.size() ? std::stoi(text.substr(mantissa.size() + 1)) : 0;
  Plain p{mantissa[0] == '-', "", ""};
  if (p.negative) mantissa.erase(0, 1);
  p.whole = mantissa.substr(0, mantissa.find('.'));
  if (p.whole.size() < mantissa.size()) p.fraction = mantissa.substr(p.whole.size() + 1);
  for (; exponent > 0; --exponent) {
    if (p.fraction.empty()) p.fraction = "0";
    p.whole.push_back(p.fraction[0]);
    p.fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    if (p.whole.empty()) p.whole = "0";
    p.fraction.insert(p.fraction.begin(), p.whole.back());
    p.whole.pop_back();
  }
  while (!p.whole.empty() && p.whole[0] == '0') p.whole.erase(0, 1);
  while (!p.fraction.empty() && p.fraction.back() == '0') p.fraction.pop_back();
  if (p.whole.empty() && p.fraction.empty()) p.negative = false;
  return p;
}

std::string slow_canonical(const std::string& text) {
  Plain p = slow_plain(text);
  if (p.whole.empty() && p.fraction.empty()) return "0";
  const std::string sign = p.negative ? "-" : "";
  if (p.whole.size() + p.fraction.size() <= 38) {
    return sign + (p.whole.empty() ? "0" : p.whole) + (p.fraction.empty() ? "" : "." + p.fraction);
  }
  std::string all = p.whole + p.fraction;
  const size_t first = all.find_first_not_of('0'), last = all.find_last_not_of('0');
  const long exponent = long(p.whole.size()) - long(first) - 1;
  std::string rest = all.substr(first + 1, last - first);
  return sign + all[first] + (rest.empty() ? "" : "." + rest) + "e" + std::to_string(exponent);
}

std::string increment(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return "1" + digits;
}

// Digits of the value in millionths ("too large" if so), and whether it had to be rounded.
std::pair<std::string, bool> slow_fixed6(const std::string& text) {
  Plain p = slow_plain(text);
  const std::string limit = "1" + std::string(20, '0');
  if (p.whole.size() > limit.size() ||
      (p.whole.size() == limit.size() && (p.whole > limit || !p.fraction.empty()))) {
    return {"too large", false};
  }
  std::string kept = p.whole + (p.fraction + "000000").substr(0, 6);
  std::string lost = p.fraction.size() > 6 ? p.fraction.substr(6) : "";
  if (!lost.empty()) {
    const std::string half = "5" + std::string(lost.size() - 1, '0');
    if (lost > half || (lost == half && (kept.back() - '0') % 2 == 1)) kept = increment(kept);
  }
  while (kept.size() > 1 && kept[0] == '0') kept.erase(0, 1);
  return {(p.negative && kept != "0" ? "-" : "") + kept, !lost.empty()};
}

std::string random_number(std::mt19937& rng) {
  auto draw = [&](int n) { return int(rng() % uint32_t(n)); };
  // Digits that make zeros, nines, halves and ties likely.
  auto digit = [&] { return "0000555999123456789"[draw(19)]; };
  std::string s = draw(3) == 0 ? "-" : "";
  const int whole = draw(3) == 0 ? 0 : draw(4) == 0 ? draw(45) : draw(22);
  if (whole == 0) s += "0";
  for (int i = 0; i < whole; ++i) s += i == 0 ? char('1' + draw(9)) : digit();
  if (draw(3) > 0) {
    s += ".";
    for (int i = 0, n = 1 + (draw(4) == 0 ? draw(50) : draw(9)); i < n; ++i) s += digit();
  }
  if (draw(2) == 0) {
    s += draw(2) ? "e" : "E";
    s += draw(3) == 0 ? "+" : draw(2) ? "-" : "";
    s += std::string(size_t(draw(3)), '0') + std::to_string(draw(4) == 0 ? draw(100) : draw(25));
  }
  return s;
}

TEST(Decimal, AgreesWithArithmeticOnDigitStrings) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 rng(seed);
  int too_large = 0, rounded = 0, with_exponent = 0;
  for (int i = 0; i < 20000 && !testing::Test::HasFailure(); ++i) {
    const std::string text = random_number(rng);
    SCOPED_TRACE(text);
    EXPECT_TRUE(is_json_number(text));
    const std::string expected = slow_canonical(text);
    EXPECT_EQ(canonical(text), expected);
    EXPECT_EQ(canonical(expected), expected);
    with_exponent += expected.find('e') != std::string::npos;
    const auto [digits, was_rounded] = slow_fixed6(text);
    const ParsedFixed6 parsed = parse_fixed6(text);
    if (digits == "too large") {
      EXPECT_EQ(parsed.error, DecimalError::too_large);
      ++too_large;
    } else {
      EXPECT_EQ(parsed.error, DecimalError::none);
      EXPECT_EQ(digits_of(parsed.value), digits);
      EXPECT_EQ(parsed.rounded, was_rounded);
      rounded += was_rounded;
      // What is printed is read back as the same value.
      const ParsedFixed6 again = parse_fixed6(format_fixed6(parsed.value));
      EXPECT_TRUE(again.value == parsed.value && !again.rounded);
    }
  }
  EXPECT_GT(too_large, 100);
  EXPECT_GT(rounded, 100);
  EXPECT_GT(with_exponent, 100);
}

TEST(Decimal, OneValueHasOneCanonicalText) {
  for (const char* text : {"95", "95.0", "9.5e1", "9.5E+1", "950e-1", "0.095e3"})
    EXPECT_EQ(canonical(text), "95");
  for (const char* text : {"0", "-0", "0.0", "-0.00e5", "0e-7", "0e999999999"})
    EXPECT_EQ(canonical(text), "0");
  EXPECT_EQ(canonical("0.50"), "0.5");
  EXPECT_EQ(canonical("-1e-3"), "-0.001");
  EXPECT_EQ(canonical("9007199254740993"), "9007199254740993");
  EXPECT_EQ(canonical("12345678901234567509"), "12345678901234567509");
  EXPECT_EQ(canonical("1e37"), "1" + std::string(37, '0'));
  EXPECT_EQ(canonical("1e38"), "1e38");
  EXPECT_EQ(canonical("12e37"), "1.2e38");
  EXPECT_EQ(canonical("1e-38"), "0." + std::string(37, '0') + "1");
  EXPECT_EQ(canonical("1e-39"), "1e-39");
}

TEST(Decimal, HugeExponentsCostNothing) {
  EXPECT_EQ(canonical("1e999999999"), "1e999999999");
  EXPECT_EQ(canonical("-15e-401"), "-1.5e-400");
  EXPECT_EQ(canonical("1e1000000000000000000"), "1e1000000000000000000");
  EXPECT_EQ(canonical("1e-1000000000000000000"), "1e-1000000000000000000");
  EXPECT_EQ(canonical("12.5e1000000000000000000"), "1.25e1000000000000000001");
  EXPECT_EQ(canonical("1e1000000000000000001"), "no: untouched");
  EXPECT_EQ(canonical("1e-1000000000000000001"), "no: untouched");
  EXPECT_EQ(canonical("0e99999999999999999999999999999999999999"), "no: untouched");
  for (const char* text : {"1e999999999", "1e1000000000000000000", "1e99999999999999999999999999",
                           "-1e9223372036854775807"}) {
    EXPECT_EQ(parse_fixed6(text).error, DecimalError::too_large) << text;
  }
  for (const char* text : {"1e-999999999", "-1e-1000000000000000000",
                           "1e-99999999999999999999999999", "1e-9223372036854775808"}) {
    ParsedFixed6 p = parse_fixed6(text);
    EXPECT_TRUE(p.error == DecimalError::none && p.value == 0 && p.rounded) << text;
  }
  ParsedFixed6 zero = parse_fixed6("0e99999999999999999999");
  EXPECT_TRUE(zero.error == DecimalError::none && zero.value == 0 && !zero.rounded);
}

TEST(Decimal, LongNumbersAreExact) {
  const std::string zeros(1 << 20, '0');
  EXPECT_EQ(canonical("7." + zeros), "7");
  EXPECT_EQ(canonical("7" + zeros + "e-1048576"), "7");
  EXPECT_EQ(canonical("0." + zeros + "25e1048577"), "2.5");
  ParsedFixed6 above_half = parse_fixed6("0.0000005" + zeros + "1");
  EXPECT_TRUE(above_half.value == 1 && above_half.rounded);
  ParsedFixed6 half = parse_fixed6("0.0000005" + zeros);
  EXPECT_TRUE(half.value == 0 && half.rounded);
}

TEST(Decimal, RoundsHalfToEven) {
  EXPECT_TRUE(parse_fixed6("0.0000005").value == 0);
  EXPECT_TRUE(parse_fixed6("0.0000015").value == 2);
  EXPECT_TRUE(parse_fixed6("-0.0000025").value == -2);
  EXPECT_TRUE(parse_fixed6("2.0000034999").value == 2000003);
  EXPECT_TRUE(parse_fixed6("0.0000000001").value == 0);
}

TEST(Decimal, TheLargestValueIsTenToTheTwentieth) {
  EXPECT_EQ(digits_of(parse_fixed6("100000000000000000000").value), "1" + std::string(26, '0'));
  EXPECT_EQ(digits_of(parse_fixed6("-1e20").value), "-1" + std::string(26, '0'));
  EXPECT_EQ(parse_fixed6("1.0e20").error, DecimalError::none);
  EXPECT_EQ(parse_fixed6("100000000000000000000.0000000001").error, DecimalError::too_large);
  EXPECT_EQ(parse_fixed6("-100000000000000000001").error, DecimalError::too_large);
  EXPECT_EQ(digits_of(parse_fixed6("99999999999999999999.9999996").value),
            "1" + std::string(26, '0'));
}

TEST(Decimal, OnlyJsonNumbersAreNumbers) {
  for (const char* text : {"",      "-",   "+5",    " 5",    "5 ",   "0095",     "-01", "1.",
                           ".5",    "1e",  "1e+",   "1.e5",  "0x10", "Infinity", "NaN", "1,000",
                           "1_000", "--1", "1e5.5", "1e5e5", "٣",    "5\n"}) {
    EXPECT_FALSE(is_json_number(text)) << text;
    EXPECT_EQ(parse_fixed6(text).error, DecimalError::not_a_number) << text;
    EXPECT_EQ(canonical(text), "no: untouched") << text;
  }
  EXPECT_FALSE(is_json_number(std::string_view("5\0", 2)));
}

TEST(Decimal, SumsPrintWithNoDecimalsOrAtLeastTwo) {
  EXPECT_EQ(format_fixed6(0), "0");
  EXPECT_EQ(format_fixed6(10500000), "10.50");
  EXPECT_EQ(format_fixed6(125000), "0.125");
  EXPECT_EQ(format_fixed6(Fixed6(167881) * 1000000), "167881");
  EXPECT_EQ(format_fixed6(-1), "-0.000001");
  EXPECT_EQ(format_fixed6(-1500000), "-1.50");
  EXPECT_EQ(format_fixed6(1010000), "1.01");
  const Fixed6 smallest = Fixed6(UInt128(1) << 127);
  EXPECT_EQ(format_fixed6(smallest), "-170141183460469231731687303715884.105728");
}

}  // namespace
}  // namespace quipu
