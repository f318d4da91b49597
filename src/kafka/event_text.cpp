#include "kafka/event_text.h"

#include <algorithm>

namespace quipu {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kMemberName = "$kafka";

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

void append_string(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (uint8_t(c) < 0x20) {
      out += "\\u00";
      out += kHex[uint8_t(c) >> 4];
      out += kHex[uint8_t(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_text_or_null(const std::optional<std::string_view>& text, std::string& out) {
  if (text)
    append_string(*text, out);
  else
    out += "null";
}

// The place behind the value whose first byte, an opening bracket, is before `at`; npos if it does
// not end.
size_t end_of_brackets(std::string_view text, size_t at) {
  for (size_t depth = 1; at < text.size();) {
    const char c = text[at++];
    if (c == '"') {
      while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
      ++at;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

// The objects of an array, from '[' to ']'. False if it is none of objects.
bool split_array(std::string_view array, std::vector<std::string_view>& events) {
  size_t at = array.find_first_not_of(kBlanks, 1);
  if (at == array.size() - 1) return array[at] == ']';
  while (at < array.size() && array[at] == '{') {
    const size_t end = end_of_brackets(array, at + 1);
    if (end == std::string_view::npos || array[end - 1] != '}') return false;
    events.push_back(array.substr(at, end - at));
    at = array.find_first_not_of(kBlanks, end);
    if (at == std::string_view::npos) return false;
    if (array[at] == ']') return at == array.size() - 1;
    if (array[at] != ',') return false;
    at = array.find_first_not_of(kBlanks, at + 1);
  }
  return false;
}

bool begins_so(const Path& path) { return !path.tokens.empty() && path.tokens[0] == kMemberName; }

bool begins_so(const Field& field) {
  return std::any_of(field.paths.begin(), field.paths.end(),
                     [](const Path& path) { return begins_so(path); });
}

}  // namespace

bool reads_kafka_member(const Plan& plan) {
  for (const Field* field : {&plan.tenant, &plan.metric, &plan.profile, &plan.id})
    if (begins_so(*field)) return true;
  for (const ValueField& value : plan.values)
    if (begins_so(value.field)) return true;
  for (const Path& path : plan.time.then)
    if (begins_so(path)) return true;
  for (const Property& property : plan.properties)
    if (begins_so(property.path)) return true;
  return begins_so(plan.time.path);
}

std::string kafka_member(std::string_view topic, int32_t partition, const KafkaRecord& record) {
  std::string out = "\"" + std::string(kMemberName) + "\":{\"topic\":";
  append_string(topic, out);
  out += ",\"partition\":" + std::to_string(partition) +
         ",\"offset\":" + std::to_string(record.offset) + ",\"timestamp\":" +
         (record.timestamp_ms < 0 ? "null" : std::to_string(record.timestamp_ms)) + ",\"key\":";
  append_text_or_null(record.key, out);
  out += ",\"headers\":{";
  bool any = false;
  for (auto header = record.headers.begin(); header != record.headers.end(); ++header) {
    const auto same = [&](const auto& later) { return later.first == header->first; };
    if (std::any_of(header + 1, record.headers.end(), same)) continue;
    if (any) out += ',';
    any = true;
    append_string(header->first, out);
    out += ':';
    append_text_or_null(header->second, out);
  }
  return out + "}}";
}

void split_value(const std::optional<std::string_view>& value,
                 std::vector<std::string_view>& events) {
  events.clear();
  std::string_view text = value.value_or("");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::string_view whole = without_blanks(text);
  if (whole.empty()) {
    events.push_back("null");
    return;
  }
  if (whole[0] == '[' && whole.size() <= kMaxArrayBytes) {
    if (split_array(whole, events)) return;
    events.clear();
  }
  events.push_back(text);
}

void append_event_text(std::string_view event, std::string_view member, std::vector<char>& out) {
  const size_t brace = event.find_first_not_of(kBlanks);
  if (member.empty() || brace == std::string_view::npos || event[brace] != '{') {
    out.insert(out.end(), event.begin(), event.end());
    return;
  }
  out.push_back('{');
  out.insert(out.end(), member.begin(), member.end());
  const std::string_view rest = event.substr(brace + 1);
  const size_t next = rest.find_first_not_of(kBlanks);
  if (next == std::string_view::npos || rest[next] != '}') out.push_back(',');
  out.insert(out.end(), rest.begin(), rest.end());
}

}  // namespace quipu
