#include "http/json_slices.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

#include "base/decimal.h"
#include "base/json_text.h"

namespace quipu {
namespace {

constexpr std::string_view kLargestExact = "9007199254740992";  // 2^53

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Characters by their bytes: those that end a number or word, and those that matter inside
// brackets.
constexpr std::array<bool, 256> table_of(std::string_view characters) {
  std::array<bool, 256> table{};
  for (const char c : characters) table[uint8_t(c)] = true;
  return table;
}
constexpr auto kEndsWord = table_of(",]} \t\r\n\":");
constexpr auto kInBrackets = table_of("\"{}[]");

// Moves through a text from one token to the next.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  // The next character that is no blank; 0 at the end.
  char peek() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  // The value that begins here; empty if it does not end.
  std::string_view value() {
    const char first = peek();
    const size_t begin = at_;
    if (first == '"')
      string();
    else if (first == '{' || first == '[')
      brackets();
    else
      skip_to(kEndsWord);
    return failed_ ? std::string_view() : text_.substr(begin, at_ - begin);
  }

 private:
  void skip_to(const std::array<bool, 256>& table) {
    while (at_ < text_.size() && !table[uint8_t(text_[at_])]) ++at_;
  }
  // Each goes behind what begins here, or fails.
  void string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '"')
        return void(++at_);
    }
    failed_ = true;
  }
  void brackets() {
    std::string open;
    for (; !failed_; skip_to(kInBrackets)) {
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (c == '"') {
        string();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') {
        open += c;
        continue;
      }
      if (open.back() != (c == '}' ? '{' : '[')) break;
      open.pop_back();
      if (open.empty()) return;
    }
    failed_ = true;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool failed_ = false;
};

std::optional<std::string> doubled_key(const std::vector<JsonMember>& members) {
  constexpr size_t kFew = 12;  // compared each with each
  if (members.size() <= kFew) {
    for (size_t i = 1; i < members.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (members[i].key == members[j].key) return members[i].key;
      }
    }
    return std::nullopt;
  }
  std::vector<std::string_view> keys;
  keys.reserve(members.size());
  for (const JsonMember& member : members) keys.push_back(member.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return std::nullopt;
  return std::string(*twice);
}

}  // namespace

Result<JsonObject> JsonObject::read(std::string_view text) {
  Cursor cursor(text);
  if (!cursor.take('{')) return Error{"this must be an object"};
  JsonObject object;
  for (bool first = true; !cursor.take('}'); first = false) {
    if (!first && !cursor.take(',')) return Error{"the object is damaged"};
    const auto key = cursor.peek() == '"' ? text_of(cursor.value()) : std::nullopt;
    if (!key || !cursor.take(':')) return Error{"the object is damaged"};
    const std::string_view value = cursor.value();
    if (value.empty()) return Error{"the object is damaged"};
    if (object.members_.size() == kMaxMembers)
      return Error{"an object with more than " + std::to_string(kMaxMembers) + " members"};
    object.members_.push_back({*key, value});
  }
  if (cursor.peek() != '\0') return Error{"something follows the object"};
  if (const auto key = doubled_key(object.members_))
    return Error{"the key " + json_string(*key) + " is given twice"};
  return object;
}

std::string_view JsonObject::get(std::string_view name) const {
  for (const JsonMember& member : members_) {
    if (member.key == name) return member.value == "null" ? std::string_view() : member.value;
  }
  return {};
}

JsonObject object_or_none(std::string_view text) {
  auto read = JsonObject::read(text);
  return read.ok() ? std::move(*read) : JsonObject();
}

std::string first_id(const JsonObject& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const std::string_view value = object.get(name);
    if (is_json_id(value) && value != "\"\"") return std::string(value);
  }
  return {};
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }
bool is_json_object(std::string_view value) { return value.starts_with('{'); }
bool is_json_string(std::string_view value) { return value.starts_with('"'); }
bool is_json_id(std::string_view value) { return is_json_string(value) || is_json_number(value); }

std::optional<std::string> text_of(std::string_view value) {
  if (value.size() < 2 || !is_json_string(value)) return std::nullopt;
  if (value.find('\\') == std::string_view::npos)
    return std::string(value.substr(1, value.size() - 2));
  static thread_local simdjson::dom::parser parser;
  std::string_view text;
  if (parser.parse(value.data(), value.size()).get(text)) return std::nullopt;
  return std::string(text);
}

bool is_numeric(std::string_view value) {
  if (is_json_number(value)) return true;
  const auto text = text_of(value);
  return text && is_json_number(*text);
}

std::string large_integers_as_text(std::string_view json) {
  std::string out;
  out.reserve(json.size() + 64);
  for (size_t at = 0; at < json.size();) {
    const char c = json[at];
    size_t end = at + 1;
    if (c == '"') {
      while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, json.size());
    } else if ((c >= '0' && c <= '9') || c == '-') {
      end = std::min(json.find_first_not_of("0123456789+-.eE", at), json.size());
    }
    const std::string_view token = json.substr(at, end - at);
    std::string_view digits = token;
    if (digits.starts_with('-')) digits.remove_prefix(1);
    const bool large = c != '"' && digits.find_first_not_of("0123456789") == std::string::npos &&
                       (digits.size() > kLargestExact.size() ||
                        (digits.size() == kLargestExact.size() && digits > kLargestExact));
    large ? (out += '"', out += token, out += '"') : out += token;
    at = end;
  }
  return out;
}

}  // namespace quipu
