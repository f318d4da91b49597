#include "base/decimal.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/check.h"

namespace quipu {
namespace {

constexpr int kPlainDigits = 38;  // a number that needs more is written with an exponent
constexpr int64_t kFarthestExponent = 1'000'000'000'000'000'000;
constexpr int kDecimals = 6;
constexpr Fixed6 kUnit = 1'000'000;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number's digits, left in the text where they stand: `whole` then `fraction`. Of those, the ones
// from `first` to `last` (exclusive) have no zeros at either end; none are left for zero.
struct Scanned {
  bool negative = false;
  std::string_view whole, fraction;
  bool exponent_negative = false;
  bool exponent_beyond = false;  // further from 0 than kFarthestExponent
  int64_t exponent = 0;          // as spelled; 0 if beyond
  size_t first = 0, last = 0;

  bool zero() const { return first == last; }
  char digit(size_t i) const { return i < whole.size() ? whole[i] : fraction[i - whole.size()]; }
  // Places of the first significant digit before the point: 1 for "5", 0 for "0.5", -1 for "0.05".
  int64_t places() const { return int64_t(whole.size()) - int64_t(first) + exponent; }
  int64_t significant() const { return int64_t(last - first); }
};

std::optional<Scanned> scan(std::string_view text) {
  Scanned n;
  size_t at = 0;
  auto digits = [&] {
    size_t from = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return text.substr(from, at - from);
  };
  if (at < text.size() && text[at] == '-') {
    n.negative = true;
    ++at;
  }
  n.whole = digits();
  if (n.whole.empty() || (n.whole.size() > 1 && n.whole[0] == '0')) return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    ++at;
    n.fraction = digits();
    if (n.fraction.empty()) return std::nullopt;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-'))
      n.exponent_negative = text[at++] == '-';
    std::string_view exponent = digits();
    if (exponent.empty()) return std::nullopt;
    for (char c : exponent) {
      n.exponent_beyond =
          n.exponent > kFarthestExponent / 10 || (n.exponent == kFarthestExponent / 10 && c != '0');
      if (n.exponent_beyond) break;
      n.exponent = n.exponent * 10 + (c - '0');
    }
    if (n.exponent_beyond) n.exponent = 0;
    if (n.exponent_negative) n.exponent = -n.exponent;
  }
  if (at != text.size()) return std::nullopt;

  n.last = n.whole.size() + n.fraction.size();
  while (n.first < n.last && n.digit(n.first) == '0') ++n.first;
  while (n.last > n.first && n.digit(n.last - 1) == '0') --n.last;
  return n;
}

void append_digits(const Scanned& n, size_t from, size_t to, std::string& out) {
  for (size_t i = from; i < to; ++i) out.push_back(n.digit(i));
}

}  // namespace

bool is_json_number(std::string_view text) {
  // What most strings fail on at once.
  if (text.empty() || !(is_digit(text[0]) || text[0] == '-')) return false;
  return scan(text).has_value();
}

ParsedFixed6 parse_fixed6(std::string_view text) {
  ParsedFixed6 result;
  std::optional<Scanned> n = scan(text);
  if (!n) {
    result.error = DecimalError::not_a_number;
    return result;
  }
  if (n->zero()) return result;
  if (n->exponent_beyond && !n->exponent_negative) {
    result.error = DecimalError::too_large;
    return result;
  }
  if (n->exponent_beyond) {
    result.rounded = true;
    return result;
  }
  const int64_t places = n->places();
  // 10^20 itself is the only number of 21 places that is small enough.
  if (places > kMaxValueDigits + 1 ||
      (places == kMaxValueDigits + 1 && !(n->significant() == 1 && n->digit(n->first) == '1'))) {
    result.error = DecimalError::too_large;
    return result;
  }
  const int64_t kept =
      places + kDecimals;  // digits from the first significant one to the sixth decimal
  if (kept < 0) {
    result.rounded = true;
    return result;
  }
  Fixed6 value = 0;
  for (int64_t i = 0; i < kept; ++i) {
    size_t at = n->first + size_t(i);
    value = value * 10 + (at < n->last ? n->digit(at) - '0' : 0);
  }
  if (n->significant() > kept) {
    result.rounded = true;
    const size_t next = n->first + size_t(kept);
    const bool more_behind = next + 1 < n->last;  // the last significant digit is not zero
    const char digit = n->digit(next);
    if (digit > '5' || (digit == '5' && (more_behind || value % 2 == 1))) ++value;
  }
  result.value = n->negative ? -value : value;
  return result;
}

std::string format_fixed6(Fixed6 value) {
  const bool negative = value < 0;
  UInt128 magnitude = negative ? UInt128(0) - UInt128(value) : UInt128(value);
  uint32_t decimals = uint32_t(magnitude % UInt128(kUnit));
  magnitude /= UInt128(kUnit);
  std::string out;
  do {
    out.push_back(char('0' + int(magnitude % 10)));
    magnitude /= 10;
  } while (magnitude != 0);
  if (negative) out.push_back('-');
  std::reverse(out.begin(), out.end());
  if (decimals == 0) return out;
  char tail[kDecimals];
  for (int i = kDecimals - 1; i >= 0; --i) {
    tail[i] = char('0' + decimals % 10);
    decimals /= 10;
  }
  int length = kDecimals;
  while (length > 2 && tail[length - 1] == '0') --length;
  out.push_back('.');
  out.append(tail, size_t(length));
  return out;
}

bool canonical_number(std::string_view text, std::string& out) {
  if (text.empty() || !(is_digit(text[0]) || text[0] == '-')) return false;
  std::optional<Scanned> n = scan(text);
  if (!n || n->exponent_beyond) return false;
  out.clear();
  if (n->zero()) {
    out.push_back('0');
    return true;
  }
  if (n->negative) out.push_back('-');
  const int64_t places = n->places(), significant = n->significant();
  const int64_t needed = std::max(places, int64_t{0}) + std::max(significant - places, int64_t{0});
  if (needed > kPlainDigits) {
    append_digits(*n, n->first, n->first + 1, out);
    if (significant > 1) {
      out.push_back('.');
      append_digits(*n, n->first + 1, n->last, out);
    }
    out.push_back('e');
    out.append(std::to_string(places - 1));
  } else if (places <= 0) {
    out.append("0.").append(size_t(-places), '0');
    append_digits(*n, n->first, n->last, out);
  } else {
    const size_t before = size_t(std::min(places, significant));
    append_digits(*n, n->first, n->first + before, out);
    out.append(size_t(places) - before, '0');
    if (significant > places) {
      out.push_back('.');
      append_digits(*n, n->first + before, n->last, out);
    }
  }
  return true;
}

}  // namespace quipu
