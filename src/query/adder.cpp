#include "query/adder.h"

#include <algorithm>

#include "query/answer_parts.h"
#include "query/cell_scan.h"

namespace quipu {
namespace {

constexpr size_t kPieceBytes = size_t(1) << 20, kPieceGroups = 8192;
constexpr size_t kNamedPieceGroups = 32'768;  // where all groups are named: some 20 MiB
constexpr size_t kMaxPointValues = 64;        // values fetched by key; more are scanned

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

}  // namespace

Adder::Adder(StoreView& view, TenantId tenant, int calendar, const Choice& choice, const Span& span,
             std::vector<ValueId> values, size_t limit, size_t max_bytes)
    : view_(view),
      tenant_(tenant),
      calendar_(calendar),
      choice_(choice),
      span_(span),
      values_(std::move(values)),
      limit_(limit),
      max_bytes_(max_bytes),
      in_pieces_(limit != 0 && !choice.adds_groups),
      groups_(choice.group_positions.size(), span.entries(), values_.size()) {
  const Counter& counter = choice.counter;
  for (const Choice::ElementFilter& filter : choice.filters) {
    prefixes_.emplace_back();
    if (filter.kind != Filter::Kind::prefix) continue;
    const uint16_t column = counter.planned.columns[filter.position];
    const auto property = view.catalogue().find_property(counter.plan->columns[column].identity);
    prefixes_.back() = std::make_unique<PrefixFilter>(
        view, tenant, property.value_or(PropertyId::none), filter.prefixes);
  }
}

Result<bool> Adder::passes(std::span<const uint64_t> elements) {
  for (size_t i = 0; i < prefixes_.size(); ++i) {
    const Choice::ElementFilter& f = choice_.filters[i];
    const uint64_t element = elements[f.position];
    if (f.kind == Filter::Kind::prefix) {
      QUIPU_ASSIGN(const bool begins_so, prefixes_[i]->holds(element));
      if (!begins_so) return false;
      continue;
    }
    const bool listed =
        std::find(f.elements.begin(), f.elements.end(), element) != f.elements.end();
    if (f.kind == Filter::Kind::any_of && !listed) return false;
    if (f.kind == Filter::Kind::none_of && listed) return false;
    if (f.kind == Filter::Kind::not_empty && element == kEmptyElement) return false;
  }
  return true;
}

size_t Adder::group_bytes() const { return bytes_of_group(span_.entries(), values_.size()); }

Error Adder::refused() const { return too_large(limit_, choice_.adds_groups, max_bytes_); }

bool Adder::next() {
  const bool few = groups_.size() < most_groups() / 4;
  groups_.clear();
  return piece_.next(few);
}

// At a time: in pieces so many that their figures stay near the processor, but not so few that the
// same days are gone through again and again; nor the same names, which lie in another order.
size_t Adder::most_groups() const {
  const size_t most = std::max<size_t>(1, max_bytes_ / groups_.bytes_of_group());
  const size_t groups = names_all_ ? kNamedPieceGroups : kPieceGroups;
  return in_pieces_ ? std::min(most, std::max(kPieceBytes / groups_.bytes_of_group(), groups))
                    : most;
}

Status Adder::run() {
  const Counter& counter = choice_.counter;
  if (counter.selector == SelectorId::none || counter.dimension == DimensionId::none) return {};
  const DayIndex first = span_.lifetime ? kLifetimeDay : span_.list.first_day;
  const DayIndex last = span_.lifetime ? kLifetimeDay : span_.list.last_day;
  const auto values = point_values(choice_);
  Status inner;
  const auto visit = [&](DayIndex day, const CellEntry& entry) {
    if (!inner.ok()) return;
    const auto passed = passes(entry.elements);
    inner = passed.ok() ? Status() : Status(passed.error());
    if (passed.ok() && *passed) inner = add(day, entry);
  };
  const HashPiece looked_at = piece_;  // it may become smaller meanwhile
  QUIPU_TRY(values.empty() ? scan_counter(view_, tenant_, counter.selector, counter.dimension,
                                          first, last, visit, looked_at)
                           : get_values(view_, tenant_, counter.selector, counter.dimension, first,
                                        last, values, visit));
  return inner;
}

Status Adder::find_place(DayIndex day) {
  if (placed_ && place_.day == day) return {};
  placed_ = true;
  place_.day = day;
  place_.table = nullptr;
  place_.frame = 0;
  place_.entries.fill(kUnknown);
  if (span_.lifetime) return {};
  QUIPU_ASSIGN(place_.table, view_.table(tenant_, month_of(int64_t(day) * 86400)));
  place_.frame = place_.table->frame(calendar_, span_.list.interval);
  place_.first_slot =
      int64_t(day) * int64_t(kSlotsOfDay) - month_begin_s(place_.table->month()) / kQuarterS;
  return {};
}

int32_t Adder::entry_of(uint16_t slot) {
  if (!place_.table) return 0;
  int32_t& entry = place_.entries[slot];
  if (entry != kUnknown) return entry;
  const int64_t label = place_.table->label(place_.frame, Slot(place_.first_slot + slot));
  const auto found = span_.list.index_of_label.find(label);
  return entry = found == span_.list.index_of_label.end() ? kOutside
                                                          : int32_t(span_.entry_of(found->second));
}

Result<uint32_t> Adder::group_of(const CellEntry& entry) {
  const uint64_t hash = in_pieces_ ? value_hash(entry.elements) : 0;
  if (!piece_.holds(hash)) return GroupTable::kNone;
  elements_.clear();
  for (const size_t position : choice_.group_positions)
    elements_.push_back(entry.elements[position]);
  const uint32_t group = groups_.find(elements_);
  if (group != GroupTable::kNone) return group;
  QUIPU_TRY(make_room());
  return piece_.holds(hash) ? groups_.add(elements_, hash) : GroupTable::kNone;
}

Status Adder::add(DayIndex day, const CellEntry& entry) {
  QUIPU_TRY(find_place(day));
  uint32_t group = GroupTable::kNone;
  for (const SlotCount& slot : entry.slots) {
    const int32_t index_or_outside = entry_of(slot.slot);
    if (index_or_outside == kOutside) continue;
    const size_t index = size_t(index_or_outside);
    if (group == GroupTable::kNone) {
      QUIPU_ASSIGN(group, group_of(entry));
      if (group == GroupTable::kNone) return {};
    }
    groups_.count(group)[index] += slot.count;
    if (place_.frame < entry.frames)
      groups_.unique(group)[index] += slot.first[size_t(place_.frame)];
    for (size_t i = 0; i < entry.value_ids.size(); ++i) {
      const auto id = std::find(values_.begin(), values_.end(), entry.value_ids[i]);
      if (id != values_.end())
        groups_.sum(group, size_t(id - values_.begin()))[index] += slot.sums[i];
    }
  }
  return {};
}

Status Adder::make_room() {
  const size_t most = most_groups();
  if (groups_.size() < most) return {};
  while (groups_.size() >= std::max<size_t>(1, most / 2)) {
    if (!in_pieces_ || !piece_.halve()) return refused();
    groups_.keep(piece_);
  }
  return {};
}

}  // namespace quipu
