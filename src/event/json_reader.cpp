#include "event/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "event/decode.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace quipu {
namespace {

// Zeros behind the line, beside those for the longest planned key: more than any load reads past a
// token.
constexpr size_t kPadding = 64;

const char* skip_blanks(const char* p) {
  while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') ++p;
  return p;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The first quote, backslash or control character from p on. `high` tells whether a byte beyond
// ASCII came before.
const char* plain_end(const char* p, bool& high) {
#ifdef __SSE2__
  unsigned beyond = 0;
  for (;; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const unsigned ends =
        unsigned(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)));
    const unsigned highs = unsigned(_mm_movemask_epi8(bytes));
    if (ends == 0) {
      beyond |= highs;
      continue;
    }
    beyond |= highs & (ends - 1) & ~ends;  // those before the first end
    high = beyond != 0;
    return p + __builtin_ctz(ends);
  }
#else
  high = false;
  for (; *p != '"' && *p != '\\' && uint8_t(*p) >= 0x20; ++p) high |= uint8_t(*p) >= 0x80;
  return p;
#endif
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hex digits, or -1.
int32_t hex4(const char* p) {
  int32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

bool is_high_surrogate(int32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low_surrogate(int32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

void append_utf8(uint32_t c, char*& out) {
  if (c < 0x80) {
    *out++ = char(c);
    return;
  }
  if (c < 0x800) {
    *out++ = char(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *out++ = char(0xe0 | c >> 12);
    } else {
      *out++ = char(0xf0 | c >> 18);
      *out++ = char(0x80 | (c >> 12 & 0x3f));
    }
    *out++ = char(0x80 | (c >> 6 & 0x3f));
  }
  *out++ = char(0x80 | (c & 0x3f));
}

}  // namespace

const char* JsonReader::fail(const char* p, const char* error, Outcome outcome) {
  outcome_ = outcome;
  error_ = error;
  error_offset_ = size_t(p - line_.data());
  return nullptr;
}

JsonReader::Outcome JsonReader::read(std::string_view line) {
  // A key is compared with a planned one as far as that goes, wherever the line ends.
  const size_t padding = kPadding + trie_.longest_token();
  if (line_.size() < line.size() + padding) {
    line_.resize(line.size() + padding);
    unescaped_.resize(line.size() * trie_.readings() + padding);
  }
  std::copy(line.begin(), line.end(), line_.begin());
  std::fill_n(line_.begin() + ptrdiff_t(line.size()), padding, '\0');
  unescaped_end_ = unescaped_.data();
  outcome_ = Outcome::good;
  found_.clear();

  const char* p = skip_blanks(line_.data());
  if (*p != '{') {
    fail(p, "a line must be an object");
    return outcome_;
  }
  p = value(p, trie_.root(), found_.values.data(), 1);
  if (!p) return outcome_;
  p = skip_blanks(p);
  if (p != line_.data() + line.size()) fail(p, "something follows the object");
  return outcome_;
}

const char* JsonReader::value(const char* p, Node* node, Value* base, int depth) {
  Value* out = node && node->index >= 0 ? base + node->index : nullptr;
  switch (*p) {
    case '"':
      return text(p + 1, out);
    case '{':
      if (depth > kMaxJsonDepth) return fail(p, "nested too deep", Outcome::too_deep);
      if (out) out->kind = ValueKind::object;
      return object(p, node, base, depth);
    case '[':
      if (depth > kMaxJsonDepth) return fail(p, "nested too deep", Outcome::too_deep);
      if (out) out->kind = ValueKind::array;
      return array(p, node, base, depth);
    case 't':
      return word(p, "true", ValueKind::boolean, out);
    case 'f':
      return word(p, "false", ValueKind::boolean, out);
    case 'n':
      return word(p, "null", ValueKind::null, out);
    default:
      return number(p, out);
  }
}

const char* JsonReader::object(const char* p, Node* node, Value* base, int depth) {
  p = skip_blanks(p + 1);
  if (*p == '}') return p + 1;
  if (node && node->children.empty()) node = nullptr;
  const uint64_t here = node ? ++objects_ : 0;
  uint32_t* hint = node ? &node->first : nullptr;
  for (;;) {
    if (*p != '"') return fail(p, "expected a key in quotes");
    PathTrie::Child* child = nullptr;
    p = key(p + 1, node, hint, child);
    if (!p) return nullptr;
    if (*p != ':') {
      p = skip_blanks(p);
      if (*p != ':') return fail(p, "expected a colon");
    }
    p = skip_blanks(p + 1);
    if (!child) {
      p = value(p, nullptr, nullptr, depth + 1);
    } else if (child->seen_in == here) {
      for (uint32_t index : child->node->indexes_below)
        base[index].fault = ValueFault::duplicate_key;
      p = value(p, nullptr, nullptr, depth + 1);
    } else {
      child->seen_in = here;
      p = value(p, child->node, base, depth + 1);
    }
    if (!p) return nullptr;
    p = skip_blanks(p);
    if (*p == '}') return p + 1;
    if (*p != ',') return fail(p, "expected a comma or the end of the object");
    p = skip_blanks(p + 1);
  }
}

// hint: the place of the guess which child comes next; moves on when a child is met.
const char* JsonReader::key(const char* p, Node* node, uint32_t*& hint, PathTrie::Child*& child) {
  if (node) {
    PathTrie::Child& guess = node->children[*hint];
    if (guess.begins(p) && guess.plain && p[guess.token.size()] == '"') {
      child = &guess;
      hint = &guess.next;
      return p + guess.token.size() + 1;
    }
  }
  bool high;
  const char* end = plain_end(p, high);
  std::string_view name(p, size_t(end - p));
  char* const free = unescaped_end_;
  if (*end != '"') {
    Value unescaped;
    unescaped.kind = ValueKind::string;
    end = escaped_text(p, end, high, node ? &unescaped : nullptr);
    if (!end) return nullptr;
    name = unescaped.text();
    unescaped_end_ = free;  // the name is not needed for long
    --end;
  }
  const int found = node ? node->find(name) : -1;
  if (found >= 0) {
    child = &node->children[size_t(found)];
    *hint = uint32_t(found);
    hint = &child->next;
  }
  return end + 1;
}

Value* JsonReader::element(PlannedValues::Walk& walk, uint32_t index) {
  if (index < kKeptElements) {
    walk.values.resize(walk.values.size() + walk.width);
    return walk.values.data() + size_t(index) * walk.width;
  }
  return walk.values.data() + size_t(kKeptElements - 1) * walk.width;
}

const char* JsonReader::array(const char* p, Node* node, Value* base, int depth) {
  p = skip_blanks(p + 1);
  if (*p == ']') return p + 1;
  PlannedValues::Walk* walk =
      node && node->star ? &found_.walks[size_t(node->star->walk)] : nullptr;
  const size_t indexes = node ? node->indexes.size() : 0;
  size_t next_index = 0;
  for (uint32_t i = 0;; ++i) {
    const char* end = nullptr;
    if (walk) end = value(p, node->star, element(*walk, i), depth + 1);
    if (next_index < indexes && node->indexes[next_index].first == i) {
      if (!walk || end) end = value(p, node->indexes[next_index].second, base, depth + 1);
      ++next_index;
    } else if (!walk) {
      end = value(p, nullptr, nullptr, depth + 1);
    }
    if (!end) return nullptr;
    if (node && node->index >= 0) base[node->index].size = i + 1;
    p = skip_blanks(end);
    if (*p == ']') return p + 1;
    if (*p != ',') return fail(p, "expected a comma or the end of the array");
    p = skip_blanks(p + 1);
  }
}

const char* JsonReader::text(const char* p, Value* out) {
  bool high;
  const char* end = plain_end(p, high);
  if (*end != '"') return escaped_text(p, end, high, out);
  if (out) {
    out->data = p;
    out->size = uint32_t(end - p);
    out->kind = ValueKind::string;
    if (high && out->fault == ValueFault::none && !simdjson::validate_utf8(p, out->size)) {
      out->fault = ValueFault::invalid_utf8;
    }
  }
  return end + 1;
}

// A string of which `begin` to `p` is plain, and p is no quote. Without `out` it is checked only.
const char* JsonReader::escaped_text(const char* begin, const char* p, bool high, Value* out) {
  char* const first = unescaped_end_;
  char* to = first;
  bool lone = false;
  for (;;) {
    std::memcpy(to, begin, size_t(p - begin));
    to += p - begin;
    if (*p == '"') break;
    if (*p != '\\') return fail(p, "a string has no end or a control character");
    p = escape(p + 1, to, lone);
    if (!p) return nullptr;
    begin = p;
    bool more;
    p = plain_end(p, more);
    high |= more;
  }
  if (out) {
    unescaped_end_ = to;
    out->data = first;
    out->size = uint32_t(to - first);
    out->kind = ValueKind::string;
    if (out->fault == ValueFault::none &&
        (lone || (high && !simdjson::validate_utf8(first, out->size)))) {
      out->fault = ValueFault::invalid_utf8;
    }
  }
  return p + 1;
}

// p: behind a backslash. Writes what the escape stands for; U+FFFD for a lone surrogate.
const char* JsonReader::escape(const char* p, char*& out, bool& lone) {
  switch (*p) {
    case '"':
    case '\\':
    case '/':
      *out++ = *p;
      return p + 1;
    case 'b':
      *out++ = '\b';
      return p + 1;
    case 'f':
      *out++ = '\f';
      return p + 1;
    case 'n':
      *out++ = '\n';
      return p + 1;
    case 'r':
      *out++ = '\r';
      return p + 1;
    case 't':
      *out++ = '\t';
      return p + 1;
    case 'u':
      break;
    default:
      return fail(p, "no such escape");
  }
  const int32_t unit = hex4(p + 1);
  if (unit < 0) return fail(p, "an escape needs four hex digits");
  p += 5;
  uint32_t character = uint32_t(unit);
  if (is_high_surrogate(unit) && p[0] == '\\' && p[1] == 'u') {
    const int32_t low = hex4(p + 2);
    if (is_low_surrogate(low)) {
      append_utf8(0x10000 + (uint32_t(unit - 0xd800) << 10) + uint32_t(low - 0xdc00), out);
      return p + 6;
    }
  }
  if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
    lone = true;
    character = 0xfffd;
  }
  append_utf8(character, out);
  return p;
}

const char* JsonReader::word(const char* p, std::string_view literal, ValueKind kind, Value* out) {
  if (std::memcmp(p, literal.data(), literal.size()) != 0) return fail(p, "expected a value");
  if (out) {
    out->data = p;
    out->size = uint32_t(literal.size());
    out->kind = kind;
  }
  return p + literal.size();
}

const char* JsonReader::number(const char* p, Value* out) {
  const char* const begin = p;
  if (*p == '-') ++p;
  if (*p == '0') {
    ++p;
  } else {
    if (!is_digit(*p)) return fail(p, p == begin ? "expected a value" : "expected a digit");
    while (is_digit(*p)) ++p;
  }
  if (*p == '.') {
    if (!is_digit(*++p)) return fail(p, "expected a digit");
    while (is_digit(*p)) ++p;
  }
  if (*p == 'e' || *p == 'E') {
    ++p;
    if (*p == '+' || *p == '-') ++p;
    if (!is_digit(*p)) return fail(p, "expected a digit");
    while (is_digit(*p)) ++p;
  }
  if (out) {
    out->data = begin;
    out->size = uint32_t(p - begin);
    out->kind = ValueKind::number;
  }
  return p;
}

}  // namespace quipu
