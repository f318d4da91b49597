#include "event/row_builder.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "event/field_reader.h"
#include "plan/normalise.h"

namespace quipu {

static_assert(kKeptElements == kMaxRowsOfEvent + 1);

MetricReading::MetricReading(const CompiledMetric& m, const CompiledPlan& plan,
                             const PlanPaths& paths)
    : metric(&m) {
  for (uint8_t column : m.columns) {
    const Column& c = plan.parsed.columns[column];
    if (!c.is_when) {
      used |= uint64_t(1) << column;
      used_columns.push_back(column);
      continue;
    }
    whens.push_back(column);
    for (const auto& [source, texts] : c.when) needed |= uint64_t(1) << source;
  }
  needed |= used;
  for (uint32_t c = 0; c < paths.columns.size(); ++c) {
    if (!(needed >> c & 1)) continue;
    const uint32_t number = paths.columns[c].group;
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& g) { return g.group == number; });
    if (group == groups.end()) group = groups.insert(group, Group{number, {}});
    group->columns.push_back(uint8_t(c));
  }
  for (uint32_t d = 0; d < m.dimensions.size(); ++d) add_dimension(plan, d);
}

void MetricReading::add_dimension(const CompiledPlan& plan, uint32_t dimension) {
  const CompiledDimension& d = metric->dimensions[dimension];
  uint64_t compared = 0, held = 0, looked_at = 0;
  for (size_t k = 0; k < d.compared; ++k) {
    const uint8_t column = d.columns[k];
    compared |= uint64_t(1) << column;
    if (k < d.arity) held |= uint64_t(1) << column;
    for (const auto& [source, texts] : plan.parsed.columns[column].when)
      looked_at |= uint64_t(1) << source;
  }
  dimension_columns.push_back(compared);
  uint64_t joined = 0, partly = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    uint64_t columns = 0;
    for (uint8_t c : groups[g].columns) columns |= uint64_t(1) << c;
    if ((columns & (held | looked_at)) == 0) continue;
    joined |= uint64_t(1) << g;
    if (columns & ~held) partly |= uint64_t(1) << g;
  }
  partly_held.push_back(partly);
  if (!(metric->planned[dimension / 64] >> dimension % 64 & 1)) return;
  auto join =
      std::find_if(joins.begin(), joins.end(), [&](const Join& j) { return j.groups == joined; });
  if (join == joins.end())
    join = joins.insert(join, Join{joined, std::vector<uint64_t>(metric->bitmap_words)});
  join->dimensions[dimension / 64] |= uint64_t(1) << dimension % 64;
}

RowBuilder::RowBuilder(const CompiledPlan& plan, const PlanPaths& paths, const Hasher& hasher)
    : plan_(plan), paths_(paths), hasher_(hasher), columns_(plan.parsed.columns.size()) {
  whens_.resize(columns_);
  for (size_t c = 0; c < columns_; ++c) {
    for (const auto& [source, texts] : plan.parsed.columns[c].when) {
      When::Entry& entry = whens_[c].entries.emplace_back();
      entry.column = source;
      for (const std::string& text : texts) entry.elements.push_back(hasher.element(text));
      std::sort(entry.elements.begin(), entry.elements.end());
    }
  }
  first_cell_.resize(paths.columns.size());
  group_size_.resize(paths.groups);
  tuples_.resize(paths.groups);
  numbers_.resize(1);
}

bool RowBuilder::read(uint64_t needed, LineOutcome& outcome) {
  cells_.clear();
  numbers_used_ = 0;
  std::fill(group_size_.begin(), group_size_.end(), 1);
  for (uint32_t c : paths_.column_order) {
    first_cell_[c] = uint32_t(cells_.size());
    if (!read_column(paths_.columns[c], needed >> c & 1, outcome)) return false;
  }
  return true;
}

bool RowBuilder::read_column(const ColumnValues& column, bool needed, LineOutcome& outcome) {
  const Value& value = paths_.found.values[column.index];
  if (value.fault == ValueFault::duplicate_key)
    return set_aside_fault(outcome, value.fault, column.property->path.text);
  switch (column.kind) {
    case ColumnValues::Kind::present:
      return read_present(column, value, needed, outcome);
    case ColumnValues::Kind::plain:
    case ColumnValues::Kind::each:
      if (value.kind == ValueKind::array) break;
      return read_text(column, value, needed, outcome);
    case ColumnValues::Kind::within:
      if (value.kind == ValueKind::array) break;
      if (needed) add_cell({});
      return true;
  }
  return read_elements(column, value, needed, outcome);
}

bool RowBuilder::read_text(const ColumnValues& column, const Value& value, bool needed,
                           LineOutcome& outcome) {
  if (value.fault != ValueFault::none)
    return set_aside_fault(outcome, value.fault, column.property->path.text);
  if (value.kind == ValueKind::object || value.kind == ValueKind::array)
    add_note(outcome, Note::object_as_scalar);
  if (needed) add_cell(value.text(), value.kind == ValueKind::number);
  return true;
}

bool RowBuilder::read_present(const ColumnValues& column, const Value& value, bool needed,
                              LineOutcome& outcome) {
  if (value.fault != ValueFault::none)
    return set_aside_fault(outcome, value.fault, column.property->path.text);
  const bool nothing = value.kind == ValueKind::missing || value.kind == ValueKind::null ||
                       (value.kind == ValueKind::string && trim_ascii(value.text()).empty()) ||
                       (value.kind == ValueKind::array && value.size == 0);
  if (needed) add_cell(nothing ? "false" : "true");
  return true;
}

bool RowBuilder::read_elements(const ColumnValues& column, const Value& array, bool needed,
                               LineOutcome& outcome) {
  CHECK(column.in_arrays);
  if (array.size == 0) {
    if (needed) add_cell({});
    return true;
  }
  group_size_[column.group] = array.size;
  const PlannedValues::Walk& walk = paths_.found.walks[column.walk];
  for (size_t at = column.position; at < walk.values.size(); at += walk.width)
    if (!read_text(column, walk.values[at], needed, outcome)) return false;
  return true;
}

void RowBuilder::add_cell(std::string_view text, bool is_number) {
  if (text.empty()) {
    cells_.push_back({{kEmptyElement, 0}, {}});
    return;
  }
  std::string& number = numbers_[numbers_used_];
  const std::string_view own = canonical(text, is_number, number);
  if (own.data() == number.data() && ++numbers_used_ == numbers_.size()) numbers_.emplace_back();
  cells_.push_back({hasher_.element_checked(own), own});
}

bool RowBuilder::matches(const When& when, const uint64_t* row) const {
  for (const When::Entry& entry : when.entries)
    if (!std::binary_search(entry.elements.begin(), entry.elements.end(), row[entry.column]))
      return false;
  return true;
}

bool RowBuilder::judge(const MetricReading& reading, uint64_t* row, uint64_t* here) const {
  const CompiledMetric& metric = *reading.metric;
  for (uint8_t w : reading.whens) row[w] = matches(whens_[w], row) ? kWhenMatched : 0;
  for (uint64_t rest = reading.needed & ~reading.used; rest != 0; rest &= rest - 1)
    row[std::countr_zero(rest)] = 0;
  std::copy(metric.planned.begin(), metric.planned.end(), here);
  for (const CompiledMetric::Gate& gate : metric.gates) {
    if (row[gate.column] != 0) continue;
    for (uint32_t b = 0; b < metric.bitmap_words; ++b) here[b] &= ~gate.dimensions[b];
  }
  uint64_t any = 0;
  for (uint32_t b = 0; b < metric.bitmap_words; ++b) any |= here[b];
  return any != 0;
}

uint32_t RowBuilder::append_rows(const MetricReading& reading, EventBatch& batch) {
  const uint32_t bitmap_words = reading.metric->bitmap_words;
  const bool single =
      std::all_of(reading.groups.begin(), reading.groups.end(),
                  [&](const MetricReading::Group& g) { return group_size_[g.group] == 1; });
  const size_t elements = batch.elements.size(), here = batch.here.size();
  if (single) {
    batch.elements.resize(elements + columns_);
    batch.here.resize(here + bitmap_words);
    for (uint64_t rest = reading.needed; rest != 0; rest &= rest - 1) {
      const uint32_t c = uint32_t(std::countr_zero(rest));
      batch.elements[elements + c] = cell(c, 0).hash.element;
    }
    if (judge(reading, batch.elements.data() + elements, batch.here.data() + here)) return 1;
    batch.elements.resize(elements);
    batch.here.resize(here);
    return 0;
  }
  combine(reading);
  clear_repeated(reading);
  uint32_t kept = 0;
  for (size_t r = 0; r < row_count_; ++r) {
    const uint64_t* bits = here_.data() + r * bitmap_words;
    if (std::all_of(bits, bits + bitmap_words, [](uint64_t word) { return word == 0; })) continue;
    batch.elements.insert(batch.elements.end(), row(r), row(r) + columns_);
    batch.here.insert(batch.here.end(), bits, bits + bitmap_words);
    ++kept;
  }
  return kept;
}

void RowBuilder::note_names(const MetricReading& reading, TenantId tenant, NameLog& names) const {
  std::array<uint64_t, kMaxColumns> prints;
  for (size_t i = 0; i < reading.used_columns.size(); ++i) {
    const uint8_t c = reading.used_columns[i];
    prints[i] = names.prefetch(tenant, plan_.columns[c], cell(c, 0).hash);
  }
  for (size_t i = 0; i < reading.used_columns.size(); ++i) {
    const uint8_t c = reading.used_columns[i];
    if (const Cell& first = cell(c, 0); first.hash.element != kEmptyElement)
      names.note(prints[i], tenant, plan_.columns[c], first.hash.element, first.text);
    for (uint32_t e = 1; e < group_size_[paths_.columns[c].group]; ++e)
      if (const Cell& other = cell(c, e); other.hash.element != kEmptyElement)
        names.note(tenant, plan_.columns[c], other.hash, other.text);
  }
}

std::vector<std::string_view> RowBuilder::texts(uint32_t column) const {
  std::vector<std::string_view> out;
  const uint32_t kept = std::min(group_size_[paths_.columns[column].group], kKeptElements);
  for (uint32_t i = 0; i < kept; ++i) out.push_back(cell(column, i).text);
  return out;
}

}  // namespace quipu
