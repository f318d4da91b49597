// Questions -> exact answers from cells. A question that no counter answers exactly is an error
// which names the counter to add. Nothing is estimated; uniques are never added up. One thread, one
// snapshot.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "query/buckets.h"
#include "query/view.h"

namespace quipu {

struct Filter {
  enum class Kind : uint8_t { any_of, none_of, not_empty };
  std::string property;
  Kind kind = Kind::any_of;
  std::vector<std::string> values;  // texts; "" is the empty value
  // As it was written, where that is not the one value itself: if it is a counted value, too, the
  // question is refused rather than answered for the other meaning.
  std::optional<std::string> written = std::nullopt;
};

struct Question {
  std::optional<std::string> tenant;
  std::string metric;  // or a `together` name
  NameKind named = NameKind::either;
  std::vector<std::string> by;  // property names
  std::vector<Filter> where;
  std::optional<std::string> calendar;
  // What time: one of in ("2026-03", "lifetime", ...), from/to, or neither (the last 30 buckets).
  std::optional<std::string> in, from, to;
  std::optional<Interval> interval;
  // "count", "unique", "name", a value's name or "sum:NAME"; "-" before it turns it round.
  std::string sort;
  size_t limit = 0;   // 0: all groups
  int64_t now_s = 0;  // for the default range
};

struct Group {
  std::vector<std::string> by;            // in the order of Question::by
  std::vector<uint64_t> count;            // by bucket
  std::vector<uint64_t> unique;           // empty if not answered
  std::vector<std::vector<Fixed6>> sums;  // by value, by bucket
};

// Of an answer's groups, or of those looked at at a time; more are refused. Tests change it.
inline constexpr size_t kMaxAnswerBytes = size_t(16) << 20;

struct Answer {
  Question question;
  std::string tenant;
  bool group = false;  // of a `together` group
  Calendar calendar;
  uint64_t checkpoint = 0;
  int64_t time_s = 0;
  bool lifetime = false;
  // With an interval: one entry a bucket. Without (a range of several buckets added up): one entry.
  std::optional<Interval> interval;
  std::vector<std::string> buckets;  // starts with offset
  std::string range_text;            // for people
  std::vector<SinceSpan> since;
  // What is shown: since when it was planned, and the buckets of which it has not all
  // (query/whole.h). The lifetime, and buckets added up, are entry 0.
  struct ShownFigure {
    std::string name;  // "count", "unique", "sum.NAME"
    std::vector<SinceSpan> since;
    std::vector<size_t> partial;
  };
  std::vector<ShownFigure> figures;
  std::vector<size_t> partial;  // of any figure
  bool counted_in_several_groups = false;
  std::vector<std::string> values;  // names of the sums
  bool has_unique = false;
  std::vector<std::string> notes;  // why something is "-" and how to get it
  std::vector<Group> groups;
  size_t groups_in_all = 0;  // before `limit`
};

Result<Answer> answer(StoreView& view, const Question& question,
                      size_t max_bytes = kMaxAnswerBytes);

// What can be asked: every metric and group with its count, first and last day.
struct MetricLine {
  std::string name;
  bool group = false;
  std::optional<uint64_t> count;      // none: no counter gives it exactly
  std::string first_day, last_day;    // UTC
  std::vector<std::string> counters;  // "by campaign, client" ...
  bool partial = false;               // count has not all that was accepted
};
Result<std::vector<MetricLine>> list_metrics(StoreView& view, TenantId tenant);

}  // namespace quipu
