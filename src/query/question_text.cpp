#include "query/question_text.h"

#include <algorithm>

#include "query/buckets.h"
#include "query/label.h"

namespace quipu {
namespace {

// Takes one of `escapes` behind a backslash at text[i] for itself; moves i to the last character
// read.
char unescaped(std::string_view text, size_t& i, std::string_view escapes) {
  const bool escape =
      text[i] == '\\' && i + 1 < text.size() && escapes.find(text[i + 1]) != std::string_view::npos;
  return escape ? text[++i] : text[i];
}

// The values of --where: each in quotes, or as it is up to the next `|`.
Result<std::vector<std::string>> parse_values(std::string_view text) {
  std::vector<std::string> values;
  while (true) {
    std::string value;
    if (!text.empty() && text[0] == '"') {
      auto read = read_quoted_label(text);
      if (!read || (read->length < text.size() && text[read->length] != '|')) {
        return Error{
            "a value that begins with a quote stands in quotes, such as \"a|b\"; within them write "
            "\\\" for a quote and \\\\ for a backslash"};
      }
      value = std::move(read->text);
      text.remove_prefix(read->length);
    } else {
      size_t i = 0;
      for (; i < text.size() && text[i] != '|'; ++i) value += unescaped(text, i, "|\\");
      text.remove_prefix(i);
    }
    values.push_back(std::move(value));
    if (text.empty()) return values;
    text.remove_prefix(1);
  }
}

}  // namespace

Result<Filter> parse_filter(const std::string& text) {
  Filter filter;
  size_t i = 0;
  char sign = 0;  // the last character, if it is a `!` or `^` without backslash
  for (; i < text.size() && text[i] != '='; ++i) {
    sign = text[i] == '!' || text[i] == '^' ? text[i] : 0;
    filter.property += unescaped(text, i, "=!^\\");
  }
  if (sign != 0) filter.property.pop_back();
  if (i == text.size() || filter.property.empty()) {
    return Error{"--where \"" + text +
                 "\": write property=value, property=one|other, property!=value, property^=prefix, "
                 "property= (none) or property!= (not empty)"};
  }
  filter.kind = sign == '!'   ? Filter::Kind::none_of
                : sign == '^' ? Filter::Kind::prefix
                              : Filter::Kind::any_of;
  const std::string written = text.substr(i + 1);
  auto values = parse_values(written);
  if (!values.ok()) return Error{"--where " + text + ": " + values.error().message};
  filter.values = std::move(*values);
  if (filter.values != std::vector<std::string>{written}) filter.written = written;
  if (sign == '^' &&
      std::find(filter.values.begin(), filter.values.end(), "") != filter.values.end())
    return Error{"--where " + text + ": behind ^= stand the first characters of the values"};
  if (sign == '!' && filter.values == std::vector<std::string>{""}) {
    filter.kind = Filter::Kind::not_empty;
    filter.values.clear();
  }
  return filter;
}

bool read_interval(const std::string& text, Question& question) {
  if (text == "lifetime" && !question.in) {
    question.in = text;
    return true;
  }
  if (text == "year") {
    question.years = true;
    return true;
  }
  question.interval = parse_interval(text);
  return question.interval.has_value();
}

}  // namespace quipu
