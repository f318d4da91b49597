#include "query/answer.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "query/adder.h"
#include "query/answer_parts.h"
#include "query/choose.h"
#include "query/label.h"
#include "query/order.h"
#include "query/span.h"
#include "query/whole.h"

namespace quipu {
namespace {

// The counter to ask: of those that fit, the first that has all of the time asked for; else of
// those that were planned in that time the one that was planned for most checkpoints; else the
// first.
Result<Choice> choose(StoreView& view, TenantId tenant, int calendar, const Question& question,
                      Span& span) {
  QUIPU_ASSIGN(auto fitting, fitting_counters(view, tenant, question));
  QUIPU_ASSIGN(span, resolve_span(view, tenant, calendar, fitting.front().counter, question));
  // A group of other members is another thing: it is asked only if that of now has no counter.
  std::erase_if(fitting, [identity = fitting.front().counter.selector_identity](const Choice& c) {
    return c.counter.selector_identity != identity;
  });
  if (span.lifetime) {
    std::erase_if(fitting, [](const Choice& c) { return c.counter.lifetime_since.empty(); });
    if (fitting.empty()) {
      return Error{
          "this counter has no lifetime; add `lifetime: yes` to its rule in the plan (it then "
          "counts from there on)"};
    }
  }
  const uint64_t now = view.snapshot().state().checkpoint + 1;
  const auto worth = [&](const Choice& c) {
    const Spans& since = span.lifetime ? c.counter.lifetime_since : c.counter.since;
    if (planned_always(since)) return now + 1;
    if (span.lifetime || span.list.buckets.empty()) return uint64_t(0);
    const int64_t first_s = span.list.buckets.front().first_s;
    if (has_all(since, first_s)) return now + 1;
    return was_there(since, first_s, span.list.end_s) ? checkpoints_of(since, now) : 0;
  };
  return *std::max_element(fitting.begin(), fitting.end(),
                           [&](const Choice& a, const Choice& b) { return worth(a) < worth(b); });
}

// Why there are no uniques, and how to get them.
std::string why_no_unique(const Question& q, const Choice& choice) {
  if (!choice.adds_groups) {
    return "unique is - over several buckets: ask by --interval day (or hour, week, month), --in a "
           "month, week or day" +
           std::string(choice.counter.planned.lifetime ? ", or --in lifetime" : "");
  }
  const std::string text =
      "unique is - because groups are added up here, and people may be in several; ";
  std::vector<std::string> rest;  // parts of which several values are added
  for (const std::string& name : choice.counter.names) {
    const bool named = std::any_of(q.where.begin(), q.where.end(),
                                   [&](const Filter& f) { return f.property == name; }) ||
                       std::find(q.by.begin(), q.by.end(), name) != q.by.end();
    if (!named) return text + "a counter of exactly these properties would give it";
    const bool one = std::any_of(q.where.begin(), q.where.end(), [&](const Filter& f) {
      return f.property == name && f.kind == Filter::Kind::any_of && f.values.size() == 1;
    });
    if (!one && std::find(q.by.begin(), q.by.end(), name) == q.by.end()) rest.push_back(name);
  }
  std::string names;
  for (const std::string& name : rest) names += " --by " + label_of(name, ", ");
  return text + "ask with" + names + " for that of each value";
}

// What the answer shows, since when, and of which buckets it is not all.
void mark_partial(const Counter& counter, const Span& span, Answer& out) {
  for (Figure& figure : figures_of(counter, span.lifetime, out.has_unique))
    out.figures.push_back({std::move(figure.name), std::move(figure.since), {}});
  for (size_t f = 0; f < out.figures.size(); ++f) {
    Answer::ShownFigure& figure = out.figures[f];
    for (size_t i = 0; i < span.entries(); ++i) {
      const bool whole = span.lifetime ? planned_always(figure.since)
                                       : has_all(figure.since, span.first_of(i).first_s);
      if (!whole) figure.partial.push_back(i);
    }
    if (figure.partial.empty()) continue;
    std::vector<size_t> both;
    std::set_union(out.partial.begin(), out.partial.end(), figure.partial.begin(),
                   figure.partial.end(), std::back_inserter(both));
    out.partial = std::move(both);
    // That of the count has a line of its own.
    if (f > 0 && figure.since != out.figures[0].since)
      out.notes.push_back(figure.name.substr(figure.name.find('.') + 1) + " is counted " +
                          spans_text(figure.since));
  }
}

// Of values that are filtered: two texts under one hash would both be counted.
Status check_filtered_names(StoreView& view, TenantId tenant, const Choice& choice) {
  const Counter& counter = choice.counter;
  for (const Choice::ElementFilter& filter : choice.filters) {
    auto property = view.catalogue().find_property(
        counter.plan->columns[counter.planned.columns[filter.position]].identity);
    for (uint64_t element : filter.elements)
      QUIPU_TRY(view.check_one_name(tenant, property.value_or(PropertyId::none), element));
  }
  return {};
}

// Groups of the table, named.
Status name_groups(StoreView& view, TenantId tenant, const Choice& choice, GroupTable& table,
                   std::span<const uint32_t> groups, Answer& out) {
  const Counter& counter = choice.counter;
  std::vector<std::vector<std::string>> names;  // by property, by group
  std::vector<uint64_t> elements;
  for (size_t i = 0; i < choice.group_positions.size(); ++i) {
    const uint16_t column = counter.planned.columns[choice.group_positions[i]];
    const auto property = view.catalogue().find_property(counter.plan->columns[column].identity);
    CHECK(property);
    elements.clear();
    for (const uint32_t g : groups) elements.push_back(table.elements(g)[i]);
    QUIPU_ASSIGN(auto of_property, view.names(tenant, *property, elements));
    names.push_back(std::move(of_property));
  }
  for (size_t at = 0; at < groups.size(); ++at) {
    const uint32_t g = groups[at];
    Group group;
    for (auto& of_property : names) group.by.push_back(std::move(of_property[at]));
    const auto count = table.count(g), unique = table.unique(g);
    group.count.assign(count.begin(), count.end());
    if (out.has_unique) group.unique.assign(unique.begin(), unique.end());
    for (size_t v = 0; v < out.values.size(); ++v) {
      const auto sum = table.sum(g, v);
      group.sums.emplace_back(sum.begin(), sum.end());
    }
    out.groups.push_back(std::move(group));
  }
  return {};
}

template <typename Counts, typename SumOf>
void add_to_rest(const Counts& count, const SumOf& sum_of, Answer& out) {
  if (!out.rest) {
    out.rest.emplace();
    out.rest->count.resize(count.size());
    out.rest->sums.assign(out.values.size(), std::vector<Fixed6>(count.size()));
  }
  for (size_t i = 0; i < count.size(); ++i) out.rest->count[i] += count[i];
  for (size_t v = 0; v < out.values.size(); ++v) {
    const auto& sum = sum_of(v);
    for (size_t i = 0; i < count.size(); ++i) out.rest->sums[v][i] += sum[i];
  }
}

// Leaves the first groups; those behind them go into the rest, if it is asked for. A group that was
// cut never comes again.
void cut_groups(const Question& question, Answer& out) {
  if (question.limit == 0 || out.groups.size() <= question.limit) return;
  for (size_t g = question.limit; question.rest && g < out.groups.size(); ++g) {
    const Group& cut = out.groups[g];
    add_to_rest(
        cut.count, [&](size_t v) -> const auto& { return cut.sums[v]; }, out);
  }
  out.groups.resize(question.limit);
}

// Adds the groups of a piece to the answer, as far as they may be among its first ones. Of many,
// most are told by their figures, so that only few need their names.
Status take_groups(StoreView& view, TenantId tenant, const Choice& choice, Adder& adder,
                   size_t max_bytes, Answer& out) {
  const Question& question = out.question;
  GroupTable& table = adder.groups();
  std::vector<uint32_t> chosen(table.size());
  std::iota(chosen.begin(), chosen.end(), 0);
  if (question.limit != 0) {
    const auto last = first_by_figure(out, question.sort, question.limit, table, chosen);
    for (auto left = last; question.rest && left != chosen.end(); ++left)
      add_to_rest(
          table.count(*left), [&](size_t v) { return table.sum(*left, v); }, out);
    chosen.erase(last, chosen.end());
  }
  out.groups_in_all += table.size();
  const size_t at_once = std::max<size_t>(1, max_bytes / adder.group_bytes());
  for (size_t at = 0; at < chosen.size(); at += at_once) {
    const size_t n = std::min(at_once, chosen.size() - at);
    QUIPU_TRY(name_groups(view, tenant, choice, table, std::span(chosen).subspan(at, n), out));
    sort_groups(out, question.sort, question.limit);
    cut_groups(question, out);
    if (out.groups.size() * adder.group_bytes() > max_bytes) return adder.refused();
  }
  return {};
}

// Whether what is left over by a limit adds up.
Status check_rest(const Answer& out, const Question& question) {
  if (!question.rest) return {};
  if (question.limit == 0) return Error{"the rest is that of a limit: say how many groups"};
  if (!out.counted_in_several_groups) return {};
  return Error{
      "there is no rest here: an event counts in several of these groups, which do not add up; "
      "leave the rest out, or filter the property that is a list to one value (where the plan "
      "counts by the others alone, too)"};
}

constexpr size_t kBytesOfGroup = 192;  // beside its buckets

// Each group has a figure for each entry: what reads an answer relies on it.
void check_shape(const Answer& out, size_t entries) {
  for (const Group& group : out.groups) {
    CHECK_EQ(group.count.size(), entries);
    CHECK_EQ(group.unique.size(), out.has_unique ? entries : 0);
    CHECK_EQ(group.sums.size(), out.values.size());
    CHECK_EQ(group.by.size(), out.question.by.size());
  }
}

}  // namespace

size_t bytes_of_group(size_t entries, size_t sums) {
  return kBytesOfGroup + entries * 16 * (1 + sums);
}

Error too_large(size_t limit, bool adds_groups, size_t max_bytes) {
  return Error{"this answer would take more than " + std::to_string(max_bytes >> 20) +
               " MiB (kMaxAnswerBytes): ask for " +
               (limit && adds_groups
                    ? "fewer buckets, some values only, or by all properties of one counter"
                : limit ? "a smaller --limit or fewer buckets"
                        : "the first groups with --limit, some values only, or fewer buckets") +
               "; quipu export writes everything, however much"};
}

Result<Answer> answer_one(StoreView& view, const Question& question, size_t max_bytes) {
  Answer out;
  out.question = question;
  QUIPU_ASSIGN(auto tenant, view.tenant(question.tenant));
  out.tenant = view.catalogue().tenant_name(tenant);
  QUIPU_ASSIGN(auto calendar, view.calendar(tenant, question.calendar));
  out.calendar = view.calendars(tenant)[size_t(calendar)];
  out.checkpoint = view.snapshot().state().checkpoint;
  out.time_s = view.snapshot().state().time_s;

  Span span;
  QUIPU_ASSIGN(auto choice, choose(view, tenant, calendar, question, span));
  const Counter& counter = choice.counter;
  QUIPU_TRY(check_filtered_names(view, tenant, choice));
  out.group = counter.group;
  out.lifetime = span.lifetime;
  out.interval = span.interval;
  out.years = span.years;
  out.range_text = span.range_text;
  out.since = span.lifetime ? counter.lifetime_since : counter.since;
  for (const auto& [name, since] : counter.sums_since) out.values.push_back(name);
  const bool adds = choice.adds_groups || span.total || span.years;
  out.unique_planned = counter.planned.unique && counter.plan->profile.kind != Field::Kind::absent;
  out.has_unique =
      counter.planned.unique && !adds &&
      (!span.lifetime || !in_both(counter.unique_since, counter.lifetime_since).empty());
  if (counter.planned.unique && adds) out.notes.push_back(why_no_unique(question, choice));
  out.counted_in_several_groups = choice.several;
  QUIPU_TRY(check_sort(out, question.sort));
  QUIPU_TRY(check_rest(out, question));
  for (size_t i = 0; !span.lifetime && i < span.entries(); ++i) {
    const Bucket& bucket = span.first_of(i);
    out.buckets.push_back(format_instant(bucket.first_s, bucket.first_offset_s));
    if (out.is_series() && bucket.first_s <= question.now_s && question.now_s < span.list.end_s)
      out.filling = i;
  }
  mark_partial(counter, span, out);

  std::vector<ValueId> ids;
  for (const std::string& name : out.values)
    ids.push_back(view.catalogue().find_value(name).value_or(0));
  Adder adder(view, tenant, calendar, choice, span, ids, question.limit, max_bytes);
  if (is_by_name(out, question.sort)) adder.name_all();
  do {
    QUIPU_TRY(adder.run());
    QUIPU_TRY(take_groups(view, tenant, choice, adder, max_bytes, out));
  } while (adder.next());
  if (question.by.empty() && out.groups.empty()) {
    const size_t entries = span.entries();
    out.groups.push_back(
        {{},
         std::vector<uint64_t>(entries),
         std::vector<uint64_t>(out.has_unique ? entries : 0),
         std::vector<std::vector<Fixed6>>(ids.size(), std::vector<Fixed6>(entries))});
  }
  out.groups_in_all = std::max(out.groups_in_all, out.groups.size());
  check_shape(out, span.entries());
  return out;
}

}  // namespace quipu
