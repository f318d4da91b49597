#include "query/export.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/json_text.h"
#include "query/buckets.h"
#include "query/cell_scan.h"
#include "query/csv.h"
#include "query/span.h"
#include "query/whole.h"

namespace quipu {
namespace {

// By the value's hash first, as the pieces are: so the order does not depend on their size.
struct Key {
  uint64_t hash;
  std::vector<uint64_t> elements;
  int calendar;
  Interval interval;
  int64_t label;

  Key(std::vector<uint64_t> value, int of_calendar, Interval of_interval, int64_t of_label)
      : hash(value_hash(value)),
        elements(std::move(value)),
        calendar(of_calendar),
        interval(of_interval),
        label(of_label) {}
  auto operator<=>(const Key&) const = default;
};

void add_slot(const CellEntry& entry, const SlotCount& slot, int frame, CounterBucket& t) {
  t.count += slot.count;
  if (frame < entry.frames) t.unique += slot.first[size_t(frame)];
  for (size_t i = 0; i < entry.value_ids.size(); ++i) t.sums[entry.value_ids[i]] += slot.sums[i];
}

// What of one tenant's buckets is wanted.
class TenantFilter {
 public:
  static Result<TenantFilter> make(StoreView& view, TenantId tenant, const ExportFilter& filter) {
    TenantFilter wanted(filter);
    const std::vector<Calendar>& calendars = view.calendars(tenant);
    for (size_t c = 0; c < calendars.size(); ++c) {
      Range range;
      range.wanted = !filter.calendar || calendars[c].name == *filter.calendar;
      for (auto [text, bound] :
           {std::pair(&filter.from, &range.from_s), {&filter.to, &range.to_s}}) {
        if (!*text) continue;
        QUIPU_ASSIGN(auto read, read_bound(view, tenant, int(c), **text, filter.now_s));
        *bound = read;
      }
      wanted.ranges_.push_back(range);
    }
    return wanted;
  }

  bool has(int calendar, Interval interval) const {
    return ranges_[size_t(calendar)].wanted && (!filter_.interval || *filter_.interval == interval);
  }
  bool has_begin(int calendar, int64_t first_s) const {
    const Range& range = ranges_[size_t(calendar)];
    return range.from_s <= first_s && first_s < range.to_s;
  }
  bool only_lifetime() const { return filter_.lifetime; }
  bool has_lifetime() const {
    return filter_.lifetime ||
           (!filter_.interval && !filter_.calendar && !filter_.from && !filter_.to);
  }
  // UTC days that hold all wanted buckets: one that begins in the range ends a month later, at
  // most.
  DayIndex first_day() const {
    int64_t first_s = kEndEventTimeS;
    for (const Range& r : ranges_) first_s = std::min(first_s, r.from_s);
    return day_of(first_s - 2 * kDayS);
  }
  DayIndex last_day() const {
    int64_t last_s = 0;
    for (const Range& r : ranges_) last_s = std::max(last_s, std::min(r.to_s, kEndEventTimeS));
    return day_of(last_s + 33 * kDayS);
  }

 private:
  static constexpr int64_t kDayS = 86400;
  struct Range {
    bool wanted = true;
    int64_t from_s = -kEndEventTimeS;  // before whatever begins before 1970
    int64_t to_s = 2 * kEndEventTimeS;
  };
  explicit TenantFilter(const ExportFilter& filter) : filter_(filter) {}
  static DayIndex day_of(int64_t utc_s) {
    return DayIndex(std::clamp<int64_t>(utc_s, 0, kEndEventTimeS) / kDayS);
  }

  const ExportFilter& filter_;
  std::vector<Range> ranges_;
};

// Of a bucket in a Totals, about, beside its sums.
constexpr size_t kBytesOfBucket = 256, kBytesOfSum = 64;
constexpr size_t kNamesAhead = 16'384;  // got together; they fit into what a view keeps of names

// The buckets of a counter's values in a piece, which becomes smaller when they are too many.
struct Totals {
  const TenantFilter& wanted;
  std::map<Key, CounterBucket> buckets = {};
  HashPiece piece = {};
  size_t most = 0;  // buckets

  bool holds(const CellEntry& entry) const {
    return piece.is_all() || piece.holds(value_hash(entry.elements));
  }
  void fit() {
    while (buckets.size() > most && piece.halve()) {
      std::erase_if(buckets, [&](const auto& bucket) { return !piece.holds(bucket.first.hash); });
    }
  }
};

Status add_entry(StoreView& view, TenantId tenant, DayIndex day, const CellEntry& entry,
                 Totals& totals) {
  if (!totals.holds(entry)) return {};
  QUIPU_ASSIGN(auto found, view.table(tenant, month_of(int64_t(day) * 86400)));
  const MonthTable& table = *found;
  std::vector<uint64_t> elements(entry.elements.begin(), entry.elements.end());
  for (const SlotCount& slot : entry.slots) {
    const Slot in_month =
        Slot(int64_t(day) * 96 + slot.slot - month_begin_s(table.month()) / kQuarterS);
    for (int c = 0; c < table.calendars(); ++c) {
      for (Interval interval : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
        if (!totals.wanted.has(c, interval)) continue;
        const int frame = table.frame(c, interval);
        const Bucket bucket = table.bucket(c, interval, in_month);
        if (!totals.wanted.has_begin(c, bucket.first_s)) continue;
        CounterBucket& t = totals.buckets[Key(elements, c, interval, bucket.label)];
        t.first_s = bucket.first_s;
        t.first_offset_s = bucket.first_offset_s;
        add_slot(entry, slot, frame, t);
      }
    }
  }
  totals.fit();
  return {};
}

Status count_buckets(StoreView& view, TenantId tenant, const Counter& counter, Totals& totals) {
  Status inner;
  totals.buckets.clear();
  const HashPiece piece = totals.piece;  // it may become smaller meanwhile
  const TenantFilter& wanted = totals.wanted;
  if (!wanted.only_lifetime()) {
    QUIPU_TRY(scan_counter(
        view, tenant, counter.selector, counter.dimension, wanted.first_day(), wanted.last_day(),
        [&](DayIndex day, const CellEntry& entry) {
          if (inner.ok()) inner = add_entry(view, tenant, day, entry, totals);
        },
        piece));
    QUIPU_TRY(inner);
  }
  if (counter.lifetime_since.empty() || !wanted.has_lifetime()) return {};
  return scan_counter(
      view, tenant, counter.selector, counter.dimension, kLifetimeDay, kLifetimeDay,
      [&](DayIndex, const CellEntry& entry) {
        if (!totals.holds(entry)) return;
        CounterBucket& t = totals.buckets[Key({entry.elements.begin(), entry.elements.end()}, -1,
                                              Interval::hour, 0)];
        for (const SlotCount& slot : entry.slots) add_slot(entry, slot, 0, t);
        totals.fit();
      },
      piece);
}

std::string by_text(const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string out;
  for (const auto& [name, text] : parts) {
    out += out.empty() ? "" : ",";
    append_json_string(name, out);
    out += ':';
    append_json_string(text, out);
  }
  return out;
}

std::string when_text(const Counter& counter) {
  if (!counter.planned.when) return "";
  std::map<std::string, std::vector<std::string>> sorted;  // by name; values are sorted in a plan
  for (const auto& [column, values] : counter.plan->columns[*counter.planned.when].when) {
    sorted[counter.plan->properties[counter.plan->columns[column].property].name] = values;
  }
  std::string out;
  for (const auto& [property, values] : sorted) {
    out += out.empty() ? "" : ",";
    append_json_string(property, out);
    out += ":[";
    for (size_t i = 0; i < values.size(); ++i) {
      out += i ? "," : "";
      append_json_string(values[i], out);
    }
    out += ']';
  }
  return out;
}

std::string sums_text(StoreView& view, const CounterBucket& b) {
  std::string out;
  for (const auto& [value, since] : b.counter->sums_since) {
    auto id = view.catalogue().find_value(value);
    auto sum = id ? b.sums.find(*id) : b.sums.end();
    out += out.empty() ? "" : ",";
    append_json_string(value, out);
    out += ":\"" + format_fixed6(sum == b.sums.end() ? Fixed6(0) : sum->second) + '"';
  }
  return out;
}

// The figures that have not all of the bucket, as a JSON list; nothing if all have.
std::string partial_text(const CounterBucket& b) {
  const bool lifetime = b.calendar < 0;
  std::string out;
  for (const std::string& name : partial_figures(
           figures_of(*b.counter, lifetime, b.counter->planned.unique), lifetime, b.first_s)) {
    out += out.empty() ? "[" : ",";
    append_json_string(name, out);
  }
  return out.empty() ? out : out + "]";
}

// Gets together the names that export_line() will ask for, of some values from `first` on: where it
// stopped. By hash, names lie anywhere in the store, so of many each row is read but once.
using Buckets = std::map<Key, CounterBucket>;
Result<Buckets::const_iterator> name_ahead(StoreView& view, TenantId tenant, const Counter& counter,
                                           Buckets::const_iterator first,
                                           Buckets::const_iterator end) {
  const std::vector<uint16_t>& columns = counter.planned.columns;
  const size_t most = kNamesAhead / std::max<size_t>(1, columns.size());
  std::vector<std::vector<uint64_t>> elements(columns.size());  // by column
  const Key* last = nullptr;
  size_t values = 0;
  for (; first != end; ++first) {
    if (last && last->elements == first->first.elements) continue;
    if (values++ == most) break;
    last = &first->first;
    for (size_t i = 0; i < columns.size(); ++i) elements[i].push_back(last->elements[i]);
  }
  view.forget_names();
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto property =
        view.catalogue().find_property(counter.plan->columns[columns[i]].identity);
    QUIPU_TRY(view.name_ahead(tenant, property.value_or(PropertyId::none), std::move(elements[i])));
  }
  return first;
}

// False: no more is wanted.
Result<bool> visit_counter(StoreView& view, TenantId tenant, const std::string& name,
                           const Counter& counter, size_t piece_bytes, const TenantFilter& wanted,
                           bool with_names,
                           const std::function<Result<bool>(const CounterBucket&)>& visit) {
  Totals totals{wanted};
  totals.most = piece_bytes / (kBytesOfBucket + kBytesOfSum * counter.sums_since.size());
  do {
    QUIPU_TRY(count_buckets(view, tenant, counter, totals));
    auto named = totals.buckets.cbegin();
    for (auto at = totals.buckets.begin(); at != totals.buckets.end(); ++at) {
      if (with_names && at == named) {
        QUIPU_ASSIGN(named, name_ahead(view, tenant, counter, named, totals.buckets.cend()));
      }
      auto& [key, bucket] = *at;
      if (bucket.count == 0) continue;
      bucket.tenant = tenant;
      bucket.tenant_name = &name;
      bucket.counter = &counter;
      bucket.elements = &key.elements;
      bucket.calendar = key.calendar;
      bucket.interval = key.interval;
      bucket.label = key.label;
      auto more = visit(bucket);
      if (!more.ok() || !*more) return more;
    }
  } while (totals.piece.next());
  return true;
}

bool is_named(const ExportFilter& filter, const SelectorEntry& selector) {
  return filter.metric.empty() ||
         (selector.name == filter.metric && (filter.named == NameKind::either ||
                                             selector.group == (filter.named == NameKind::group)));
}

bool is_by(const std::vector<std::string>& names, const Counter& counter) {
  return std::set<std::string>(names.begin(), names.end()) ==
         std::set<std::string>(counter.names.begin(), counter.names.end());
}

// A filter that names what is not there, or no counter, is a mistake.
Status check_filter(const StoreView& view, const ExportFilter& filter) {
  if (filter.tenant) {
    auto tenant = view.tenant(filter.tenant);
    if (!tenant.ok()) return tenant.error();
  }
  if (filter.calendar) {
    Status missing = Error{"no event has been counted in this store yet"};
    for (const auto& [tenant, name] : view.tenants()) {
      auto calendar = view.calendar(tenant, filter.calendar);
      missing = calendar.ok() ? Status() : calendar.error();
      if (missing.ok()) break;
    }
    QUIPU_TRY(missing);
  }
  if (filter.metric.empty() && !filter.by) return {};
  std::vector<Counter> counters;
  if (!filter.metric.empty()) {
    QUIPU_ASSIGN(counters, view.counters(filter.metric, filter.named));
  } else {
    for (const SelectorEntry& s : view.known_selectors()) {
      for (Counter& c : view.counters_of(s.identity, s.group, s.name))
        counters.push_back(std::move(c));
    }
  }
  const bool found =
      !filter.by || std::any_of(counters.begin(), counters.end(),
                                [&](const Counter& c) { return is_by(*filter.by, c); });
  return found ? Status()
               : Error{
                     "nothing is counted by exactly these properties; quipu query METRIC "
                     "--counters lists what a metric is counted by"};
}

}  // namespace

Status visit_counter_buckets(StoreView& view,
                             const std::function<Result<bool>(const CounterBucket&)>& visit,
                             size_t piece_bytes, const ExportFilter& filter) {
  QUIPU_TRY(check_filter(view, filter));
  for (const auto& [tenant, name] : view.tenants()) {
    if (filter.tenant && name != *filter.tenant) continue;
    QUIPU_ASSIGN(auto wanted, TenantFilter::make(view, tenant, filter));
    for (const SelectorEntry& selector : view.selectors()) {
      if (!is_named(filter, selector)) continue;
      for (const Counter& counter :
           view.counters_of(selector.identity, selector.group, selector.name)) {
        if (counter.selector == SelectorId::none || counter.dimension == DimensionId::none)
          continue;
        if (filter.by && !is_by(*filter.by, counter)) continue;
        QUIPU_ASSIGN(auto more, visit_counter(view, tenant, name, counter, piece_bytes, wanted,
                                              filter.with_names, visit));
        if (!more) return {};
      }
    }
  }
  return {};
}

Result<std::string> export_line(StoreView& view, const CounterBucket& b, ExportFormat format) {
  const Counter& counter = *b.counter;
  std::vector<std::pair<std::string, std::string>> parts;
  for (uint16_t p : counter.planned.properties) {
    const Property& property = counter.plan->properties[p];
    const auto& columns = counter.planned.columns;
    const size_t position =
        size_t(std::find(columns.begin(), columns.end(), property.column) - columns.begin());
    auto id = view.catalogue().find_property(counter.plan->columns[property.column].identity);
    QUIPU_ASSIGN(auto text,
                 view.name(b.tenant, id.value_or(PropertyId::none), (*b.elements)[position]));
    parts.emplace_back(property.name, text);
  }
  const std::string by = by_text(parts), when = when_text(counter), sums = sums_text(view, b),
                    partial = partial_text(b);
  const std::string interval = b.calendar < 0 ? "lifetime" : interval_name(b.interval);
  const std::string bucket = b.calendar < 0 ? "" : format_instant(b.first_s, b.first_offset_s);
  const std::string calendar =
      b.calendar < 0 ? "" : view.calendars(b.tenant)[size_t(b.calendar)].name;
  std::string out;
  if (format != ExportFormat::json) {
    const CsvTexts texts =
        format == ExportFormat::safe_csv ? CsvTexts::no_formulas : CsvTexts::exact;
    append_csv_field(*b.tenant_name, out, texts);
    for (const std::string& field :
         {counter.group ? std::string() : counter.selector_name,
          counter.group ? counter.selector_name : std::string(),
          when.empty() ? when : "{" + when + "}", "{" + by + "}", calendar, interval, bucket,
          std::to_string(b.count),
          counter.planned.unique ? std::to_string(b.unique) : std::string(),
          sums.empty() ? sums : "{" + sums + "}", partial}) {
      out += ',';
      append_csv_field(field, out, texts);
    }
    return out;
  }
  out = "{\"tenant\":";
  append_json_string(*b.tenant_name, out);
  out += counter.group ? ",\"together\":" : ",\"metric\":";
  append_json_string(counter.selector_name, out);
  if (!when.empty()) out += ",\"when\":{" + when + "}";
  out += ",\"by\":{" + by + "},\"calendar\":";
  if (b.calendar < 0) {
    out += "null";
  } else {
    append_json_string(calendar, out);
  }
  out += ",\"interval\":\"" + interval + "\",\"bucket\":";
  out += bucket.empty() ? "null" : "\"" + bucket + "\"";
  out += ",\"count\":" + std::to_string(b.count);
  if (counter.planned.unique) out += ",\"unique\":" + std::to_string(b.unique);
  if (!sums.empty()) out += ",\"sum\":{" + sums + "}";
  if (!partial.empty()) out += ",\"partial\":" + partial;
  return out + "}";
}

Status export_all(StoreView& view, ExportFormat format,
                  const std::function<bool(const std::string& line)>& line, size_t piece_bytes,
                  const ExportFilter& filter) {
  if (format != ExportFormat::json &&
      !line("tenant,metric,together,when,by,calendar,interval,bucket,count,unique,sum,partial"))
    return {};
  const auto visit = [&](const CounterBucket& bucket) -> Result<bool> {
    QUIPU_ASSIGN(auto text, export_line(view, bucket, format));
    return line(text);
  };
  ExportFilter of_names = filter;
  of_names.with_names = true;
  return visit_counter_buckets(view, visit, piece_bytes, of_names);
}

}  // namespace quipu
