#include "plan/compile_metric.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace quipu {
namespace {

using Bitmap = std::vector<uint64_t>;

void set_bit(Bitmap& bitmap, uint32_t bit) { bitmap[bit / 64] |= uint64_t(1) << bit % 64; }

uint32_t blocks_of(const std::vector<PlannedSection>& sections) {
  size_t blocks = 0;
  for (const PlannedSection& s : sections) blocks += (s.dimensions.size() + 63) / 64;
  return uint32_t(blocks);
}

CompiledDimension compile_dimension(const PlannedDimension& planned, const IdSource& ids) {
  CHECK(planned.columns.size() <= size_t(kMaxArity));
  CompiledDimension d;
  d.id = ids.dimension(planned.identity);
  d.arity = uint8_t(planned.columns.size());
  d.compared = d.arity;
  std::copy(planned.columns.begin(), planned.columns.end(), d.columns.begin());
  if (planned.when) d.columns[d.compared++] = uint8_t(*planned.when);
  d.sums = planned.sums;
  d.unique = planned.unique;
  d.lifetime = planned.lifetime;
  return d;
}

SectionLayout layout_of(const CompiledPlan& plan, const CompiledDimension* dimensions,
                        size_t count) {
  std::vector<uint8_t> columns;
  for (size_t i = 0; i < count; ++i)
    columns.insert(columns.end(), dimensions[i].columns.begin(),
                   dimensions[i].columns.begin() + dimensions[i].arity);
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());

  SectionLayout layout;
  for (uint8_t column : columns) layout.columns.push_back(plan.columns[column]);
  for (size_t i = 0; i < count; ++i) {
    const CompiledDimension& from = dimensions[i];
    SectionLayout::Dimension d;
    d.id = from.id;
    d.unique = from.unique;
    d.lifetime = from.lifetime;
    for (size_t k = 0; k < from.arity; ++k)
      d.positions.push_back(uint8_t(
          std::lower_bound(columns.begin(), columns.end(), from.columns[k]) - columns.begin()));
    for (size_t v = 0; v < plan.values.size(); ++v)
      if (from.sums >> v & 1) d.sums.push_back(plan.values[v]);
    layout.dimensions.push_back(std::move(d));
  }
  return layout;
}

CompiledSection compile_section(const PlannedSection& planned, const IdSource& ids) {
  CompiledSection section;
  section.selector = ids.selector(planned.selector);
  section.group = planned.selector.group;
  section.all_metrics = planned.selector.all_metrics;
  for (const std::string& name : planned.selector.members) {
    Selector member;
    member.name = name;
    section.members.push_back(ids.selector(member));
  }
  std::sort(section.members.begin(), section.members.end());
  return section;
}

// Elements of these columns are 0 where dimensions that hold them do not count.
bool is_gate(const Plan& plan, uint8_t column) {
  const Column& c = plan.columns[column];
  return c.is_when || plan.properties[c.property].skip_missing;
}

// Dimensions of `metric` that counted uniques under an older plan, as bits of `now`.
Bitmap alive_under(const Plan& version, std::string_view metric,
                   const std::vector<PlannedSection>& now, const CompiledMetric& compiled) {
  Bitmap alive(compiled.bitmap_words);
  std::map<std::string, const PlannedSection*> then;
  const std::vector<PlannedSection> sections = version.sections_of(metric);
  for (const PlannedSection& s : sections) then[s.selector.identity()] = &s;
  for (size_t i = 0; i < now.size(); ++i) {
    auto same = then.find(now[i].selector.identity());
    if (same == then.end()) continue;
    std::map<std::string_view, bool> unique;
    for (const PlannedDimension& d : same->second->dimensions) unique[d.identity] = d.unique;
    for (size_t k = 0; k < now[i].dimensions.size(); ++k) {
      auto d = unique.find(now[i].dimensions[k].identity);
      if (d != unique.end() && d->second)
        set_bit(alive, compiled.sections[i].first_dimension + uint32_t(k));
    }
  }
  return alive;
}

}  // namespace

CompiledMetric compile_metric(const CompiledPlan& plan, std::string_view metric,
                              const std::vector<const Plan*>& versions, const IdSource& ids) {
  const std::vector<PlannedSection> sections = plan.parsed.sections_of(metric);
  CHECK(!sections.empty());
  CHECK(versions.size() == size_t(plan.version) + 1);
  CHECK(plan.columns.size() == plan.parsed.columns.size() &&
        plan.values.size() == plan.parsed.values.size());

  CompiledMetric compiled;
  Selector own;
  own.name = std::string(metric);
  compiled.metric = ids.selector(own);
  compiled.name = own.name;
  compiled.bitmap_words = blocks_of(sections);
  CHECK(compiled.bitmap_words >= 1 && compiled.bitmap_words <= uint32_t(kMaxBitmapWords));
  compiled.dimensions.resize(size_t(compiled.bitmap_words) * 64);
  compiled.planned.resize(compiled.bitmap_words);
  compiled.unique.resize(compiled.bitmap_words);
  compiled.lifetime.resize(compiled.bitmap_words);

  std::map<uint8_t, Bitmap> using_column;
  uint32_t first = 0;
  for (const PlannedSection& planned : sections) {
    CompiledSection section = compile_section(planned, ids);
    section.first_dimension = first;
    section.dimensions = uint32_t(planned.dimensions.size());
    for (uint32_t i = 0; i < section.dimensions; ++i) {
      const uint32_t bit = first + i;
      const CompiledDimension d = compile_dimension(planned.dimensions[i], ids);
      compiled.dimensions[bit] = d;
      set_bit(compiled.planned, bit);
      if (d.unique) set_bit(compiled.unique, bit);
      if (d.lifetime) set_bit(compiled.lifetime, bit);
      compiled.has_lifetime |= d.lifetime;
      for (size_t k = 0; k < d.compared; ++k) {
        Bitmap& users = using_column[d.columns[k]];
        users.resize(compiled.bitmap_words);
        set_bit(users, bit);
      }
    }
    section.layout =
        ids.layout(layout_of(plan, compiled.dimensions.data() + first, section.dimensions));
    first += (section.dimensions + 63) / 64 * 64;
    compiled.sections.push_back(std::move(section));
  }
  for (const auto& [column, users] : using_column) {
    compiled.columns.push_back(column);
    if (is_gate(plan.parsed, column)) compiled.gates.push_back({column, users});
  }

  compiled.unique_alive.resize(versions.size());
  for (size_t v = 1; v + 1 < versions.size(); ++v)
    compiled.unique_alive[v] = alive_under(*versions[v], metric, sections, compiled);
  compiled.unique_alive.back() = compiled.unique;
  return compiled;
}

}  // namespace quipu
