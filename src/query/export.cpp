#include "query/export.h"

#include <algorithm>
#include <map>

#include "base/json_text.h"
#include "query/buckets.h"
#include "query/cell_scan.h"

namespace quipu {
namespace {

struct Totals {
  int64_t first_s = 0;
  int32_t first_offset_s = 0;
  uint64_t count = 0, unique = 0;
  std::map<ValueId, Fixed6> sums;
};

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

class Exporter {
 public:
  Exporter(View& view, ExportFormat format, const std::function<bool(const std::string&)>& line)
      : view_(view), format_(format), line_(line) {}

  Status run() {
    if (format_ == ExportFormat::csv && !line_("tenant,metric,together,when,by,calendar,interval,bucket,count,unique,sum")) return {};
    for (const auto& [tenant, name] : view_.tenants()) {
      for (const SelectorEntry& selector : view_.selectors()) {
        for (const Counter& counter : view_.counters_of(selector.identity, selector.group, selector.name)) {
          if (counter.dimension == DimensionId::none) continue;
          QUIPU_TRY(add_buckets(tenant, name, counter));
          if (!counter.lifetime_since.empty()) QUIPU_TRY(add_lifetime(tenant, name, counter));
          if (stopped_) return {};
        }
      }
    }
    return {};
  }

 private:
  using Key = std::tuple<std::vector<uint64_t>, int, Interval, int64_t>;  // value, calendar, interval, label

  Status add_buckets(TenantId tenant, const std::string& name, const Counter& counter) {
    std::map<Key, Totals> totals;
    Status inner;
    QUIPU_TRY(scan_counter(view_, tenant, counter.selector, counter.dimension, 0, DayIndex(kEndEventTimeS / 86400),
                           [&](DayIndex day, const CellEntry& entry) {
                             if (inner.ok()) inner = add(tenant, day, entry, totals);
                           }));
    QUIPU_TRY(inner);
    const std::vector<Calendar>& calendars = view_.calendars(tenant);
    for (const auto& [key, t] : totals) {
      const auto& [elements, calendar, interval, label] = key;
      QUIPU_TRY(emit(tenant, name, counter, elements, &calendars[size_t(calendar)].name, interval_name(interval),
                     format_instant(t.first_s, t.first_offset_s), t));
      if (stopped_) return {};
    }
    return {};
  }

  Status add(TenantId tenant, DayIndex day, const CellEntry& entry, std::map<Key, Totals>& totals) {
    auto found = view_.table(tenant, month_of(int64_t(day) * 86400));
    if (!found.ok()) return found.error();
    const MonthTable& table = **found;
    std::vector<uint64_t> elements(entry.elements.begin(), entry.elements.end());
    for (const SlotCount& slot : entry.slots) {
      const Slot in_month = Slot(int64_t(day) * 96 + slot.slot - month_begin_s(table.month()) / kQuarterS);
      for (int c = 0; c < table.calendars(); ++c) {
        for (Interval interval : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
          const int frame = table.frame(c, interval);
          const Bucket& bucket = table.bucket(frame, in_month);
          Totals& t = totals[Key(elements, c, interval, bucket.label)];
          t.first_s = bucket.first_s;
          t.first_offset_s = bucket.first_offset_s;
          add_slot(entry, slot, frame, t);
        }
      }
    }
    return {};
  }

  static void add_slot(const CellEntry& entry, const SlotCount& slot, int frame, Totals& t) {
    t.count += slot.count;
    if (frame < entry.frames) t.unique += slot.first[size_t(frame)];
    for (size_t i = 0; i < entry.value_ids.size(); ++i) t.sums[entry.value_ids[i]] += slot.sums[i];
  }

  Status add_lifetime(TenantId tenant, const std::string& name, const Counter& counter) {
    std::map<std::vector<uint64_t>, Totals> totals;
    QUIPU_TRY(scan_counter(view_, tenant, counter.selector, counter.dimension, kLifetimeDay, kLifetimeDay,
                           [&](DayIndex, const CellEntry& entry) {
                             Totals& t = totals[std::vector<uint64_t>(entry.elements.begin(), entry.elements.end())];
                             for (const SlotCount& slot : entry.slots) add_slot(entry, slot, 0, t);
                           }));
    for (const auto& [elements, t] : totals) {
      QUIPU_TRY(emit(tenant, name, counter, elements, nullptr, "lifetime", "", t));
      if (stopped_) return {};
    }
    return {};
  }

  Status emit(TenantId tenant, const std::string& tenant_name, const Counter& counter, const std::vector<uint64_t>& elements,
              const std::string* calendar, const std::string& interval, const std::string& bucket, const Totals& t) {
    if (t.count == 0) return {};
    std::string by, when, sums;
    for (size_t i = 0; i < counter.planned.properties.size(); ++i) {
      const Property& property = counter.plan->properties[counter.planned.properties[i]];
      const auto& columns = counter.planned.columns;
      const size_t position = size_t(std::find(columns.begin(), columns.end(), property.column) - columns.begin());
      auto id = view_.catalogue().find_property(counter.plan->columns[property.column].identity);
      auto text = view_.name(tenant, id.value_or(PropertyId::none), elements[position]);
      if (!text.ok()) return text.error();
      by += by.empty() ? "" : ",";
      append_json_string(property.name, by);
      by += ':';
      append_json_string(*text, by);
    }
    if (counter.planned.when) {
      std::map<std::string, std::vector<std::string>> sorted;
      for (const auto& [column, values] : counter.plan->columns[*counter.planned.when].when) {
        auto& list = sorted[counter.plan->properties[counter.plan->columns[column].property].name];
        list = values;
        std::sort(list.begin(), list.end());
      }
      for (const auto& [property, values] : sorted) {
        when += when.empty() ? "" : ",";
        append_json_string(property, when);
        when += ":[";
        for (size_t i = 0; i < values.size(); ++i) {
          when += i ? "," : "";
          append_json_string(values[i], when);
        }
        when += ']';
      }
    }
    for (const auto& [value, since] : counter.sums_since) {
      auto id = view_.catalogue().find_value(value);
      auto sum = id ? t.sums.find(*id) : t.sums.end();
      sums += sums.empty() ? "" : ",";
      append_json_string(value, sums);
      sums += ":\"" + format_fixed6(sum == t.sums.end() ? Fixed6(0) : sum->second) + '"';
    }
    std::string out;
    if (format_ == ExportFormat::csv) {
      append_csv(tenant_name, out);
      out += ',';
      append_csv(counter.group ? "" : counter.selector_name, out);
      out += ',';
      append_csv(counter.group ? counter.selector_name : "", out);
      out += ',';
      append_csv(when.empty() ? "" : "{" + when + "}", out);
      out += ',';
      append_csv("{" + by + "}", out);
      out += ',';
      append_csv(calendar ? *calendar : "", out);
      out += ',' + interval + ',' + bucket + ',' + std::to_string(t.count) + ',';
      if (counter.planned.unique) out += std::to_string(t.unique);
      out += ',';
      append_csv(sums.empty() ? "" : "{" + sums + "}", out);
    } else {
      out = "{\"tenant\":";
      append_json_string(tenant_name, out);
      out += counter.group ? ",\"together\":" : ",\"metric\":";
      append_json_string(counter.selector_name, out);
      if (!when.empty()) out += ",\"when\":{" + when + "}";
      out += ",\"by\":{" + by + "},\"calendar\":";
      if (calendar) {
        append_json_string(*calendar, out);
      } else {
        out += "null";
      }
      out += ",\"interval\":\"" + interval + "\",\"bucket\":";
      out += bucket.empty() ? "null" : "\"" + bucket + "\"";
      out += ",\"count\":" + std::to_string(t.count);
      if (counter.planned.unique) out += ",\"unique\":" + std::to_string(t.unique);
      if (!sums.empty()) out += ",\"sum\":{" + sums + "}";
      out += '}';
    }
    stopped_ = !line_(out);
    return {};
  }

  View& view_;
  const ExportFormat format_;
  const std::function<bool(const std::string&)>& line_;
  bool stopped_ = false;
};

}  // namespace

Status export_all(View& view, ExportFormat format, const std::function<bool(const std::string& line)>& line) {
  return Exporter(view, format, line).run();
}

}  // namespace quipu
