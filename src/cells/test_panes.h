// For this room's tests and measurements: compiled metrics, months and events made up at random,
// and a naive model of the cells they come to. Bits of `here` and `first` are drawn freely: what
// they mean is the tally's matter.
#pragma once

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cells/cell_rows.h"
#include "cells/group_by.h"
#include "cells/pane.h"

namespace quipu::test {

inline std::string hex(std::string_view bytes) {
  std::string out;
  for (unsigned char b : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", b);
    out += digits;
  }
  return out;
}

using Random = std::mt19937_64;
inline uint64_t below(Random& random, uint64_t n) { return random() % n; }

inline std::shared_ptr<const MonthTable> make_month(MonthIndex month, int calendars,
                                                    int32_t offset_s = 0) {
  std::vector<MonthTable::CalendarRules> rules;
  for (int c = 0; c < calendars; ++c) {
    auto zone = std::make_shared<ZoneRules>();
    zone->name = "zone" + std::to_string(c);
    zone->first_offset_s = offset_s + c * 3600;
    rules.push_back(MonthTable::CalendarRules::under(
        Calendar{"c" + std::to_string(c), zone->name, WeekStart::monday}, zone));
  }
  return MonthTable::build(month, rules);
}

struct WorldSize {
  uint32_t columns = 6;
  int metrics = 3;
  uint32_t dimensions = 12;  // of a section, at most
  int max_arity = 3;
  int values = 2;
};

// Metrics with a section of their own and groups over some of them.
struct World {
  CompiledPlan plan;
  std::deque<CompiledMetric> metrics;
  std::map<uint32_t, SectionLayout> layouts;

  World(Random& random, const WorldSize& size) {
    std::vector<ValueId> ids{9, 2, 5, 0};
    std::shuffle(ids.begin(), ids.end(), random);
    plan.values.assign(ids.begin(), ids.begin() + size.values);
    for (uint32_t c = 0; c < size.columns; ++c) plan.columns.push_back(PropertyId(100 + c));
    std::vector<std::vector<CompiledDimension>> groups;
    for (int g = 0; g < 2; ++g) groups.push_back(draw_dimensions(random, size));
    for (int m = 0; m < size.metrics; ++m) {
      CompiledMetric& metric = metrics.emplace_back();
      metric.index = uint32_t(m);
      metric.metric = SelectorId(20 + m);
      add_section(metric, metric.metric, draw_dimensions(random, size));
      for (uint32_t g = 0; g < 2; ++g) {
        if (below(random, 3) > 0) add_section(metric, SelectorId(g == 0 ? 7 : 70), groups[g]);
      }
      finish(metric);
    }
  }
  World() = default;

  LayoutOf layout_of() const {
    return [this](LayoutId id) {
      auto it = layouts.find(raw(id));
      return it == layouts.end() ? nullptr : &it->second;
    };
  }

  void add_section(CompiledMetric& metric, SelectorId selector,
                   const std::vector<CompiledDimension>& dimensions) {
    CompiledSection section;
    section.selector = selector;
    section.layout = LayoutId(raw(selector) + 1000);
    section.first_dimension = metric.bitmap_words * 64;
    section.dimensions = uint32_t(dimensions.size());
    metric.bitmap_words += (section.dimensions + 63) / 64;
    metric.dimensions.resize(metric.bitmap_words * 64);
    std::copy(dimensions.begin(), dimensions.end(),
              metric.dimensions.begin() + section.first_dimension);
    metric.sections.push_back(section);

    SectionLayout& layout = layouts[raw(section.layout)];
    layout = {};
    std::set<uint8_t> columns;
    for (const auto& d : dimensions) columns.insert(d.columns.begin(), d.columns.begin() + d.arity);
    for (uint8_t c : columns) layout.columns.push_back(plan.columns[c]);
    for (const auto& d : dimensions) {
      SectionLayout::Dimension out;
      out.id = d.id;
      for (int k = 0; k < d.arity; ++k) {
        out.positions.push_back(
            uint8_t(std::distance(columns.begin(), columns.find(d.columns[size_t(k)]))));
      }
      for (size_t v = 0; v < plan.values.size(); ++v) {
        if (d.sums >> v & 1) out.sums.push_back(plan.values[v]);
      }
      std::sort(out.sums.begin(), out.sums.end());
      out.unique = d.unique;
      out.lifetime = d.lifetime;
      layout.dimensions.push_back(out);
    }
  }

  static void finish(CompiledMetric& metric) {
    std::set<uint8_t> columns;
    for (auto* bits : {&metric.planned, &metric.unique, &metric.lifetime})
      bits->resize(metric.bitmap_words);
    for (size_t d = 0; d < metric.dimensions.size(); ++d) {
      const CompiledDimension& dimension = metric.dimensions[d];
      if (dimension.id == DimensionId::none) continue;
      columns.insert(dimension.columns.begin(), dimension.columns.begin() + dimension.compared);
      metric.planned[d / 64] |= uint64_t(1) << d % 64;
      metric.unique[d / 64] |= uint64_t(dimension.unique) << d % 64;
      metric.lifetime[d / 64] |= uint64_t(dimension.lifetime) << d % 64;
      metric.has_lifetime = metric.has_lifetime || dimension.lifetime;
    }
    metric.columns.assign(columns.begin(), columns.end());
  }

  static std::vector<CompiledDimension> draw_dimensions(Random& random, const WorldSize& size) {
    std::vector<CompiledDimension> dimensions(1 + below(random, size.dimensions));
    std::vector<uint32_t> ids;
    for (uint32_t i = 1; i <= dimensions.size() + 5; ++i) ids.push_back(i * 3);
    // Mostly in the order of bits, as a catalogue gives them out; sometimes not.
    if (below(random, 2) == 0) std::shuffle(ids.begin(), ids.end(), random);
    std::vector<uint8_t> columns(size.columns);
    for (uint32_t c = 0; c < size.columns; ++c) columns[c] = uint8_t(c);
    for (size_t i = 0; i < dimensions.size(); ++i) {
      CompiledDimension& d = dimensions[i];
      d.id = DimensionId(ids[i]);
      std::shuffle(columns.begin(), columns.end(), random);
      d.arity = uint8_t(below(random, uint64_t(size.max_arity) + 1));
      d.compared = d.arity;
      std::copy_n(columns.begin(), d.arity, d.columns.begin());
      if (d.arity < size.columns && below(random, 4) == 0)
        d.columns[d.compared++] = columns[d.arity];  // a `when`
      d.sums = uint8_t(below(random, uint64_t(1) << size.values));
      d.unique = below(random, 4) > 0;
      d.lifetime = below(random, 4) == 0;
    }
    return dimensions;
  }
};

struct ModelSlot {
  uint64_t count = 0;
  std::map<ValueId, Fixed6> sums;  // those that are not zero
  std::vector<uint64_t> first;
  bool operator==(const ModelSlot&) const = default;
};
// (day, tenant, selector, dimension, elements) -> slot -> what it holds
using ModelKey = std::tuple<DayIndex, uint32_t, uint32_t, uint32_t, std::vector<uint64_t>>;
using Model = std::map<ModelKey, std::map<int, ModelSlot>>;

inline void add_first(std::vector<uint64_t>& to, size_t frame, uint64_t n) {
  if (to.size() <= frame) to.resize(frame + 1);
  to[frame] += n;
}
inline void add_sum(std::map<ValueId, Fixed6>& to, ValueId id, Fixed6 v) {
  if ((to[id] += v) == 0) to.erase(id);
}

// Adds one row of an event, given as its parts; first as Pane::add takes it.
inline void add_to_model(Model& model, const World& world, const EventBatch& batch,
                         const Event& event, uint32_t row, const uint64_t* first) {
  const CompiledMetric& metric = *event.metric;
  const DayIndex day =
      DayIndex((month_begin_s(event.month->month()) + int64_t(event.slot) * kQuarterS) / 86400);
  const uint64_t* elements = batch.row_elements(event, row);
  const auto bit = [](const uint64_t* words, size_t d) { return words[d / 64] >> d % 64 & 1; };
  for (const CompiledSection& section : metric.sections) {
    for (size_t d = section.first_dimension; d < section.first_dimension + section.dimensions;
         ++d) {
      if (!bit(batch.row_here(event, row), d)) continue;
      const CompiledDimension& dimension = metric.dimensions[d];
      std::vector<uint64_t> value;
      for (int k = 0; k < dimension.arity; ++k)
        value.push_back(elements[dimension.columns[size_t(k)]]);
      const auto add = [&](DayIndex on, int slot, int planes, int first_plane) {
        ModelSlot& cell =
            model[{on, raw(event.tenant), raw(section.selector), raw(dimension.id), value}][slot];
        ++cell.count;
        uint32_t at = event.values;
        for (size_t v = 0; v < world.plan.values.size(); ++v) {
          if (!(event.value_mask >> v & 1)) continue;
          if (dimension.sums >> v & 1) add_sum(cell.sums, world.plan.values[v], batch.values[at]);
          ++at;
        }
        for (int f = 0; dimension.unique && f < planes; ++f) {
          add_first(cell.first, size_t(f),
                    bit(first + size_t(first_plane + f) * metric.bitmap_words, d));
        }
      };
      add(day, event.slot % 96, event.month->frames(), 0);
      if (dimension.lifetime) add(kLifetimeDay, 0, 1, event.month->frames());
    }
  }
}

// Adds an entry of a stored row.
inline void add_to_model(Model& model, const CellKey& key, DimensionId dimension,
                         const CellEntry& entry) {
  auto& cell = model[{key.day, raw(key.tenant), raw(key.selector), raw(dimension),
                      std::vector<uint64_t>(entry.elements.begin(), entry.elements.end())}];
  for (const SlotCount& s : entry.slots) {
    ModelSlot& to = cell[s.slot];
    to.count += s.count;
    for (size_t v = 0; v < entry.value_ids.size(); ++v)
      add_sum(to.sums, entry.value_ids[v], s.sums[v]);
    for (int f = 0; f < entry.frames; ++f) add_first(to.first, size_t(f), s.first[size_t(f)]);
  }
}

// Reads all rows into a model; a row that cannot be read gives its error.
inline Status read_all(const std::map<std::string, std::string>& rows, const LayoutOf& layout_of,
                       Model& model) {
  for (const auto& [bytes, value] : rows) {
    const auto key = CellKey::parse(bytes);
    if (!key) return Error{"a broken key"};
    if (key->dimension == DimensionId::none) {
      QUIPU_TRY(read_sparse_row(value, layout_of, DimensionId::none, [&](const SparseCell& c) {
        add_to_model(model, *key, c.dimension, c.entry);
      }));
    } else if (key->joint()) {
      QUIPU_TRY(read_joint_row(
          value, *key, DimensionId::none,
          [&](DimensionId d, const CellEntry& e) { add_to_model(model, *key, d, e); }));
    } else {
      QUIPU_TRY(read_cell_row(
          value, [&](const CellEntry& e) { add_to_model(model, *key, key->dimension, e); }));
    }
  }
  return {};
}

// A batch of events of any of the months and metrics, some with several rows, and their first
// bitmaps.
struct EventShape {
  int tenants = 3;
  uint64_t domain = 6;        // distinct elements of a column
  int days = 2;               // of each month
  uint64_t slots = 96;        // of a day
  uint64_t several_rows = 4;  // one event in so many has several
  uint64_t nowhere = 10;      // one row in so many counts nowhere in some section
};

// A group-by as a whole, on the calling thread.
inline Status group_by(std::span<const Pane* const> panes, const CompiledPlan& plan,
                       const GroupByOptions& options, GroupByState& state, const RowSink& sink,
                       GroupByResult& result) {
  const GroupBy whole(panes, plan, options, state);
  whole.report(result);
  GroupWorker worker(whole);
  for (size_t p = 0; p < whole.pieces(); ++p) QUIPU_TRY(worker.emit(p, sink, result));
  return {};
}

// add(batch, event, row, first) for each row.
template <typename Add>
void draw_events(Random& random, const World& world,
                 std::span<const std::shared_ptr<const MonthTable>> months, const EventShape& shape,
                 size_t n, EventBatch& batch, Add add) {
  batch.clear();
  batch.columns = uint32_t(world.plan.columns.size());
  for (size_t i = 0; i < n; ++i) {
    Event e;
    const CompiledMetric& metric = world.metrics[below(random, world.metrics.size())];
    e.metric = &metric;
    e.tenant = TenantId(1 + below(random, uint64_t(shape.tenants)));
    // A tenant keeps to one set of calendars: tables of even index for even tenants, of odd index
    // for odd ones.
    const size_t pairs = months.size() / 2;
    e.month = months[below(random, pairs) * 2 + raw(e.tenant) % 2].get();
    e.slot =
        e.month->round(Slot(below(random, uint64_t(shape.days)) * 96 + below(random, shape.slots)));
    e.has_profile = true;
    e.profile = {random(), random()};
    e.value_mask = uint8_t(below(random, uint64_t(1) << world.plan.values.size()));
    e.values = uint32_t(batch.values.size());
    for (unsigned left = e.value_mask; left != 0; left &= left - 1) {
      Fixed6 v = Fixed6(below(random, 2000)) - 1000;
      if (below(random, 20) == 0) v *= Fixed6(1000000000000ull) * 1000000000000ull;
      batch.values.push_back(v);
    }
    e.rows = uint16_t(below(random, shape.several_rows) == 0 ? 2 + below(random, 3) : 1);
    e.elements = uint32_t(batch.elements.size());
    e.here = uint32_t(batch.here.size());
    for (uint32_t r = 0; r < e.rows; ++r) {
      std::vector<uint64_t> elements(batch.columns);
      // Elements of columns the metric does not use are zero; some others too (the empty value).
      for (uint8_t c : metric.columns)
        elements[c] = below(random, shape.domain) * 0x9e3779b97f4a7c15ull;
      batch.elements.insert(batch.elements.end(), elements.begin(), elements.end());
      const uint64_t all_here = below(random, 2);
      std::vector<uint64_t> here(metric.bitmap_words);
      for (size_t b = 0; b < here.size(); ++b)
        here[b] = metric.planned[b] & (all_here ? ~uint64_t(0) : random());
      for (const CompiledSection& s : metric.sections) {
        if (below(random, shape.nowhere) != 0) continue;
        for (uint32_t b = s.first_dimension / 64; b < (s.first_dimension + s.dimensions + 63) / 64;
             ++b)
          here[b] = 0;
      }
      batch.here.insert(batch.here.end(), here.begin(), here.end());
    }
    batch.events.push_back(e);
  }
  std::vector<uint64_t> first;
  for (const Event& e : batch.events) {
    for (uint32_t r = 0; r < e.rows; ++r) {
      const uint32_t bitmap_words = e.metric->bitmap_words;
      first.assign(size_t(e.month->frames() + (e.metric->has_lifetime ? 1 : 0)) * bitmap_words, 0);
      for (size_t p = 0; p * bitmap_words < first.size(); ++p) {
        const uint64_t kind = below(random, 3);  // none, all that may, some
        for (size_t b = 0; b < bitmap_words && kind > 0; ++b) {
          first[p * bitmap_words + b] =
              batch.row_here(e, r)[b] & e.metric->unique[b] & (kind == 1 ? ~uint64_t(0) : random());
        }
      }
      add(batch, e, r, first.data());
    }
  }
}

}  // namespace quipu::test
