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

class MetricTotals;

struct Filter {
  enum class Kind : uint8_t { any_of, none_of, not_empty, prefix };
  std::string property;
  Kind kind = Kind::any_of;
  std::vector<std::string> values;  // texts; "" is the empty value; or what values begin with
  // As it was written, where that is not the one value itself: if it is a counted value, too, the
  // question is refused rather than answered for the other meaning.
  std::optional<std::string> written = std::nullopt;
};

// Of several tenants: one answer for each, or one total (counts and sums; people do not add up).
enum class TenantsAsked : uint8_t { one, each, total };

struct Question {
  std::optional<std::string> tenant;
  TenantsAsked tenants = TenantsAsked::one;
  std::string metric;  // or a `together` name
  NameKind named = NameKind::either;
  std::vector<std::string> by;  // property names
  std::vector<Filter> where;
  std::optional<std::string> calendar;
  // What time: one of in ("2026-03", "today", "lifetime", ...), last ("7d"), from/to (without `to`:
  // up to now), or none (the last 30 buckets with counts).
  std::optional<std::string> in, from, to, last;
  std::optional<Interval> interval;
  bool years = false;     // by year: months added up, so without uniques; interval is none then
  bool versus = false;    // beside each figure that of the period before
  bool previous = false;  // of as many buckets before what `in` and the others say
  // "count", "unique", "name", a value's name or "sum:NAME", a property of `by` or "by:NAME"; "-"
  // before it turns it round.
  std::string sort;
  size_t limit = 0;   // 0: all groups
  bool rest = false;  // with limit: the other groups added up, too (no uniques)
  int64_t now_s = 0;  // what is last, today and yesterday
};

struct Group {
  std::vector<std::string> by;            // in the order of Question::by
  std::vector<uint64_t> count;            // by bucket
  std::vector<uint64_t> unique;           // empty if not answered
  std::vector<std::vector<Fixed6>> sums;  // by value, by bucket
  std::string tenant = {};                // where each tenant was asked for
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
  bool years = false;                // entries are years; interval is none
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
  std::vector<size_t> partial;    // of any figure
  std::optional<size_t> filling;  // the bucket of a series that holds the present
  bool counted_in_several_groups = false;
  std::vector<std::string> values;  // names of the sums
  bool has_unique = false;
  bool unique_planned = false;     // else nobody expects uniques
  std::vector<std::string> notes;  // why something is "-" and how to get it
  std::vector<Group> groups;
  size_t groups_in_all = 0;   // before `limit`
  std::optional<Group> rest;  // those beyond `limit`, if they were asked for; none: there are none
  // The period before, where it was asked for: groups[i] is that of groups[i] above.
  struct Previous {
    std::string range_text;
    std::vector<std::string> buckets;
    std::vector<size_t> partial;
    bool has_unique = false, has_sums = false;
    std::vector<Group> groups;
  };
  std::optional<Previous> previous;

  bool is_series() const { return interval || years; }
};

// Asked of one tenant, of each, or of all; of one period, or of two.
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
// `totals`: what is kept from the last time, if it is.
Result<std::vector<MetricLine>> list_metrics(StoreView& view, TenantId tenant,
                                             MetricTotals* totals = nullptr);

// By what a metric or group is counted, whole: a counter each, in the order of the plans.
struct CounterLine {
  std::string metric;
  bool group = false;
  std::vector<std::string> by;
  std::string when;  // "client = Safari|Chrome", or ""
  bool unique = false, lifetime = false, retired = false;
  std::vector<std::string> sums;
  std::vector<SinceSpan> since;
};
Result<std::vector<CounterLine>> list_counters(const StoreView& view, const std::string& name,
                                               NameKind kind);

// The tenants that have counts, by name.
struct TenantLine {
  std::string name;
  std::vector<Calendar> calendars;  // the first is the one that questions use
};
std::vector<TenantLine> list_tenants(const StoreView& view);

}  // namespace quipu
