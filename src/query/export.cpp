#include "query/export.h"

#include <algorithm>
#include <map>

#include "base/json_text.h"
#include "query/buckets.h"
#include "query/cell_scan.h"
#include "query/whole.h"

namespace quipu {
namespace {

void append_csv(const std::string& text, std::string& out) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

using Key =
    std::tuple<std::vector<uint64_t>, int, Interval, int64_t>;  // value, calendar, interval, label

void add_slot(const CellEntry& entry, const SlotCount& slot, int frame, CounterBucket& t) {
  t.count += slot.count;
  if (frame < entry.frames) t.unique += slot.first[size_t(frame)];
  for (size_t i = 0; i < entry.value_ids.size(); ++i) t.sums[entry.value_ids[i]] += slot.sums[i];
}

// Of a bucket in a Totals, about, beside its sums.
constexpr size_t kBytesOfBucket = 256, kBytesOfSum = 64;

// The buckets of a counter's values in a piece, which becomes smaller when they are too many.
struct Totals {
  std::map<Key, CounterBucket> buckets;
  HashPiece piece;
  size_t most = 0;  // buckets

  bool holds(const CellEntry& entry) const {
    return piece.is_all() || piece.holds(value_hash(entry.elements));
  }
  void fit() {
    while (buckets.size() > most && piece.halve()) {
      std::erase_if(buckets, [&](const auto& bucket) {
        return !piece.holds(value_hash(std::get<0>(bucket.first)));
      });
    }
  }
};

Status add_entry(StoreView& view, TenantId tenant, DayIndex day, const CellEntry& entry,
                 Totals& totals) {
  if (!totals.holds(entry)) return {};
  auto found = view.table(tenant, month_of(int64_t(day) * 86400));
  if (!found.ok()) return found.error();
  const MonthTable& table = **found;
  std::vector<uint64_t> elements(entry.elements.begin(), entry.elements.end());
  for (const SlotCount& slot : entry.slots) {
    const Slot in_month =
        Slot(int64_t(day) * 96 + slot.slot - month_begin_s(table.month()) / kQuarterS);
    for (int c = 0; c < table.calendars(); ++c) {
      for (Interval interval : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
        const int frame = table.frame(c, interval);
        const Bucket bucket = table.bucket(c, interval, in_month);
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
  QUIPU_TRY(scan_counter(
      view, tenant, counter.selector, counter.dimension, 0, DayIndex(kEndEventTimeS / 86400),
      [&](DayIndex day, const CellEntry& entry) {
        if (inner.ok()) inner = add_entry(view, tenant, day, entry, totals);
      },
      piece));
  QUIPU_TRY(inner);
  if (counter.lifetime_since.empty()) return {};
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

}  // namespace

namespace {

// False: no more is wanted.
Result<bool> visit_counter(StoreView& view, TenantId tenant, const std::string& name,
                           const Counter& counter, size_t piece_bytes,
                           const std::function<Result<bool>(const CounterBucket&)>& visit) {
  Totals totals;
  totals.most = piece_bytes / (kBytesOfBucket + kBytesOfSum * counter.sums_since.size());
  do {
    QUIPU_TRY(count_buckets(view, tenant, counter, totals));
    for (auto& [key, bucket] : totals.buckets) {
      if (bucket.count == 0) continue;
      bucket.tenant = tenant;
      bucket.tenant_name = &name;
      bucket.counter = &counter;
      bucket.elements = &std::get<0>(key);
      bucket.calendar = std::get<1>(key);
      bucket.interval = std::get<2>(key);
      bucket.label = std::get<3>(key);
      auto more = visit(bucket);
      if (!more.ok() || !*more) return more;
    }
  } while (totals.piece.next());
  return true;
}

}  // namespace

Status visit_counter_buckets(StoreView& view,
                             const std::function<Result<bool>(const CounterBucket&)>& visit,
                             size_t piece_bytes) {
  for (const auto& [tenant, name] : view.tenants()) {
    for (const SelectorEntry& selector : view.selectors()) {
      for (const Counter& counter :
           view.counters_of(selector.identity, selector.group, selector.name)) {
        if (counter.selector == SelectorId::none || counter.dimension == DimensionId::none)
          continue;
        auto more = visit_counter(view, tenant, name, counter, piece_bytes, visit);
        if (!more.ok()) return more.error();
        if (!*more) return {};
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
    auto text = view.name(b.tenant, id.value_or(PropertyId::none), (*b.elements)[position]);
    if (!text.ok()) return text.error();
    parts.emplace_back(property.name, *text);
  }
  const std::string by = by_text(parts), when = when_text(counter), sums = sums_text(view, b),
                    partial = partial_text(b);
  const std::string interval = b.calendar < 0 ? "lifetime" : interval_name(b.interval);
  const std::string bucket = b.calendar < 0 ? "" : format_instant(b.first_s, b.first_offset_s);
  const std::string calendar =
      b.calendar < 0 ? "" : view.calendars(b.tenant)[size_t(b.calendar)].name;
  std::string out;
  if (format == ExportFormat::csv) {
    append_csv(*b.tenant_name, out);
    for (const std::string& field :
         {counter.group ? std::string() : counter.selector_name,
          counter.group ? counter.selector_name : std::string(),
          when.empty() ? when : "{" + when + "}", "{" + by + "}", calendar, interval, bucket,
          std::to_string(b.count),
          counter.planned.unique ? std::to_string(b.unique) : std::string(),
          sums.empty() ? sums : "{" + sums + "}", partial}) {
      out += ',';
      append_csv(field, out);
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
                  const std::function<bool(const std::string& line)>& line, size_t piece_bytes) {
  if (format == ExportFormat::csv &&
      !line("tenant,metric,together,when,by,calendar,interval,bucket,count,unique,sum,partial"))
    return {};
  const auto visit = [&](const CounterBucket& bucket) -> Result<bool> {
    auto text = export_line(view, bucket, format);
    if (!text.ok()) return text.error();
    return line(*text);
  };
  return visit_counter_buckets(view, visit, piece_bytes);
}

}  // namespace quipu
