#include "query/answer.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/check.h"
#include "query/cell_scan.h"
#include "query/choose.h"

namespace quipu {
namespace {

constexpr size_t kDefaultBuckets = 30;
constexpr size_t kMaxPointValues = 64;  // values fetched by key; more are scanned

struct Totals {
  std::vector<uint64_t> count, unique;
  std::vector<std::vector<Fixed6>> sums;
  uint64_t value_hash = 0;  // of the first value added
};

// What is to be added up: buckets by label, or the one lifetime row.
struct Span {
  BucketList list;
  bool lifetime = false;
  bool total = false;  // all buckets into one entry
  size_t entries() const { return lifetime || total ? 1 : list.buckets.size(); }
};

// The last UTC day not after `now` on which the counter has an entry.
Result<std::optional<DayIndex>> last_day_with_counts(StoreView& view, TenantId tenant,
                                                     const Counter& counter, int64_t now_s) {
  std::optional<DayIndex> last;
  const DayIndex end = DayIndex(std::clamp<int64_t>(now_s, 0, kEndEventTimeS - 1) / 86400);
  QUIPU_TRY(scan_counter(
      view, tenant, counter.selector, counter.dimension, 0, end,
      [&](DayIndex day, const CellEntry&) { last = last ? std::max(*last, day) : day; }));
  return last;
}

// The latest instant (a slot) not after now with a count.
Result<std::optional<int64_t>> last_slot_with_counts(StoreView& view, TenantId tenant,
                                                     const Counter& counter, int64_t now_s) {
  auto day = last_day_with_counts(view, tenant, counter, now_s);
  if (!day.ok()) return day.error();
  if (!*day) return std::optional<int64_t>();
  int64_t last = int64_t(**day) * 86400;
  QUIPU_TRY(scan_counter(view, tenant, counter.selector, counter.dimension, **day, **day,
                         [&](DayIndex d, const CellEntry& entry) {
                           for (const SlotCount& s : entry.slots)
                             last = std::max(last, int64_t(d) * 86400 + s.slot * kQuarterS);
                         }));
  return std::optional<int64_t>(last);
}

Result<Span> resolve_span(StoreView& view, TenantId tenant, int calendar, const Choice& choice,
                          const Question& q, Answer& out) {
  Span span;
  if (q.in && (q.from || q.to))
    return Error{"--in and --from/--to are two ways to say one thing; use one of them"};
  if (q.in && *q.in == "lifetime") {
    if (q.interval) return Error{"--in lifetime has no interval"};
    if (!choice.counter.planned.lifetime) {
      return Error{
          "this counter has no lifetime; add `lifetime: yes` to its rule in the plan (it then "
          "counts from there on)"};
    }
    span.lifetime = true;
    out.range_text = "lifetime";
    return span;
  }
  if (q.in) {
    auto named = named_bucket(view, tenant, calendar, *q.in);
    if (!named.ok()) return named.error();
    const Bucket& b = named->bucket;
    const MonthIndex month = month_of(std::clamp(b.first_s, kMinEventTimeS, kEndEventTimeS - 1));
    if (!q.interval || *q.interval == named->interval) {
      // Its table is that of the month in which the bucket lies first, seen from there.
      auto table = view.table(tenant, month);
      if (!table.ok()) return table.error();
      for (const Bucket& own : (*table)->buckets(calendar, named->interval)) {
        if (own.label == b.label) span.list = one_bucket(calendar, named->interval, own, month);
      }
      if (span.list.buckets.empty()) span.list = one_bucket(calendar, named->interval, b, month);
      out.interval = named->interval;
      out.range_text = *q.in;
      return span;
    }
    auto list = buckets_within(view, tenant, calendar, *q.interval, *named);
    if (!list.ok()) return list.error();
    span.list = std::move(*list);
    out.interval = q.interval;
    out.range_text = *q.in;
    return span;
  }
  if (q.from || q.to) {
    if (!q.from || !q.to) return Error{"--from and --to (exclusive) go together"};
    auto from = parse_bound(view, tenant, calendar, *q.from);
    if (!from.ok()) return from.error();
    auto to = parse_bound(view, tenant, calendar, *q.to);
    if (!to.ok()) return to.error();
    out.range_text = *q.from + " to " + *q.to + " (exclusive)";
    if (q.interval) {
      auto list = bucket_range(view, tenant, calendar, *q.interval, *from, *to);
      if (!list.ok()) return list.error();
      span.list = std::move(*list);
      out.interval = q.interval;
      return span;
    }
    // One bucket that is the whole range answers everything; else the coarsest interval that fits
    // is added up.
    Result<BucketList> list = Error{""};
    for (Interval interval : {Interval::month, Interval::week, Interval::day, Interval::hour}) {
      list = bucket_range(view, tenant, calendar, interval, *from, *to);
      if (!list.ok()) continue;
      span.list = std::move(*list);
      if (span.list.buckets.size() == 1) {
        out.interval = interval;
        return span;
      }
      // A finer interval may still hold the range in one bucket only if this one does: it does not.
      span.total = true;
      return span;
    }
    return list.error();
  }
  const Interval interval = q.interval.value_or(Interval::day);
  auto last = last_slot_with_counts(view, tenant, choice.counter, q.now_s);
  if (!last.ok()) return last.error();
  auto list =
      last_buckets(view, tenant, calendar, interval, last->value_or(q.now_s), kDefaultBuckets);
  if (!list.ok()) return list.error();
  span.list = std::move(*list);
  out.interval = interval;
  out.range_text = "the last " + std::to_string(span.list.buckets.size()) + " " +
                   interval_name(interval) + "s with counts";
  return span;
}

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

void sort_groups(Answer& out, const std::string& sort) {
  std::string key = sort.empty() ? "count" : sort;
  const bool reversed = key[0] == '-';
  if (reversed) key.erase(0, 1);
  auto total = [](const auto& v) {
    return std::accumulate(v.begin(), v.end(), typename std::decay_t<decltype(v)>::value_type{});
  };
  size_t value = std::find(out.values.begin(), out.values.end(), key) - out.values.begin();
  auto compare = [&](const Group& a, const Group& b) -> int {
    if (key == "name") return 0;
    if (key == "count")
      return total(a.count) > total(b.count) ? -1 : total(a.count) < total(b.count);
    if (key == "unique")
      return total(a.unique) > total(b.unique) ? -1 : total(a.unique) < total(b.unique);
    const Fixed6 x = total(a.sums[value]), y = total(b.sums[value]);
    return x > y ? -1 : x < y;
  };
  std::sort(out.groups.begin(), out.groups.end(), [&](const Group& a, const Group& b) {
    const int order = compare(a, b) * (reversed ? -1 : 1);
    if (order != 0) return order < 0;
    return key == "name" && reversed ? b.by < a.by : a.by < b.by;
  });
}

// Whether a figure that was planned in these spans has all of a bucket: planned before the bucket
// began (or for as long as the store has been), and still when it ends.
bool has_all(const std::vector<SinceSpan>& spans, int64_t first_s, int64_t end_s) {
  const SinceSpan& last = spans.back();
  const bool always = spans.size() == 1 && last.from_checkpoint <= 1;
  return (always || first_s >= last.from_time_s) &&
         (last.to_checkpoint == 0 || end_s <= last.to_time_s);
}

// Where a figure has not the spans of its counter, people are told.
void note_other_since(const std::string& figure, const Counter& counter,
                      const std::vector<SinceSpan>& spans, Answer& out) {
  if (spans == counter.since) return;
  std::string text = figure + " is counted";
  if (spans.back().from_checkpoint > 1)
    text += " since " + format_instant(spans.back().from_time_s, 0);
  if (spans.back().to_checkpoint != 0)
    text += " until " + format_instant(spans.back().to_time_s, 0);
  out.notes.push_back(text);
}

Status check_sort(const Answer& out, const std::string& sort) {
  const std::string key = !sort.empty() && sort[0] == '-' ? sort.substr(1) : sort;
  if (sort.empty() || key == "count" || key == "name") return {};
  if (key == "unique" && out.has_unique) return {};
  if (std::find(out.values.begin(), out.values.end(), key) != out.values.end()) return {};
  std::vector<std::string> known = out.values;
  known.insert(known.end(), {"count", "name"});
  if (out.has_unique) known.push_back("unique");
  std::string list;
  for (const std::string& k : known) list += (list.empty() ? "" : ", ") + k;
  return Error{"this answer cannot be sorted by \"" + key + "\"; it has " + list};
}

// Of a group, beside its buckets.
constexpr size_t kBytesOfGroup = 192;

Error too_large(const Question& q, bool adds_groups, size_t max_bytes) {
  return Error{"this answer would take more than " + std::to_string(max_bytes >> 20) +
               " MiB (kMaxAnswerBytes): ask for " +
               (q.limit && adds_groups
                    ? "fewer buckets, some values only, or by all properties of one counter"
                : q.limit ? "a smaller --limit or fewer buckets"
                          : "the first groups with --limit, some values only, or fewer buckets") +
               "; quipu export writes everything, however much"};
}

}  // namespace

Result<Answer> answer(StoreView& view, const Question& question, size_t max_bytes) {
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

  auto choice = choose_counter(view, *tenant, question);
  if (!choice.ok()) return choice.error();
  const Counter& counter = choice->counter;
  for (const Choice::ElementFilter& filter : choice->filters) {
    auto property = view.catalogue().find_property(
        counter.plan->columns[counter.planned.columns[filter.position]].identity);
    for (uint64_t element : filter.elements)
      QUIPU_TRY(view.check_one_name(*tenant, property.value_or(PropertyId::none), element));
  }
  auto span = resolve_span(view, *tenant, *calendar, *choice, question, out);
  if (!span.ok()) return span.error();
  out.lifetime = span->lifetime;
  out.since = span->lifetime ? counter.lifetime_since : counter.since;
  for (const auto& [name, since] : counter.sums_since) out.values.push_back(name);
  out.has_unique = counter.planned.unique && !choice->adds_groups && !span->total;
  if (counter.planned.unique && choice->adds_groups) {
    out.notes.push_back(
        "unique is - because groups are added up here, and people may be in several; a counter of "
        "exactly these properties would give it");
  } else if (counter.planned.unique && span->total) {
    out.notes.push_back(
        "unique is - over several buckets: ask by --interval day (or hour, week, month), --in a "
        "month, week or day" +
        std::string(counter.planned.lifetime ? ", or --in lifetime" : ""));
  }
  out.counted_in_several_groups =
      counter.selector != SelectorId::none &&
      view.catalogue().counted_in_several(*tenant, counter.selector, counter.dimension);
  QUIPU_TRY(check_sort(out, question.sort));
  std::vector<const std::vector<SinceSpan>*> shown{&counter.since};
  if (out.has_unique) {
    shown.push_back(&counter.unique_since);
    note_other_since("unique", counter, counter.unique_since, out);
  }
  for (const auto& [name, since] : counter.sums_since) {
    shown.push_back(&since);
    note_other_since(name, counter, since, out);
  }
  for (size_t i = 0; !span->lifetime && i < span->entries(); ++i) {
    const std::vector<Bucket>& buckets = span->list.buckets;
    out.buckets.push_back(format_instant(buckets[i].first_s, buckets[i].first_offset_s));
    const bool last = span->total || i + 1 == buckets.size();
    const int64_t end_s = last ? span->list.end_s : buckets[i + 1].first_s;
    if (!std::all_of(shown.begin(), shown.end(),
                     [&](const auto* spans) { return has_all(*spans, buckets[i].first_s, end_s); }))
      out.partial.push_back(i);
  }

  std::map<std::vector<uint64_t>, Totals> groups;
  const size_t entries = span->entries();
  std::vector<ValueId> ids;
  for (const std::string& name : out.values)
    ids.push_back(view.catalogue().find_value(name).value_or(0));
  Status inner;
  // The first groups of many are found in pieces of the values, where a group is a value.
  const size_t group_bytes = kBytesOfGroup + entries * 16 * (1 + ids.size());
  const bool in_pieces = question.limit != 0 && !choice->adds_groups;
  HashPiece piece;
  const auto make_room = [&]() -> Status {
    const size_t most = std::max<size_t>(1, max_bytes / group_bytes);
    if (groups.size() < most) return {};
    while (groups.size() >= std::max<size_t>(1, most / 2)) {
      if (!in_pieces || !piece.halve()) return too_large(question, choice->adds_groups, max_bytes);
      std::erase_if(groups, [&](const auto& g) { return !piece.holds(g.second.value_hash); });
    }
    return {};
  };
  auto add = [&](DayIndex day, const CellEntry& entry) {
    if (!inner.ok() || !passes(*choice, entry.elements)) return;
    const uint64_t hash = in_pieces ? value_hash(entry.elements) : 0;
    if (!piece.holds(hash)) return;
    const MonthTable* table = nullptr;
    int frame = 0;
    if (!span->lifetime) {
      auto found = view.table(*tenant, month_of(int64_t(day) * 86400));
      if (!found.ok()) {
        inner = found.error();
        return;
      }
      table = *found;
      frame = table->frame(*calendar, span->list.interval);
    }
    std::vector<uint64_t> group;
    for (size_t position : choice->group_positions) group.push_back(entry.elements[position]);
    Totals* totals = nullptr;
    for (const SlotCount& slot : entry.slots) {
      size_t index = 0;
      if (table) {
        const Slot in_month =
            Slot(int64_t(day) * 96 + slot.slot - month_begin_s(table->month()) / kQuarterS);
        auto it = span->list.index_of_label.find(table->bucket(frame, in_month).label);
        if (it == span->list.index_of_label.end()) continue;
        index = span->total ? 0 : it->second;
      }
      if (!totals) {
        if (!groups.contains(group)) inner = make_room();
        if (!inner.ok() || !piece.holds(hash)) return;
        totals = &groups[group];
        if (totals->count.empty()) {
          totals->value_hash = hash;
          totals->count.resize(entries);
          totals->unique.resize(entries);
          totals->sums.assign(ids.size(), std::vector<Fixed6>(entries));
        }
      }
      totals->count[index] += slot.count;
      if (frame < entry.frames) totals->unique[index] += slot.first[size_t(frame)];
      for (size_t i = 0; i < entry.value_ids.size(); ++i) {
        auto id = std::find(ids.begin(), ids.end(), entry.value_ids[i]);
        if (id != ids.end()) totals->sums[size_t(id - ids.begin())][index] += slot.sums[i];
      }
    }
  };
  const auto count_piece = [&]() -> Status {
    if (counter.selector == SelectorId::none || counter.dimension == DimensionId::none) return {};
    const DayIndex first = span->lifetime ? kLifetimeDay : span->list.first_day;
    const DayIndex last = span->lifetime ? kLifetimeDay : span->list.last_day;
    const auto values = point_values(*choice);
    const HashPiece looked_at = piece;  // it may become smaller meanwhile
    QUIPU_TRY(values.empty() ? scan_counter(view, *tenant, counter.selector, counter.dimension,
                                            first, last, add, looked_at)
                             : get_values(view, *tenant, counter.selector, counter.dimension, first,
                                          last, values, add));
    return inner;
  };
  const auto name_groups = [&]() -> Status {
    for (auto& [elements, totals] : groups) {
      Group group;
      for (size_t i = 0; i < elements.size(); ++i) {
        const uint16_t column = counter.planned.columns[choice->group_positions[i]];
        auto property = view.catalogue().find_property(counter.plan->columns[column].identity);
        CHECK(property);
        auto name = view.name(*tenant, *property, elements[i]);
        if (!name.ok()) return name.error();
        group.by.push_back(*name);
      }
      group.count = std::move(totals.count);
      if (out.has_unique) group.unique = std::move(totals.unique);
      group.sums = std::move(totals.sums);
      out.groups.push_back(std::move(group));
    }
    out.groups_in_all += groups.size();
    groups.clear();
    return {};
  };
  do {
    QUIPU_TRY(count_piece());
    QUIPU_TRY(name_groups());
    sort_groups(out, question.sort);
    if (question.limit && out.groups.size() > question.limit) out.groups.resize(question.limit);
    if (out.groups.size() * group_bytes > max_bytes)
      return too_large(question, choice->adds_groups, max_bytes);
  } while (piece.next());
  if (question.by.empty() && out.groups.empty()) {
    out.groups.push_back(
        {{},
         std::vector<uint64_t>(entries),
         std::vector<uint64_t>(out.has_unique ? entries : 0),
         std::vector<std::vector<Fixed6>>(ids.size(), std::vector<Fixed6>(entries))});
  }
  out.groups_in_all = std::max(out.groups_in_all, out.groups.size());
  return out;
}

Result<std::vector<MetricLine>> list_metrics(StoreView& view, TenantId tenant) {
  std::vector<MetricLine> lines;
  for (const SelectorEntry& entry : view.selectors()) {
    MetricLine line;
    line.name = entry.name;
    line.group = entry.group;
    std::vector<Counter> counters = view.counters_of(entry.identity, entry.group, entry.name);
    const Counter* exact = nullptr;
    for (const Counter& c : counters) {
      std::string text;
      for (const std::string& name : c.names) text += (text.empty() ? "" : ", ") + name;
      line.counters.push_back(text.empty() ? "(all)" : text);
      const bool whole =
          !c.planned.when &&
          std::none_of(c.planned.properties.begin(), c.planned.properties.end(),
                       [&](uint16_t p) { return c.plan->properties[p].skip_missing; });
      if (!whole || c.dimension == DimensionId::none ||
          view.catalogue().counted_in_several(tenant, c.selector, c.dimension))
        continue;
      const auto worth = [](const Counter& of) {
        return std::pair(!of.retired, -int(of.planned.columns.size()));
      };
      if (!exact || worth(c) > worth(*exact)) exact = &c;
    }
    const Counter* any = exact ? exact : counters.empty() ? nullptr : &counters.front();
    if (!any || any->dimension == DimensionId::none) continue;
    uint64_t count = 0;
    std::optional<DayIndex> first, last;
    QUIPU_TRY(scan_counter(view, tenant, any->selector, any->dimension, 0,
                           DayIndex(kEndEventTimeS / 86400),
                           [&](DayIndex day, const CellEntry& cell) {
                             for (const SlotCount& s : cell.slots) count += s.count;
                             first = first ? std::min(*first, day) : day;
                             last = last ? std::max(*last, day) : day;
                           }));
    if (!first) continue;
    if (exact) line.count = count;
    line.first_day = format_instant(int64_t(*first) * 86400, 0).substr(0, 10);
    line.last_day = format_instant(int64_t(*last) * 86400, 0).substr(0, 10);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace quipu
