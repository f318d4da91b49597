// For tests: plans, events and months drawn at random, a naive counter of uniques over them, and a
// durable tier in memory. The counter knows sets of (selector, dimension, value, bucket) and
// nothing of records.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "event/event.h"
#include "tally/appends.h"
#include "tally/record_format.h"
#include "tally/record_key.h"
#include "tally/tally.h"
#include "time/zone.h"

namespace quipu::tally_model {

using Rng = std::mt19937_64;
inline uint32_t draw(Rng& rng, uint32_t below) { return uint32_t(rng() % below); }
inline bool chance(Rng& rng, uint32_t percent) { return draw(rng, 100) < percent; }

// What can be planned, in all versions. Definitions 0..kProperties-1 are properties, the rest
// `when`s; `when` w matches rows whose property w is 1 or 2. Property 1 is `missing: skip`.
inline constexpr int kProperties = 6, kWhens = 2, kDefinitions = kProperties + kWhens;
inline constexpr int kSkipped = 1;
inline constexpr uint32_t kMetrics = 4;

struct Dimension {
  uint32_t id;
  std::vector<int> properties;  // in the order of the value's elements
  std::optional<int> when;      // a definition
  bool unique = true, lifetime = false;
  int compared() const { return int(properties.size()) + (when ? 1 : 0); }
};
struct Section {
  uint32_t selector;
  bool group = false, all = false;
  std::vector<uint32_t> members;
  std::vector<Dimension> dimensions;
  bool holds(uint32_t metric) const {
    return all || std::find(members.begin(), members.end(), metric) != members.end();
  }
};
struct PlanModel {
  std::vector<int> columns;  // definitions by column
  std::vector<Section> sections;
};

inline std::vector<Dimension> draw_dimensions(Rng& rng, bool many) {
  std::vector<Dimension> pool;
  for (uint32_t bits = 0; bits < (1u << kProperties); ++bits) {
    if (__builtin_popcount(bits) > 3) continue;
    for (int when = 0; when <= kWhens; ++when) {
      if (when != 0 && __builtin_popcount(bits) > 1) continue;
      Dimension d{bits * 4 + uint32_t(when) + 1, {}, std::nullopt, true, false};
      for (int p = 0; p < kProperties; ++p)
        if (bits >> p & 1) d.properties.push_back(p);
      if (when != 0) d.when = kProperties + when - 1;
      pool.push_back(d);
    }
  }
  std::shuffle(pool.begin(), pool.end(), rng);
  pool.resize(many ? 40 + draw(rng, 15) : 1 + draw(rng, 8));
  for (Dimension& d : pool) {
    d.unique = !chance(rng, 15);
    d.lifetime = chance(rng, 25);
  }
  return pool;
}

inline PlanModel draw_plan(Rng& rng) {
  PlanModel plan;
  for (int d = 0; d < kDefinitions; ++d) plan.columns.push_back(d);
  std::shuffle(plan.columns.begin(), plan.columns.end(), rng);
  const bool many = chance(rng, 30);
  for (uint32_t m = 1; m <= kMetrics; ++m)
    if (chance(rng, 80))
      plan.sections.push_back({m, false, false, {m}, draw_dimensions(rng, many)});
  if (chance(rng, 60)) plan.sections.push_back({20, true, true, {}, draw_dimensions(rng, many)});
  if (chance(rng, 60))
    plan.sections.push_back({21, true, false, {1, 3}, draw_dimensions(rng, false)});
  if (plan.sections.empty())
    plan.sections.push_back({1, false, false, {1}, draw_dimensions(rng, many)});
  // Columns that nothing uses are in some plans and not in others.
  std::set<int> used;
  for (const Section& s : plan.sections)
    for (const Dimension& d : s.dimensions) {
      used.insert(d.properties.begin(), d.properties.end());
      if (d.when) used.insert(*d.when);
    }
  std::erase_if(plan.columns, [&](int c) { return !used.contains(c) && chance(rng, 50); });
  return plan;
}

// A plan as version versions.size() of a store, with its metrics (by id - 1; null where none
// counts).
struct Compiled {
  CompiledPlan plan;
  std::vector<std::unique_ptr<CompiledMetric>> metrics;
};

inline std::unique_ptr<Compiled> compile(const std::vector<PlanModel>& versions) {
  auto out = std::make_unique<Compiled>();
  const PlanModel& now = versions.back();
  out->plan.version = PlanVersion(versions.size());
  const auto column_of = [&](int definition) {
    const auto it = std::find(now.columns.begin(), now.columns.end(), definition);
    return it == now.columns.end() ? -1 : int(it - now.columns.begin());
  };
  for (int d : now.columns) out->plan.columns.push_back(PropertyId(uint32_t(d) + 1));
  out->plan.version_columns.resize(1);
  for (const PlanModel& v : versions) {
    std::vector<int> map;
    for (int d : v.columns) map.push_back(column_of(d));
    out->plan.version_columns.push_back(map);
  }
  out->metrics.resize(kMetrics);
  for (uint32_t m = 1; m <= kMetrics; ++m) {
    auto metric = std::make_unique<CompiledMetric>();
    metric->metric = SelectorId(m);
    metric->index = m - 1;
    std::set<uint8_t> used;
    for (const Section& s : now.sections) {
      if (!s.holds(m)) continue;
      CompiledSection section;
      section.selector = SelectorId(s.selector);
      section.group = s.group;
      section.all_metrics = s.all;
      if (s.group)
        for (uint32_t member : s.members) section.members.push_back(SelectorId(member));
      section.first_dimension = metric->bitmap_words * 64;
      section.dimensions = uint32_t(s.dimensions.size());
      metric->sections.push_back(section);
      metric->bitmap_words += uint32_t(s.dimensions.size() + 63) / 64;
      metric->dimensions.resize(metric->bitmap_words * 64);
      metric->planned.resize(metric->bitmap_words);
      metric->unique.resize(metric->bitmap_words);
      metric->lifetime.resize(metric->bitmap_words);
      metric->unique_alive.resize(versions.size() + 1);
      for (auto& alive : metric->unique_alive) alive.resize(metric->bitmap_words);
      for (size_t i = 0; i < s.dimensions.size(); ++i) {
        const Dimension& d = s.dimensions[i];
        const size_t bit = section.first_dimension + i;
        const uint64_t mask = uint64_t(1) << bit % 64;
        CompiledDimension& c = metric->dimensions[bit];
        c.id = DimensionId(d.id);
        c.arity = uint8_t(d.properties.size());
        c.compared = uint8_t(d.compared());
        for (size_t k = 0; k < d.properties.size(); ++k)
          c.columns[k] = uint8_t(column_of(d.properties[k]));
        if (d.when) c.columns[c.arity] = uint8_t(column_of(*d.when));
        for (int k = 0; k < c.compared; ++k) used.insert(c.columns[size_t(k)]);
        c.unique = d.unique;
        c.lifetime = d.lifetime;
        metric->planned[bit / 64] |= mask;
        if (d.unique) metric->unique[bit / 64] |= mask;
        if (d.lifetime) metric->lifetime[bit / 64] |= mask;
        metric->has_lifetime |= d.lifetime;
        for (size_t v = 1; v <= versions.size(); ++v)
          for (const Section& then : versions[v - 1].sections)
            for (const Dimension& t : then.dimensions)
              if (then.selector == s.selector && t.id == d.id && t.unique)
                metric->unique_alive[v][bit / 64] |= mask;
      }
    }
    metric->columns.assign(used.begin(), used.end());
    if (metric->bitmap_words != 0) out->metrics[m - 1] = std::move(metric);
  }
  return out;
}

struct EventModel {
  uint32_t tenant;
  std::optional<uint64_t> profile;
  uint32_t metric;
  std::optional<uint64_t> id;
  MonthIndex month;
  Slot slot;
  std::vector<std::vector<uint64_t>> rows;  // by property
};

inline uint64_t element_of(const std::vector<uint64_t>& row, int definition) {
  if (definition < kProperties)
    return row[size_t(definition)] == 0
               ? 0
               : mix64(row[size_t(definition)] + uint64_t(definition) * 1000);
  const uint64_t v = row[size_t(definition - kProperties)];
  return v == 1 || v == 2 ? kWhenMatched : 0;
}
// The value of a row in a dimension, if it counts there.
inline std::optional<std::vector<uint64_t>> value_of(const std::vector<uint64_t>& row,
                                                     const Dimension& d) {
  if (d.when && element_of(row, *d.when) == 0) return std::nullopt;
  std::vector<uint64_t> value;
  for (int p : d.properties) {
    if (p == kSkipped && row[size_t(p)] == 0) return std::nullopt;
    value.push_back(element_of(row, p));
  }
  return value;
}

using Months =
    std::map<std::pair<uint32_t, MonthIndex>, std::shared_ptr<const MonthTable>>;  // by tenant

inline void add_event(const EventModel& e, const PlanModel& plan, const Compiled& compiled,
                      const Months& months, EventBatch& batch) {
  const CompiledMetric& metric = *compiled.metrics[e.metric - 1];
  Event out;
  out.tenant = TenantId(e.tenant);
  out.month = months.at({e.tenant, e.month}).get();
  out.slot = out.month->round(e.slot);
  out.rows = uint16_t(e.rows.size());
  out.has_profile = e.profile.has_value();
  if (e.profile) out.profile = Hash128{mix64(*e.profile), *e.profile / 4};  // some share a half
  out.has_id = e.id.has_value();
  if (e.id) out.id = mix64(*e.id + e.metric * 1000003);
  out.metric = &metric;
  out.elements = uint32_t(batch.elements.size());
  out.here = uint32_t(batch.here.size());
  std::set<std::pair<size_t, std::vector<uint64_t>>> met;
  for (const auto& row : e.rows) {
    for (size_t c = 0; c < plan.columns.size(); ++c) {
      const bool used =
          std::find(metric.columns.begin(), metric.columns.end(), c) != metric.columns.end();
      batch.elements.push_back(used ? element_of(row, plan.columns[c]) : 0);
    }
    std::vector<uint64_t> here(metric.bitmap_words);
    size_t s = 0;
    for (const Section& section : plan.sections) {
      if (!section.holds(e.metric)) continue;
      const size_t first = metric.sections[s++].first_dimension;
      for (size_t i = 0; i < section.dimensions.size(); ++i)
        if (const auto value = value_of(row, section.dimensions[i]))
          if (met.insert({first + i, *value}).second)
            here[(first + i) / 64] |= uint64_t(1) << (first + i) % 64;
    }
    batch.here.insert(batch.here.end(), here.begin(), here.end());
  }
  batch.events.push_back(out);
}

// The naive counter.
struct Counter {
  using Who = std::tuple<uint32_t, uint64_t>;                          // tenant, profile
  using What = std::tuple<uint32_t, uint32_t, std::vector<uint64_t>>;  // selector, dimension, value
  std::set<std::tuple<uint32_t, bool, uint64_t, uint32_t, uint64_t>>
      ids;  // tenant, profile, metric, id
  std::set<std::tuple<Who, What, uint32_t, int64_t>> buckets;
  std::set<std::pair<Who, What>> ever;

  // The rows' expected bitmaps; nothing for a duplicate.
  std::optional<std::vector<std::vector<uint64_t>>> count(const EventModel& e,
                                                          const PlanModel& plan,
                                                          const Compiled& compiled,
                                                          const Months& months) {
    if (e.id &&
        !ids.insert({e.tenant, e.profile.has_value(), e.profile.value_or(0), e.metric, *e.id})
             .second)
      return std::nullopt;
    const CompiledMetric& metric = *compiled.metrics[e.metric - 1];
    const MonthTable& table = *months.at({e.tenant, e.month});
    const Slot slot = table.round(e.slot);
    const size_t frames = size_t(table.frames());
    std::vector<std::vector<uint64_t>> out;
    for (const auto& row : e.rows) {
      out.emplace_back((frames + (metric.has_lifetime ? 1 : 0)) * metric.bitmap_words);
      if (!e.profile) continue;
      const Who who{e.tenant, *e.profile};
      size_t s = 0;
      for (const Section& section : plan.sections) {
        if (!section.holds(e.metric)) continue;
        const size_t first = metric.sections[s++].first_dimension;
        for (size_t i = 0; i < section.dimensions.size(); ++i) {
          const Dimension& d = section.dimensions[i];
          const auto value = value_of(row, d);
          if (!value || !d.unique) continue;
          const What what{section.selector, d.id, *value};
          const size_t block = (first + i) / 64;
          const uint64_t mask = uint64_t(1) << (first + i) % 64;
          for (size_t f = 0; f < frames; ++f)
            if (buckets.insert({who, what, table.frame_tag(int(f)), table.label(int(f), slot)})
                    .second)
              out.back()[f * metric.bitmap_words + block] |= mask;
          if (d.lifetime && ever.insert({who, what}).second)
            out.back()[frames * metric.bitmap_words + block] |= mask;
        }
      }
    }
    return out;
  }
};

// Values live in a map; appends are applied only when the test says that their commit is durable.
class MemoryTier : public DurableTier {
 public:
  // Reads at once, so that what comes between is seen to be heeded.
  std::unique_ptr<Load> begin_load(std::span<const RecordKey> keys) override {
    std::vector<std::string> values(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      std::string key;
      keys[i].append_to(key);
      if (!asked.insert(key).second) ++asked_twice;
      const auto it = records.find(key);
      values[i] = it == records.end() ? "" : it->second;
      absent_months += it == records.end() && keys[i].depth == 0 && keys[i].month != kForever;
    }
    asked.clear();
    return std::make_unique<LoadedAtOnce>(std::move(values));
  }
  void commit(const std::vector<RecordAppend>& appends) {
    std::string before;
    for (const RecordAppend& a : appends) {
      std::string key;
      a.key.append_to(key);
      out_of_order += !(before < key) || a.bytes.empty();
      before = key;
      const bool was_full = full.contains(key);
      std::string& record = records[key];
      wrongly_first += (a.how == RecordWrite::first) != record.empty();
      std::string_view added = a.bytes;
      if (a.how == RecordWrite::whole) {
        ++whole;
        wrongly_whole +=
            record.empty() || added.size() == record.size() || !added.starts_with(record);
        if (added.starts_with(record)) added.remove_prefix(record.size());
        record.clear();
      }
      record += a.bytes;
      RecordReader reader(added, codes);
      for (auto item = reader.next(); item != RecordReader::Item::end; item = reader.next()) {
        if (item == RecordReader::Item::corrupt) {
          ++corrupt;
          break;
        }
        // A root goes on taking rows when its words are full.
        words_in_full += was_full && item != RecordReader::Item::row;
        if (item == RecordReader::Item::full) full.insert(key);
        inlined_rows += item == RecordReader::Item::row && a.key.month == kForever;
        deepest = std::max(deepest, int(a.key.depth));
      }
    }
  }
  const ElementCodes& element_codes() const override { return codes; }
  ElementCodes codes;
  std::map<std::string, std::string> records;
  std::set<std::string> asked, full;  // of one call; chunks marked full
  int asked_twice = 0, out_of_order = 0, words_in_full = 0, corrupt = 0, deepest = 0;
  int absent_months = 0;  // looked for; the forever record tells
  uint64_t inlined_rows = 0, whole = 0;
  uint64_t wrongly_first = 0;  // or wrongly not
  uint64_t wrongly_whole = 0;  // not what is stored and more
};

}  // namespace quipu::tally_model
