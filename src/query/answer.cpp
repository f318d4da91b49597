#include "query/answer.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "query/answer_parts.h"
#include "query/cell_scan.h"
#include "query/choose.h"
#include "query/label.h"
#include "query/order.h"
#include "query/span.h"
#include "query/whole.h"

namespace quipu {
namespace {

constexpr size_t kMaxPointValues = 64;  // values fetched by key; more are scanned

struct Totals {
  std::vector<uint64_t> count, unique;
  std::vector<std::vector<Fixed6>> sums;
  uint64_t value_hash = 0;  // of the first value added
};

bool passes(const Choice& choice, std::span<const uint64_t> elements) {
  for (const Choice::ElementFilter& f : choice.filters) {
    const uint64_t element = elements[f.position];
    const bool listed =
        std::find(f.elements.begin(), f.elements.end(), element) != f.elements.end();
    if (f.kind == Filter::Kind::any_of && !listed) return false;
    if (f.kind == Filter::Kind::none_of && listed) return false;
    if (f.kind == Filter::Kind::not_empty && element == kEmptyElement) return false;
  }
  return true;
}

// If the filters leave few values to look at, those values; else nothing, and the counter is
// scanned.
std::vector<std::vector<uint64_t>> point_values(const Choice& choice) {
  const size_t arity = choice.counter.planned.columns.size();
  std::vector<std::vector<uint64_t>> values{{}};
  for (size_t i = 0; i < arity; ++i) {
    const Choice::ElementFilter* filter = nullptr;
    for (const auto& f : choice.filters) {
      if (f.position == i && f.kind == Filter::Kind::any_of) filter = &f;
    }
    if (!filter || values.size() * filter->elements.size() > kMaxPointValues) return {};
    std::vector<std::vector<uint64_t>> next;
    for (const auto& value : values) {
      for (uint64_t element : filter->elements) {
        next.push_back(value);
        next.back().push_back(element);
      }
    }
    values = std::move(next);
  }
  return values;
}

// The counter to ask: of those that fit, the first that has all of the time asked for; else of
// those that were planned in that time the one that was planned for most checkpoints; else the
// first.
Result<Choice> choose(StoreView& view, TenantId tenant, int calendar, const Question& question,
                      Span& span) {
  auto fitting = fitting_counters(view, tenant, question);
  if (!fitting.ok()) return fitting.error();
  auto resolved = resolve_span(view, tenant, calendar, fitting->front().counter, question);
  if (!resolved.ok()) return resolved.error();
  span = std::move(*resolved);
  // A group of other members is another thing: it is asked only if that of now has no counter.
  std::erase_if(*fitting, [identity = fitting->front().counter.selector_identity](const Choice& c) {
    return c.counter.selector_identity != identity;
  });
  if (span.lifetime) {
    std::erase_if(*fitting, [](const Choice& c) { return c.counter.lifetime_since.empty(); });
    if (fitting->empty()) {
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
  return *std::max_element(fitting->begin(), fitting->end(),
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

// Adds up the entries of a counter's cells that the question is about. The first groups of many are
// found in pieces of the values, where a group is a value.
class Adder {
 public:
  Adder(StoreView& view, TenantId tenant, int calendar, const Choice& choice, const Span& span,
        std::vector<ValueId> values, size_t limit, size_t max_bytes)
      : view_(view),
        tenant_(tenant),
        calendar_(calendar),
        choice_(choice),
        span_(span),
        values_(std::move(values)),
        limit_(limit),
        max_bytes_(max_bytes),
        in_pieces_(limit != 0 && !choice.adds_groups) {}

  std::map<std::vector<uint64_t>, Totals> groups;  // of the piece at hand

  size_t group_bytes() const { return bytes_of_group(span_.entries(), values_.size()); }
  Error refused() const { return too_large(limit_, choice_.adds_groups, max_bytes_); }

  // Goes to the next piece; false behind the last.
  bool next() {
    groups.clear();
    return piece_.next();
  }

  Status run() {
    const Counter& counter = choice_.counter;
    if (counter.selector == SelectorId::none || counter.dimension == DimensionId::none) return {};
    const DayIndex first = span_.lifetime ? kLifetimeDay : span_.list.first_day;
    const DayIndex last = span_.lifetime ? kLifetimeDay : span_.list.last_day;
    const auto values = point_values(choice_);
    Status inner;
    const auto visit = [&](DayIndex day, const CellEntry& entry) {
      if (inner.ok() && passes(choice_, entry.elements)) inner = add(day, entry);
    };
    const HashPiece looked_at = piece_;  // it may become smaller meanwhile
    QUIPU_TRY(values.empty() ? scan_counter(view_, tenant_, counter.selector, counter.dimension,
                                            first, last, visit, looked_at)
                             : get_values(view_, tenant_, counter.selector, counter.dimension,
                                          first, last, values, visit));
    return inner;
  }

 private:
  Status add(DayIndex day, const CellEntry& entry) {
    const uint64_t hash = in_pieces_ ? value_hash(entry.elements) : 0;
    if (!piece_.holds(hash)) return {};
    std::shared_ptr<const MonthTable> table;
    int frame = 0;
    if (!span_.lifetime) {
      auto found = view_.table(tenant_, month_of(int64_t(day) * 86400));
      if (!found.ok()) return found.error();
      table = *found;
      frame = table->frame(calendar_, span_.list.interval);
    }
    Totals* totals = nullptr;
    for (const SlotCount& slot : entry.slots) {
      size_t index = 0;
      if (table) {
        const Slot in_month =
            Slot(int64_t(day) * 96 + slot.slot - month_begin_s(table->month()) / kQuarterS);
        auto it = span_.list.index_of_label.find(table->label(frame, in_month));
        if (it == span_.list.index_of_label.end()) continue;
        index = span_.entry_of(it->second);
      }
      if (!totals) {
        std::vector<uint64_t> group;
        for (size_t position : choice_.group_positions) group.push_back(entry.elements[position]);
        if (!groups.contains(group)) QUIPU_TRY(make_room());
        if (!piece_.holds(hash)) return {};
        totals = &totals_of(std::move(group), hash);
      }
      totals->count[index] += slot.count;
      if (frame < entry.frames) totals->unique[index] += slot.first[size_t(frame)];
      for (size_t i = 0; i < entry.value_ids.size(); ++i) {
        auto id = std::find(values_.begin(), values_.end(), entry.value_ids[i]);
        if (id != values_.end()) totals->sums[size_t(id - values_.begin())][index] += slot.sums[i];
      }
    }
    return {};
  }

  Status make_room() {
    const size_t most = std::max<size_t>(1, max_bytes_ / group_bytes());
    if (groups.size() < most) return {};
    while (groups.size() >= std::max<size_t>(1, most / 2)) {
      if (!in_pieces_ || !piece_.halve()) return refused();
      std::erase_if(groups, [&](const auto& g) { return !piece_.holds(g.second.value_hash); });
    }
    return {};
  }

  Totals& totals_of(std::vector<uint64_t> group, uint64_t hash) {
    Totals& totals = groups[std::move(group)];
    if (totals.count.empty()) {
      totals.value_hash = hash;
      totals.count.resize(span_.entries());
      totals.unique.resize(span_.entries());
      totals.sums.assign(values_.size(), std::vector<Fixed6>(span_.entries()));
    }
    return totals;
  }

  StoreView& view_;
  const TenantId tenant_;
  const int calendar_;
  const Choice& choice_;
  const Span& span_;
  const std::vector<ValueId> values_;
  const size_t limit_, max_bytes_;
  const bool in_pieces_;
  HashPiece piece_;
};

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

Status name_groups(StoreView& view, TenantId tenant, const Choice& choice,
                   std::map<std::vector<uint64_t>, Totals>& groups, Answer& out) {
  const Counter& counter = choice.counter;
  for (auto& [elements, totals] : groups) {
    Group group;
    for (size_t i = 0; i < elements.size(); ++i) {
      const uint16_t column = counter.planned.columns[choice.group_positions[i]];
      auto property = view.catalogue().find_property(counter.plan->columns[column].identity);
      CHECK(property);
      auto name = view.name(tenant, *property, elements[i]);
      if (!name.ok()) return name.error();
      group.by.push_back(*name);
    }
    group.count = std::move(totals.count);
    if (out.has_unique) group.unique = std::move(totals.unique);
    group.sums = std::move(totals.sums);
    out.groups.push_back(std::move(group));
  }
  return {};
}

// Leaves the first groups; those behind them go into the rest, if it is asked for. A group that was
// cut never comes again.
void cut_groups(const Question& question, Answer& out) {
  if (question.limit == 0 || out.groups.size() <= question.limit) return;
  for (size_t g = question.limit; question.rest && g < out.groups.size(); ++g) {
    Group& cut = out.groups[g];
    if (!out.rest) {
      cut.by.clear();
      cut.unique.clear();
      out.rest = std::move(cut);
      continue;
    }
    for (size_t i = 0; i < cut.count.size(); ++i) out.rest->count[i] += cut.count[i];
    for (size_t v = 0; v < cut.sums.size(); ++v) {
      for (size_t i = 0; i < cut.sums[v].size(); ++i) out.rest->sums[v][i] += cut.sums[v][i];
    }
  }
  out.groups.resize(question.limit);
}

// Whether what is left over by a limit adds up.
Status check_rest(const Answer& out, const Question& question) {
  if (!question.rest) return {};
  if (question.limit == 0) return Error{"the rest is that of a limit: say how many groups"};
  if (!out.counted_in_several_groups) return {};
  return Error{
      "there is no rest here: an event counts in several of these groups, which do not add up"};
}

constexpr size_t kBytesOfGroup = 192;  // beside its buckets

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
  auto tenant = view.tenant(question.tenant);
  if (!tenant.ok()) return tenant.error();
  out.tenant = view.catalogue().tenant_name(*tenant);
  auto calendar = view.calendar(*tenant, question.calendar);
  if (!calendar.ok()) return calendar.error();
  out.calendar = view.calendars(*tenant)[size_t(*calendar)];
  out.checkpoint = view.snapshot().state().checkpoint;
  out.time_s = view.snapshot().state().time_s;

  Span span;
  auto choice = choose(view, *tenant, *calendar, question, span);
  if (!choice.ok()) return choice.error();
  const Counter& counter = choice->counter;
  QUIPU_TRY(check_filtered_names(view, *tenant, *choice));
  out.group = counter.group;
  out.lifetime = span.lifetime;
  out.interval = span.interval;
  out.years = span.years;
  out.range_text = span.range_text;
  out.since = span.lifetime ? counter.lifetime_since : counter.since;
  for (const auto& [name, since] : counter.sums_since) out.values.push_back(name);
  const bool adds = choice->adds_groups || span.total || span.years;
  out.unique_planned = counter.planned.unique && counter.plan->profile.kind != Field::Kind::absent;
  out.has_unique =
      counter.planned.unique && !adds &&
      (!span.lifetime || !in_both(counter.unique_since, counter.lifetime_since).empty());
  if (counter.planned.unique && adds) out.notes.push_back(why_no_unique(question, *choice));
  out.counted_in_several_groups =
      counter.selector != SelectorId::none &&
      view.catalogue().counted_in_several(*tenant, counter.selector, counter.dimension);
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
  Adder adder(view, *tenant, *calendar, *choice, span, ids, question.limit, max_bytes);
  do {
    QUIPU_TRY(adder.run());
    QUIPU_TRY(name_groups(view, *tenant, *choice, adder.groups, out));
    out.groups_in_all += adder.groups.size();
    sort_groups(out, question.sort);
    cut_groups(question, out);
    if (out.groups.size() * adder.group_bytes() > max_bytes) return adder.refused();
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
  return out;
}

}  // namespace quipu
