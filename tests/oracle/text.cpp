// Files as text, and the records in them: by the words of docs/plan.md, one character at a time.
#include <algorithm>

#include "oracle.h"
#include "parts.h"

namespace oracle {
namespace {

constexpr size_t kLongestRecord = 1 << 20;

bool gap(char c) { return c == ' ' || c == '\t'; }

// Behind the record that begins at `from`, with its newline. 0: it is not whole yet.
size_t record_end(const InputSpec& input, const std::string& text, size_t from, bool complete) {
  const bool runs = input.delimiter == "whitespace";
  const bool quotes = input.delimited && !input.log && input.quote != '\0';
  bool field_begins = true;
  for (size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\n') return i + 1;
    if (!quotes || !field_begins || text[i] != input.quote) {
      field_begins = runs ? gap(text[i]) : text[i] == input.delimiter[0];
      continue;
    }
    size_t close = i + 1;
    for (; close < text.size(); ++close) {
      if (text[close] != input.quote) continue;
      if (close + 1 == text.size() || text[close + 1] != input.quote) break;
      ++close;
    }
    const bool too_far = close >= from + kLongestRecord;
    if (!too_far && close >= text.size() && !complete) return 0;
    if (too_far || close >= text.size()) {  // given up: the line that opened it ends the record
      const size_t newline = text.find('\n', i);
      return newline == std::string::npos ? complete ? text.size() : 0 : newline + 1;
    }
    // The one that may be the first of two is not known to close.
    if (close + 1 == text.size() && !complete) return 0;
    i = close;
    field_begins = false;
  }
  return complete ? text.size() : 0;
}

bool closed_object(std::string_view line) {
  size_t i = line.find_first_not_of(" \t\r\n");
  if (i == std::string::npos || line[i] != '{') return false;
  int deep = 0;
  do {
    if (line[i] == '{' || line[i] == '[') ++deep;
    if (line[i] == '}' || line[i] == ']') --deep;
    if (line[i] != '"') continue;
    while (++i < line.size() && line[i] != '"')
      if (line[i] == '\\') ++i;
  } while (++i < line.size() && deep > 0);
  return deep == 0 && i <= line.size() && line.find_first_not_of(" \t\r\n", i) == std::string::npos;
}

}  // namespace

std::string plain_text(std::string_view bytes) {
  const size_t first = bytes.substr(0, kLongestRecord).find_first_of("\r\n");
  const bool returns = first != std::string::npos && bytes[first] == '\r' &&
                       first + 1 < bytes.size() && bytes[first + 1] != '\n';
  std::string text(bytes.substr(bytes.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0));
  if (returns) std::replace(text.begin(), text.end(), '\r', '\n');
  return text;
}

std::vector<std::string> records_of(const InputSpec& input, const std::string& text,
                                    bool complete) {
  std::vector<std::string> records;
  for (size_t from = 0; from < text.size();) {
    size_t end = record_end(input, text, from, complete);
    if (end == 0 && !input.delimited && closed_object(std::string_view(text).substr(from)))
      end = text.size();
    if (end == 0) break;
    records.push_back(text.substr(from, end - from - (text[end - 1] == '\n')));
    from = end;
  }
  return records;
}

std::vector<std::string> log_columns() {
  return {"host",    "ident", "user",   "time",   "request", "status",  "bytes",
          "referer", "agent", "method", "target", "path",    "protocol"};
}

std::vector<std::string> split_log(std::string_view line, bool* open) {
  std::vector<std::string> out;
  for (size_t i = 0; i < line.size() && out.size() < 9;) {
    if (gap(line[i])) {
      ++i;
      continue;
    }
    std::string& field = out.emplace_back();
    if (line[i] == '[' || line[i] == '"') {
      const char close = line[i] == '[' ? ']' : '"';
      for (++i; i < line.size() && line[i] != close; ++i) {
        if (close == '"' && line[i] == '\\' && i + 1 < line.size() &&
            (line[i + 1] == '\\' || line[i + 1] == '"'))
          ++i;
        field += line[i];
      }
      if (i == line.size()) *open = true;
      ++i;
    } else {
      while (i < line.size() && !gap(line[i])) field += line[i++];
    }
  }
  if (out.size() < 7) return out;
  out.resize(9);
  for (std::string& field : out)
    if (field == "-") field.clear();
  const std::string request = out[4];
  std::string method, target, protocol;
  if (request.find(' ') != std::string::npos) {
    method = request.substr(0, request.find(' '));
    target = request.substr(method.size() + 1);
    if (const size_t at = target.rfind(" HTTP/"); at != std::string::npos) {
      protocol = target.substr(at + 1);
      target.resize(at);
    }
  }
  for (const std::string& part : {method, target, target.substr(0, target.find('?')), protocol})
    out.push_back(part);
  return out;
}

}  // namespace oracle
