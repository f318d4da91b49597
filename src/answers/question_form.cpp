#include "answers/question_form.h"

#include <charconv>
#include <set>

#include "answers/kept_answers.h"
#include "query/question_text.h"

namespace quipu {
namespace {

// These may be given several times.
const std::set<std::string> kRepeated = {"by", "where"};
constexpr char kNames[] =
    "metric, group, by, where, in, last, from, to, interval, calendar, versus, sort, limit, rest, "
    "page_size, cursor, format";

Status read_number(const std::string& name, const std::string& text, size_t most, size_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number > 0 && number <= most)
    return {};
  return Error{name + "=" + text + ": it is a number of 1 or more" +
               (most == SIZE_MAX ? "" : ", at most " + std::to_string(most)) +
               "; without it all groups are given"};
}

Status read_one(const std::string& name, const std::string& value, AskedQuestion& asked) {
  Question& q = asked.question;
  const auto wrong = [&](const char* right) { return Error{name + "=" + value + ": " + right}; };
  if (name == "metric" || name == "group") {
    if (!q.metric.empty()) return Error{"metric and group exclude each other"};
    if (value.empty()) return wrong("it is a name");
    q.metric = value;
    q.named = name == "group" ? NameKind::group : NameKind::either;
  } else if (name == "by") {
    asked.by.push_back(value);
  } else if (name == "where") {
    QUIPU_ASSIGN(auto filter, parse_filter(value));
    q.where.push_back(std::move(filter));
  } else if (name == "in") {
    q.in = value;
  } else if (name == "last") {
    q.last = value;
  } else if (name == "from") {
    q.from = value;
  } else if (name == "to") {
    q.to = value;
  } else if (name == "calendar") {
    q.calendar = value;
  } else if (name == "sort") {
    q.sort = value;
  } else if (name == "limit") {
    return read_number(name, value, SIZE_MAX, q.limit);
  } else if (name == "page_size") {
    return read_number(name, value, kMaxPageSize, asked.page_size);
  } else if (name == "versus") {
    if (value != "previous") return wrong("write versus=previous");
    q.versus = true;
  } else if (name == "rest") {
    if (value != "yes") return wrong("write rest=yes");
    q.rest = true;
  } else if (name != "interval") {
    return Error{"there is no parameter \"" + name + "\"; there are " + kNames};
  }
  return {};
}

}  // namespace

Result<AskedQuestion> read_question(const QueryParameters& parameters) {
  AskedQuestion asked;
  std::set<std::string> seen;
  std::string interval;
  for (const auto& [name, value] : parameters) {
    if (!seen.insert(name).second && !kRepeated.contains(name))
      return Error{"\"" + name + "\" is given twice"};
    if (name == "interval") interval = value;
    QUIPU_TRY(read_one(name, value, asked));
  }
  // Behind the others: whether lifetime may be an interval depends on them.
  if (seen.contains("interval") && !read_interval(interval, asked.question)) {
    return Error{"interval=" + interval +
                 ": it is hour, day, week, month or year (or lifetime, without in)"};
  }
  return asked;
}

}  // namespace quipu
