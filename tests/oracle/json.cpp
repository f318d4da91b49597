#include <cstdio>

#include "parts.h"

namespace oracle {
namespace {

// Recursive descent; throws the reason at the first fault from the left.
class Reader {
 public:
  explicit Reader(std::string_view s) : s_(s) {}

  Json document() {
    Json value;
    blanks();
    if (peek() != '{') throw "not_json";
    read(&value, 1);
    blanks();
    if (i_ != s_.size()) throw "not_json";
    return value;
  }

 private:
  int peek() const { return i_ < s_.size() ? static_cast<unsigned char>(s_[i_]) : -1; }
  void blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++i_;
  }
  void expect(char c) {
    if (peek() != c) throw "not_json";
    ++i_;
  }
  void word(std::string_view w, Json::Kind kind, Json* out) {
    if (s_.substr(i_, w.size()) != w) throw "not_json";
    i_ += w.size();
    out->kind = kind;
    if (kind != Json::kNull) out->text = w;
  }

  void read(Json* out, int depth) {
    switch (peek()) {
      case '{':
        return object(out, depth);
      case '[':
        return array(out, depth);
      case '"':
        out->kind = Json::kString;
        return string(&out->text, &out->bad_text);
      case 't':
        return word("true", Json::kTrue, out);
      case 'f':
        return word("false", Json::kFalse, out);
      case 'n':
        return word("null", Json::kNull, out);
      default:
        return number(out);
    }
  }

  void object(Json* out, int depth) {
    if (depth > kDeepestNesting) throw "too_deep";
    out->kind = Json::kObject;
    expect('{');
    blanks();
    if (peek() == '}') return expect('}');
    while (true) {
      blanks();
      std::string key;
      bool bad = false;
      if (peek() != '"') throw "not_json";
      string(&key, &bad);
      blanks();
      expect(':');
      blanks();
      out->fields.emplace_back(std::move(key), Json());
      read(&out->fields.back().second, depth + 1);
      blanks();
      if (peek() == '}') return expect('}');
      expect(',');
    }
  }

  void array(Json* out, int depth) {
    if (depth > kDeepestNesting) throw "too_deep";
    out->kind = Json::kArray;
    expect('[');
    blanks();
    if (peek() == ']') return expect(']');
    while (true) {
      blanks();
      out->items.emplace_back();
      read(&out->items.back(), depth + 1);
      blanks();
      if (peek() == ']') return expect(']');
      expect(',');
    }
  }

  void number(Json* out) {
    size_t from = i_;
    auto digits = [&] {
      size_t start = i_;
      while (peek() >= '0' && peek() <= '9') ++i_;
      if (i_ == start) throw "not_json";
    };
    if (peek() == '-') ++i_;
    if (peek() == '0')
      ++i_;
    else
      digits();
    if (peek() == '.') {
      ++i_;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      ++i_;
      if (peek() == '+' || peek() == '-') ++i_;
      digits();
    }
    out->kind = Json::kNumber;
    out->text = s_.substr(from, i_ - from);
  }

  unsigned hex4() {
    unsigned value = 0;
    for (int k = 0; k < 4; ++k, ++i_) {
      int c = peek();
      int digit = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
      if (digit < 0) throw "not_json";
      value = value * 16 + digit;
    }
    return value;
  }

  static void append_utf8(std::string* out, unsigned c) {
    if (c < 0x80) {
      *out += char(c);
    } else if (c < 0x800) {
      *out += char(0xC0 | c >> 6);
      *out += char(0x80 | (c & 63));
    } else if (c < 0x10000) {
      *out += char(0xE0 | c >> 12);
      *out += char(0x80 | (c >> 6 & 63));
      *out += char(0x80 | (c & 63));
    } else {
      *out += char(0xF0 | c >> 18);
      *out += char(0x80 | (c >> 12 & 63));
      *out += char(0x80 | (c >> 6 & 63));
      *out += char(0x80 | (c & 63));
    }
  }

  void escape(std::string* out) {
    int c = peek();
    ++i_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        *out += char(c);
        return;
      case 'b':
        *out += '\b';
        return;
      case 'f':
        *out += '\f';
        return;
      case 'n':
        *out += '\n';
        return;
      case 'r':
        *out += '\r';
        return;
      case 't':
        *out += '\t';
        return;
      case 'u':
        break;
      default:
        throw "not_json";
    }
    unsigned unit = hex4();
    if (unit >= 0xD800 && unit < 0xDC00 && s_.substr(i_, 2) == "\\u") {
      size_t back = i_;
      i_ += 2;
      unsigned low = hex4();
      if (low >= 0xDC00 && low < 0xE000)
        return append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
      i_ = back;
    }
    append_utf8(out, unit);  // a lone surrogate becomes invalid UTF-8 and is found as such
  }

  void string(std::string* out, bool* bad) {
    expect('"');
    while (true) {
      int c = peek();
      if (c < 0x20) throw "not_json";  // also the end
      ++i_;
      if (c == '"') break;
      if (c == '\\')
        escape(out);
      else
        *out += char(c);
    }
    *bad = !valid_utf8(*out);
  }

  std::string_view s_;
  size_t i_ = 0;
};

}  // namespace

std::string read_json(std::string_view line, Json* out) {
  try {
    *out = Reader(line).document();
    return "";
  } catch (const char* reason) {
    return reason;
  }
}

bool valid_utf8(std::string_view s) {
  auto at = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  for (size_t i = 0; i < s.size();) {
    unsigned c = at(i);
    int length = c < 0x80                ? 1
                 : c >= 0xC2 && c < 0xE0 ? 2
                 : c >= 0xE0 && c < 0xF0 ? 3
                 : c >= 0xF0 && c < 0xF5 ? 4
                                         : 0;
    if (length == 0) return false;
    for (int k = 1; k < length; ++k)
      if (at(i + k) < 0x80 || at(i + k) > 0xBF) return false;
    unsigned next = at(i + 1);
    if ((c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F)) return false;
    if ((c == 0xF0 && next < 0x90) || (c == 0xF4 && next > 0x8F)) return false;
    i += length;
  }
  return true;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c < 0x20) {
          char buffer[8];
          std::snprintf(buffer, sizeof buffer, "\\u%04x", c);
          out += buffer;
        } else {
          out += char(c);
        }
    }
  }
  return out + '"';
}

}  // namespace oracle
