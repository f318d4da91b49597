#include <algorithm>

#include "parts.h"

namespace oracle {
namespace {

constexpr int64_t kFarthestExponent = 1'000'000'000'000'000'000;
constexpr int kPlainDigits = 38;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

bool blank(std::string_view text) { return std::all_of(text.begin(), text.end(), is_space); }

std::optional<Decimal> read_decimal(std::string_view s) {
  size_t i = 0;
  auto digits = [&] {
    size_t from = i;
    while (i < s.size() && is_digit(s[i])) ++i;
    return s.substr(from, i - from);
  };
  Decimal d;
  if (i < s.size() && s[i] == '-') {
    d.negative = true;
    ++i;
  }
  std::string_view whole = digits();
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return std::nullopt;
  std::string_view fraction;
  if (i < s.size() && s[i] == '.') {
    ++i;
    fraction = digits();
    if (fraction.empty()) return std::nullopt;
  }
  bool exponent_negative = false;
  std::string_view exponent;
  if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    if (i < s.size() && (s[i] == '+' || s[i] == '-')) exponent_negative = s[i++] == '-';
    exponent = digits();
    if (exponent.empty()) return std::nullopt;
  }
  if (i != s.size()) return std::nullopt;

  exponent.remove_prefix(std::min(exponent.find_first_not_of('0'), exponent.size()));
  if (exponent.size() > 19) {
    d.beyond = 1;
  } else if (!exponent.empty()) {
    unsigned long long e = std::stoull(std::string(exponent));
    if (e > static_cast<unsigned long long>(kFarthestExponent))
      d.beyond = 1;
    else
      d.exponent = exponent_negative ? -static_cast<int64_t>(e) : static_cast<int64_t>(e);
  }
  if (exponent_negative) d.beyond = -d.beyond;

  d.digits = std::string(whole) + std::string(fraction);
  d.exponent -= static_cast<int64_t>(fraction.size());
  d.digits.erase(0, std::min(d.digits.find_first_not_of('0'), d.digits.size()));
  while (!d.digits.empty() && d.digits.back() == '0') {
    d.digits.pop_back();
    ++d.exponent;
  }
  if (d.digits.empty()) d.exponent = 0, d.negative = false;
  return d;
}

std::string canonical(std::string_view text) {
  return text.find_first_of("eE") == std::string_view::npos ? canonical_number(text)
                                                            : std::string(text);
}

std::string canonical_number(std::string_view text) {
  std::optional<Decimal> d = read_decimal(text);
  if (!d || d->beyond) return std::string(text);
  if (d->digits.empty()) return "0";
  int64_t n = static_cast<int64_t>(d->digits.size());
  int64_t point = n + d->exponent;  // digits before the point, if positive
  std::string out = d->negative ? "-" : "";
  int64_t needed = d->exponent >= 0 ? point : std::max(point, int64_t{0}) - d->exponent;
  if (needed <= kPlainDigits) {
    if (d->exponent >= 0) return out + d->digits + std::string(d->exponent, '0');
    if (point > 0) return out + d->digits.substr(0, point) + "." + d->digits.substr(point);
    return out + "0." + std::string(-point, '0') + d->digits;
  }
  out += d->digits[0];
  if (n > 1) out += "." + d->digits.substr(1);
  return out + "e" + std::to_string(point - 1);
}

FixedFault to_fixed(const Decimal& d, Fixed* out, bool* rounded) {
  *out = 0;
  *rounded = false;
  if (d.digits.empty()) return FixedFault::kNone;
  if (d.beyond > 0) return FixedFault::kTooLarge;
  int64_t n = static_cast<int64_t>(d.digits.size());
  if (d.beyond == 0) {
    int64_t whole = n + d.exponent;
    if (whole > 21 || (whole == 21 && d.digits != "1")) return FixedFault::kTooLarge;  // > 10^20
  }
  int64_t cut = -(d.exponent + 6);  // digits behind the sixth decimal
  if (d.beyond < 0 || cut > n) {
    *rounded = true;
    return FixedFault::kNone;
  }
  std::string kept = d.digits, lost;
  if (cut > 0) {
    kept = d.digits.substr(0, n - cut);
    lost = d.digits.substr(n - cut);
    *rounded = true;
  } else {
    kept += std::string(-cut, '0');
  }
  Fixed value = 0;
  for (char c : kept) value = value * 10 + (c - '0');
  if (!lost.empty() && (lost > "5" || (lost == "5" && value % 2 == 1))) ++value;
  *out = d.negative ? -value : value;
  return FixedFault::kNone;
}

std::string fixed_text(Fixed v) {
  bool negative = v < 0;
  unsigned __int128 rest =
      negative ? -static_cast<unsigned __int128>(v) : static_cast<unsigned __int128>(v);
  std::string digits;
  for (; rest > 0; rest /= 10) digits += char('0' + int(rest % 10));
  while (digits.size() < 7) digits += '0';
  std::reverse(digits.begin(), digits.end());
  std::string whole = digits.substr(0, digits.size() - 6),
              fraction = digits.substr(digits.size() - 6);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  if (fraction.size() == 1) fraction += '0';
  return (negative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

}  // namespace oracle
