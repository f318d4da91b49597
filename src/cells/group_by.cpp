#include "cells/group_by.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <vector>

#include "base/hash.h"
#include "cells/cell_codec.h"
#include "cells/cell_rows.h"
#include "cells/dimension_cells.h"
#include "cells/group_table.h"
#include "cells/joint_rows.h"
#include "cells/ordered_entries.h"
#include "cells/pane_entry.h"
#include "cells/row_output.h"
#include "cells/section_map.h"
#include "cells/several_finder.h"
#include "cells/sparse_rows.h"

namespace quipu {
namespace {

constexpr size_t kSparseCounters = size_t(1) << 19;
// A segment of a stored sparse row is taken for so many rows: it holds sparse_events at most.
constexpr size_t kRowsOfSegment = 2;
constexpr uint64_t kRandomLengths = 7;  // 0 .. 6 bits
constexpr uint64_t kRandomJoint = 3;    // beside them: this many draws are joint rows
// A row's part in the work of a group, beside one for each dimension: to turn it into columns.
constexpr size_t kRowWork = 8;
// A group that is large beside a piece is cut between dimensions, into pieces of at least so many.
constexpr size_t kLeastDimensions = 16;

// A section of a bucket's metric.
struct Part {
  const EntryBucket* bucket;
  const SectionSource* source;
};

// A (day, tenant, selector).
struct Group {
  DayIndex day;
  TenantId tenant;
  const SelectorShape* shape;
  int frames;
  size_t parts_begin, parts_end;
  size_t rows;  // at most

  std::span<const SelectorShape::Dimension> dimensions() const {
    return day == kLifetimeDay ? shape->lifetime_by_id : shape->by_id;
  }
  size_t estimated_work() const { return rows * (kRowWork + dimensions().size()); }
};

// Some groups, or some dimensions of one group.
struct Piece {
  size_t begin, end;  // groups
  size_t dimensions_begin = 0, dimensions_end = 0;
  bool cut() const { return dimensions_end != 0; }
};

// From `at` on, the first dimension that shares no joint row with the one before it.
size_t end_of_joint(std::span<const SelectorShape::Dimension> dimensions, size_t at) {
  while (at > 0 && at < dimensions.size() &&
         last_of_joint(dimensions[at].id) == last_of_joint(dimensions[at - 1].id))
    ++at;
  return at;
}

uint64_t group_hash(const CellKey& key) {
  return combine64(combine64(key.day, raw(key.tenant)), raw(key.selector));
}

void report_written(std::span<const EntryBucket> buckets,
                    std::vector<GroupByResult::Written>& out) {
  const auto order = [](const GroupByResult::Written& w) {
    return std::tuple(raw(w.tenant), w.month);
  };
  const size_t begin = out.size();
  for (const EntryBucket& b : buckets) out.push_back({b.tenant, month_of(int64_t(b.day) * 86400)});
  std::sort(out.begin() + ptrdiff_t(begin), out.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  out.erase(std::unique(out.begin() + ptrdiff_t(begin), out.end()), out.end());
}

}  // namespace

struct GroupBy::Impl {
  Impl(std::span<const Pane* const> panes, const CompiledPlan& of_plan,
       const GroupByOptions& of_options, GroupByState& of_state)
      : plan(of_plan), options(of_options), state(of_state), entries(panes, sections) {}

  void add_days();
  void add_lifetime();
  void add_groups(DayIndex day, TenantId tenant, int frames, size_t parts_begin);
  void cut(size_t most_pieces);

  const CompiledPlan& plan;
  const GroupByOptions& options;
  GroupByState& state;
  SectionMap sections;
  const OrderedEntries entries;
  SeveralFinder several;
  std::vector<Part> parts;
  std::vector<Group> groups;  // in key order
  std::vector<Piece> pieces;
};

void GroupBy::Impl::add_days() {
  const auto buckets = entries.buckets();
  for (size_t i = 0; i < buckets.size();) {
    const size_t begin = parts.size();
    const EntryBucket& first = buckets[i];
    for (; i < buckets.size() && buckets[i].day == first.day && buckets[i].tenant == first.tenant;
         ++i) {
      CHECK(buckets[i].frames == first.frames);
      for (const SectionSource& source : buckets[i].metric->sections)
        parts.push_back({&buckets[i], &source});
    }
    add_groups(first.day, first.tenant, first.frames, begin);
  }
}

void GroupBy::Impl::add_lifetime() {
  std::vector<const EntryBucket*> buckets;
  for (const EntryBucket& b : entries.buckets()) {
    if (b.metric->metric->has_lifetime) buckets.push_back(&b);
  }
  std::stable_sort(buckets.begin(), buckets.end(), [](const EntryBucket* a, const EntryBucket* b) {
    return raw(a->tenant) < raw(b->tenant);
  });
  for (size_t i = 0; i < buckets.size();) {
    const size_t begin = parts.size();
    const TenantId tenant = buckets[i]->tenant;
    for (; i < buckets.size() && buckets[i]->tenant == tenant; ++i) {
      for (const SectionSource& source : buckets[i]->metric->sections) {
        if (!source.shape->lifetime_by_id.empty()) parts.push_back({buckets[i], &source});
      }
    }
    add_groups(kLifetimeDay, tenant, 1, begin);
  }
}

// The parts of one (day, tenant), selector by selector.
void GroupBy::Impl::add_groups(DayIndex day, TenantId tenant, int frames, size_t parts_begin) {
  std::stable_sort(parts.begin() + ptrdiff_t(parts_begin), parts.end(),
                   [](const Part& a, const Part& b) {
                     return raw(a.source->shape->selector) < raw(b.source->shape->selector);
                   });
  for (size_t i = parts_begin; i < parts.size();) {
    Group group{day, tenant, parts[i].source->shape, frames, i, i, 0};
    for (; i < parts.size() && parts[i].source->shape == group.shape; ++i)
      group.rows += parts[i].bucket->end - parts[i].bucket->begin;
    group.parts_end = i;
    groups.push_back(group);
  }
}

void GroupBy::Impl::cut(size_t most_pieces) {
  size_t all = 0;
  for (const Group& group : groups) all += group.estimated_work();
  const size_t aim = all / std::max<size_t>(1, most_pieces) + 1;
  size_t begin = 0, work = 0;
  const auto end_before = [&](size_t g) {
    if (g > begin) pieces.push_back({begin, g});
    begin = g;
    work = 0;
  };
  for (size_t g = 0; g < groups.size(); ++g) {
    const size_t own = groups[g].estimated_work(), dimensions = groups[g].dimensions().size();
    const size_t cuts = std::min(own / aim, dimensions / kLeastDimensions);
    if (cuts >= 2) {
      end_before(g);
      size_t dimension = 0;
      for (size_t c = 1; c <= cuts; ++c) {
        const size_t end = end_of_joint(groups[g].dimensions(), dimensions * c / cuts);
        if (end > dimension) pieces.push_back({g, g + 1, dimension, end});
        dimension = std::max(dimension, end);
      }
      begin = g + 1;
      continue;
    }
    work += own;
    if (work >= aim) end_before(g + 1);
  }
  end_before(groups.size());
}

GroupBy::GroupBy(std::span<const Pane* const> panes, const CompiledPlan& plan,
                 const GroupByOptions& options, GroupByState& state, size_t most_pieces) {
  auto impl = std::make_unique<Impl>(panes, plan, options, state);
  state.joint_questions.begin_commit();
  state.sparse_questions.begin_commit();
  for (const Pane* pane : panes)
    PaneReader::each(*pane, [&](PaneEntry entry) { impl->several.see(entry); });
  impl->add_days();
  impl->add_lifetime();
  impl->cut(most_pieces);
  impl_ = std::move(impl);
}

GroupBy::~GroupBy() = default;

size_t GroupBy::pieces() const { return impl_->pieces.size(); }

void GroupBy::report(GroupByResult& result) const {
  impl_->several.report(result.several);
  report_written(impl_->entries.buckets(), result.written);
}

class GroupWorker::Grouper {
 public:
  explicit Grouper(const GroupBy::Impl& whole) : whole_(whole) {}
  Status emit_piece(const Piece& piece, RowOutput& out);
  const GroupBy::Impl& is_whole() const { return whole_; }

 private:
  Status emit_packed_rows(CellKey key, int frames,
                          std::span<const SelectorShape::Dimension> dimensions, RowOutput& out);
  Status emit_sparse_row(const CellKey& key, int frames, const SelectorShape& shape,
                         RowOutput& out);
  Result<bool> goes_sparse(const CellKey& key);
  // Where the values of a dimension go.
  struct Place {
    std::optional<int> chunk_bits;      // nullopt: a joint row
    std::optional<ValueSketch> sketch;  // to be stored
  };
  Place place_of(const CellKey& key);
  Status learn_lengths(CellKey key, std::span<const SelectorShape::Dimension> dimensions);
  Status emit_joint(CellKey key, RowOutput& out);
  void prefetch_chunk_lengths(const CellKey& key,
                              std::span<const SelectorShape::Dimension> dimensions);

  const GroupBy::Impl& whole_;
  GroupTable table_;
  DimensionCells cells_;
  JointRowBuilder joint_;
};

Status GroupWorker::Grouper::emit_piece(const Piece& piece, RowOutput& out) {
  for (size_t g = piece.begin; g < piece.end; ++g) {
    const Group& group = whole_.groups[g];
    const SelectorShape& shape = *group.shape;
    const bool lifetime = group.day == kLifetimeDay;
    table_.start(shape, lifetime);
    for (size_t p = group.parts_begin; p < group.parts_end; ++p) {
      table_.add(whole_.entries.of(*whole_.parts[p].bucket), *whole_.parts[p].source);
    }
    if (table_.rows().empty()) continue;
    const CellKey key{group.day, group.tenant, shape.selector, DimensionId::none, 0, 0};
    if (!piece.cut() && !lifetime && shape.layout != LayoutId::none) {
      const auto is_sparse = goes_sparse(key);
      if (!is_sparse.ok()) return is_sparse.error();
      if (*is_sparse) {
        QUIPU_TRY(emit_sparse_row(key, group.frames, shape, out));
        continue;
      }
    }
    table_.build();
    auto dimensions = group.dimensions();
    if (piece.cut())
      dimensions =
          dimensions.subspan(piece.dimensions_begin, piece.dimensions_end - piece.dimensions_begin);
    QUIPU_TRY(emit_packed_rows(key, group.frames, dimensions, out));
  }
  return {};
}

Status GroupWorker::Grouper::emit_packed_rows(CellKey key, int frames,
                                              std::span<const SelectorShape::Dimension> dimensions,
                                              RowOutput& out) {
  QUIPU_TRY(learn_lengths(key, dimensions));
  const size_t at_once = table_.dimensions_at_once(frames);
  for (size_t begin = 0; begin < dimensions.size(); begin += at_once) {
    const auto loaded = dimensions.subspan(begin, std::min(at_once, dimensions.size() - begin));
    prefetch_chunk_lengths(key, loaded);
    table_.load(loaded, frames);
    for (size_t d = 0; d < loaded.size(); ++d) {
      cells_.count(table_, loaded[d], d, loaded[d].unique ? frames : 0, whole_.plan.values);
      if (cells_.empty()) continue;
      key.dimension = loaded[d].id;
      if (!joint_.empty() && joint_.last_dimension() != last_of_joint(key.dimension))
        QUIPU_TRY(emit_joint(key, out));
      const Place place = place_of(key);
      if (place.sketch) joint_.add_sketch(key.dimension, *place.sketch);
      if (place.chunk_bits) {
        QUIPU_TRY(cells_.emit(key, *place.chunk_bits, out));
      } else {
        joint_.add(key.dimension, cells_.row());
        out.result().cells += cells_.values();
      }
    }
  }
  return joint_.empty() ? Status() : emit_joint(key, out);
}

Status GroupWorker::Grouper::emit_joint(CellKey key, RowOutput& out) {
  ++out.result().joint_rows;
  key = CellKey::joint_of(key.day, key.tenant, key.selector, joint_.last_dimension());
  return out.emit(key, joint_.finish());
}

GroupWorker::Grouper::Place GroupWorker::Grouper::place_of(const CellKey& key) {
  const GroupByOptions& options = whole_.options;
  const bool only_value = cells_.values() == 1 && cells_.smallest_hashes()[0] == kValueHashStart;
  std::lock_guard lock(whole_.state.mutex);
  ChunkLengths& lengths = whole_.state.chunk_lengths;
  ChunkLengths::Choice choice{0, 1};
  if (!only_value) {
    choice = lengths.choose(key.day, key.tenant, key.selector, key.dimension, cells_.values(),
                            cells_.smallest_hashes(), options.chunk_values);
  }
  Place place{choice.bits, std::nullopt};
  if (choice.bits == 0 && choice.values <= uint64_t(std::max(0, options.joint_values)))
    place.chunk_bits = std::nullopt;
  if (options.random_chunks_seed != 0) {
    const uint64_t drawn = combine64(options.random_chunks_seed, whole_.state.draws++) %
                           (kRandomLengths + kRandomJoint);
    place.chunk_bits = drawn < kRandomLengths ? std::optional(int(drawn)) : std::nullopt;
  }
  // What goes into a joint row is seen there.
  if (choice.has_changed && place.chunk_bits)
    place.sketch = lengths.sketch(key.day, key.tenant, key.selector, key.dimension);
  return place;
}

// Looks up the joint rows of dimensions of which nothing is known: they tell how many values each
// has so far.
Status GroupWorker::Grouper::learn_lengths(CellKey key,
                                           std::span<const SelectorShape::Dimension> dimensions) {
  GroupByState& state = whole_.state;
  if (!state.stored) return {};
  const auto is_unknown = [&](const SelectorShape::Dimension& d) {
    return d.arity > 0 && !state.chunk_lengths.knows(key.day, key.tenant, key.selector, d.id);
  };
  std::vector<std::span<const SelectorShape::Dimension>> asked;
  std::vector<std::string> keys;
  {
    std::lock_guard lock(state.mutex);
    for (size_t begin = 0, end; begin < dimensions.size(); begin = end) {
      end = end_of_joint(dimensions, begin + 1);
      const auto joint = dimensions.subspan(begin, end - begin);
      if (std::none_of(joint.begin(), joint.end(), is_unknown)) continue;
      const CellKey of = CellKey::joint_of(key.day, key.tenant, key.selector, joint[0].id);
      if (!state.joint_questions.ask(combine64(group_hash(key), raw(of.dimension)))) continue;
      asked.push_back(joint);
      of.append_to(keys.emplace_back());
    }
  }
  if (keys.empty()) return {};
  std::vector<std::string> rows(keys.size());
  QUIPU_TRY(state.stored(keys, rows));
  std::lock_guard lock(state.mutex);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& dimension : asked[i]) {
      if (!is_unknown(dimension)) continue;
      // What is corrupt is found by whoever reads it for an answer.
      const auto sketch = sketch_of_joint(rows[i], dimension.id).value_or(ValueSketch());
      state.chunk_lengths.learn(key.day, key.tenant, key.selector, dimension.id, sketch);
    }
  }
  return {};
}

void GroupWorker::Grouper::prefetch_chunk_lengths(
    const CellKey& key, std::span<const SelectorShape::Dimension> dimensions) {
  std::lock_guard lock(whole_.state.mutex);
  for (const auto& dimension : dimensions)
    whole_.state.chunk_lengths.prefetch(key.day, key.tenant, key.selector, dimension.id);
}

// Whether the table's rows go out as they are; counts them if so.
Result<bool> GroupWorker::Grouper::goes_sparse(const CellKey& key) {
  const size_t rows = table_.rows().size();
  if (rows > size_t(std::max(0, whole_.options.sparse_events))) return false;
  const uint32_t limit = std::min<uint32_t>(whole_.options.sparse_limit, UINT16_MAX);
  const uint64_t hash = group_hash(key);
  const uint32_t tag = uint32_t(hash >> 32) | 1;
  GroupByState& state = whole_.state;
  using Count = GroupByState::SparseCount;
  bool asks = false;
  {
    std::lock_guard lock(state.mutex);
    if (state.sparse_written.empty()) state.sparse_written.resize(kSparseCounters);
    Count& count = state.sparse_written[hash & (kSparseCounters - 1)];
    if (count.tag != tag) count = {tag, 0, false};
    asks = state.stored && !count.is_learnt && state.sparse_questions.ask(hash);
  }
  size_t stored_rows = 0;
  if (asks) {
    std::string bytes, row;
    key.append_to(bytes);
    QUIPU_TRY(state.stored({&bytes, 1}, {&row, 1}));
    stored_rows = kRowsOfSegment * sparse_segments(row);
  }
  std::lock_guard lock(state.mutex);
  Count& count = state.sparse_written[hash & (kSparseCounters - 1)];
  if (count.tag != tag) count = {tag, 0, false};  // another group's meanwhile
  if (asks) {
    count.rows = uint16_t(std::max<size_t>(count.rows, std::min<size_t>(stored_rows, UINT16_MAX)));
    count.is_learnt = true;
  }
  if (count.rows + rows > limit) return false;
  count.rows = uint16_t(count.rows + rows);
  return true;
}

Status GroupWorker::Grouper::emit_sparse_row(const CellKey& key, int frames,
                                             const SelectorShape& shape, RowOutput& out) {
  // The values that some row has and some dimension sums, by their ids.
  uint8_t there = 0;
  for (const GroupTable::Row& row : table_.rows()) there |= row.entry.value_mask();
  const ValuesById values = values_by_id(there & shape.sums, whole_.plan.values);

  SparseRowBuilder builder(shape.layout, shape.bits, shape.unique,
                           {values.ids.data(), values.count}, frames);
  std::vector<uint64_t> elements(shape.columns.size());
  for (const GroupTable::Row& row : table_.rows()) {
    const PaneEntry entry = row.entry;
    SparseEvent event;
    event.slot = entry.slot();
    for (size_t k = 0; k < values.count; ++k) {
      const unsigned mask = entry.value_mask(), bit = 1u << values.planned[k];
      if (!(mask & bit)) continue;
      event.values |= uint8_t(1 << k);
      event.sums[k] = entry.value(std::popcount(mask & (bit - 1)));
    }
    for (size_t c = 0; c < elements.size(); ++c)
      elements[c] = entry.elements()[row.source->positions[c]];
    event.elements = elements;
    event.here = entry.here() + row.source->first_block;
    for (int f = 0; f < frames; ++f) {
      if (const uint64_t* bits = entry.plane(1 + f))
        event.first[size_t(f)] = bits + row.source->first_block;
    }
    builder.add(event);
  }
  ++out.result().sparse_rows;
  return out.emit(key, builder.finish());
}

GroupWorker::GroupWorker(const GroupBy& whole)
    : grouper_(std::make_unique<Grouper>(*whole.impl_)) {}
GroupWorker::~GroupWorker() = default;

Status GroupWorker::emit(size_t piece, const RowSink& sink, GroupByResult& result) {
  RowOutput out(sink, result);
  return grouper_->emit_piece(grouper_->is_whole().pieces[piece], out);
}

}  // namespace quipu
