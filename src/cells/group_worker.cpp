#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "cells/cell_codec.h"
#include "cells/cell_rows.h"
#include "cells/dimension_cells.h"
#include "cells/group_by.h"
#include "cells/group_pieces.h"
#include "cells/group_table.h"
#include "cells/joint_rows.h"
#include "cells/pane_entry.h"
#include "cells/portion_cells.h"
#include "cells/row_output.h"
#include "cells/sparse_rows.h"

namespace quipu {
namespace {

constexpr size_t kSparseCounters = size_t(1) << 19;
// A segment of a stored sparse row is taken for so many rows: it holds sparse_events at most.
constexpr size_t kRowsOfSegment = 2;
constexpr uint64_t kRandomLengths = 7;  // 0 .. 6 bits
constexpr uint64_t kRandomJoint = 3;    // beside them: this many draws are joint rows
// Of a group's row, at most, beside what GroupTable::row_bytes() says: so many bytes of cells, and
// of elements.
constexpr size_t kMostCellBytes = 700;
constexpr size_t kLeastRowsOfPortion = 8;
// Of a worker's tables: bitmaps, and the rows of portions that wait for the others, have this part.
constexpr size_t kPartOfTables = 4;

uint64_t group_hash(const CellKey& key) {
  return combine64(combine64(key.day, raw(key.tenant)), raw(key.selector));
}

}  // namespace

class GroupWorker::Grouper {
 public:
  using Group = GroupBy::Impl::Group;
  using Piece = GroupBy::Impl::Piece;

  explicit Grouper(const GroupBy::Impl& whole) : whole_(whole) {}
  Status emit_piece(const Piece& piece, RowOutput& out);
  const GroupBy::Impl& is_whole() const { return whole_; }

 private:
  using Dimensions = std::span<const SelectorShape::Dimension>;
  // Where in a group's entries.
  struct EntryPlace {
    size_t part, entry;
  };
  void fill(const Group& group, EntryPlace& at, size_t most_rows);
  size_t rows_that_fit(Dimensions dimensions) const {
    return std::max(kLeastRowsOfPortion,
                    whole_.options.table_bytes / GroupTable::row_bytes(dimensions));
  }
  bool build(Dimensions dimensions, int frames);
  // Counts the dimensions of the rows in the table; counted(d) after each that is not empty.
  template <typename Counted>
  Status count(const CellKey& key, Dimensions dimensions, int frames, Counted counted);
  Status emit_packed_rows(CellKey key, int frames, Dimensions dimensions, RowOutput& out);
  Status emit_in_portions(const Group& group, CellKey key, Dimensions dimensions, RowOutput& out);
  Result<size_t> hold_portions(const Group& group, const CellKey& key, Dimensions dimensions,
                               size_t& most_rows);
  template <typename Cells>
  Status emit_dimension(CellKey key, Cells& cells, RowOutput& out);
  Status emit_sparse_row(const CellKey& key, int frames, const SelectorShape& shape,
                         RowOutput& out);
  Result<bool> goes_sparse(const CellKey& key);
  // Where the values of a dimension go.
  struct Place {
    std::optional<int> chunk_bits;      // nullopt: a joint row
    std::optional<ValueSketch> sketch;  // to be stored
  };
  Place place_of(const CellKey& key, uint64_t values, std::span<const uint64_t> smallest_hashes);
  Status learn_lengths(CellKey key, Dimensions dimensions);
  Status emit_joint(CellKey key, RowOutput& out);
  void prefetch_chunk_lengths(const CellKey& key, Dimensions dimensions);

  const GroupBy::Impl& whole_;
  GroupTable table_;
  DimensionCells cells_;
  PortionCells portions_;
  JointRowBuilder joint_;
};

Status GroupWorker::Grouper::emit_piece(const Piece& piece, RowOutput& out) {
  for (size_t g = piece.begin; g < piece.end; ++g) {
    const Group& group = whole_.groups[g];
    const SelectorShape& shape = *group.shape;
    auto dimensions = group.dimensions();
    if (piece.cut())
      dimensions =
          dimensions.subspan(piece.dimensions_begin, piece.dimensions_end - piece.dimensions_begin);
    const size_t most_rows = rows_that_fit(dimensions);
    EntryPlace behind{group.parts_begin, 0};
    fill(group, behind, most_rows);
    if (table_.rows().empty()) continue;
    const bool is_whole = table_.rows().size() < most_rows;
    const CellKey key{group.day, group.tenant, shape.selector, DimensionId::none, 0, 0};
    if (is_whole && !piece.cut() && group.day != kLifetimeDay && shape.layout != LayoutId::none) {
      QUIPU_ASSIGN(const auto is_sparse, goes_sparse(key));
      if (is_sparse) {
        QUIPU_TRY(emit_sparse_row(key, group.frames, shape, out));
        continue;
      }
    }
    QUIPU_TRY(learn_lengths(key, dimensions));
    if (is_whole && build(dimensions, group.frames)) {
      QUIPU_TRY(emit_packed_rows(key, group.frames, dimensions, out));
    } else {
      QUIPU_TRY(emit_in_portions(group, key, dimensions, out));
    }
    if (!joint_.empty()) QUIPU_TRY(emit_joint(key, out));
  }
  return {};
}

// Starts the table and adds the group's entries from `at` on until it has so many rows; `at` is
// behind them then.
void GroupWorker::Grouper::fill(const Group& group, EntryPlace& at, size_t most_rows) {
  table_.start(*group.shape, group.day == kLifetimeDay);
  for (; at.part < group.parts_end; at = {at.part + 1, 0}) {
    const GroupBy::Impl::Part& part = whole_.parts[at.part];
    const auto entries = whole_.entries.of(*part.bucket).subspan(at.entry);
    const size_t seen = table_.add(entries, *part.source, most_rows);
    at.entry += seen;
    if (seen < entries.size()) return;
  }
}

// False: the rows need more memory than there is for tables.
bool GroupWorker::Grouper::build(Dimensions dimensions, int frames) {
  const size_t rows = table_.rows().size();
  const size_t most =
      rows <= kLeastRowsOfPortion ? std::numeric_limits<size_t>::max() : whole_.options.table_bytes;
  if (!table_.build(dimensions, most)) return false;
  if (table_.bytes() + rows * kMostCellBytes <= most) return true;
  size_t cells = 0;
  for (const auto& dimension : dimensions) {
    cells = std::max(cells,
                     DimensionCells::most_bytes(table_, dimension, dimension.unique ? frames : 0));
  }
  return table_.bytes() + table_.bitmap_bytes(frames) + cells <= most;
}

template <typename Counted>
Status GroupWorker::Grouper::count(const CellKey& key, Dimensions dimensions, int frames,
                                   Counted counted) {
  const size_t at_once =
      table_.dimensions_at_once(frames, whole_.options.table_bytes / kPartOfTables);
  for (size_t begin = 0; begin < dimensions.size(); begin += at_once) {
    const auto loaded = dimensions.subspan(begin, std::min(at_once, dimensions.size() - begin));
    prefetch_chunk_lengths(key, loaded);
    table_.load(loaded, frames);
    for (size_t d = 0; d < loaded.size(); ++d) {
      cells_.count(table_, loaded[d], d, loaded[d].unique ? frames : 0, whole_.plan.values);
      if (!cells_.empty()) QUIPU_TRY(counted(begin + d));
    }
  }
  return {};
}

Status GroupWorker::Grouper::emit_packed_rows(CellKey key, int frames, Dimensions dimensions,
                                              RowOutput& out) {
  return count(key, dimensions, frames, [&](size_t d) {
    key.dimension = dimensions[d].id;
    return emit_dimension(key, cells_, out);
  });
}

template <typename Cells>
Status GroupWorker::Grouper::emit_dimension(CellKey key, Cells& cells, RowOutput& out) {
  if (!joint_.empty() && joint_.last_dimension() != last_of_joint(key.dimension))
    QUIPU_TRY(emit_joint(key, out));
  const Place place = place_of(key, cells.values(), cells.smallest_hashes());
  if (place.sketch) joint_.add_sketch(key.dimension, *place.sketch);
  if (place.chunk_bits) return cells.emit(key, *place.chunk_bits, out);
  joint_.add(key.dimension, cells.row());
  out.result().cells += cells.values();
  return {};
}

// Of a group whose tables would not fit: some dimensions at a time, each of all portions.
Status GroupWorker::Grouper::emit_in_portions(const Group& group, CellKey key,
                                              Dimensions dimensions, RowOutput& out) {
  size_t most_rows = group.rows, at_once = GroupTable::kDimensionsLoaded;
  for (size_t begin = 0; begin < dimensions.size();) {
    const auto some = dimensions.subspan(begin, std::min(at_once, dimensions.size() - begin));
    QUIPU_ASSIGN(const auto held, hold_portions(group, key, some, most_rows));
    for (size_t d = 0; d < held; ++d) {
      portions_.add_up(d);
      if (portions_.empty()) continue;
      key.dimension = some[d].id;
      QUIPU_TRY(emit_dimension(key, portions_, out));
    }
    begin += held;
    at_once = std::max<size_t>(1, std::min(2 * held, GroupTable::kDimensionsLoaded));
  }
  return {};
}

// Counts dimensions portion by portion; how many of the first, for what they come to is bounded,
// too. most_rows: of a portion; less where that was too much.
Result<size_t> GroupWorker::Grouper::hold_portions(const Group& group, const CellKey& key,
                                                   Dimensions dimensions, size_t& most_rows) {
  portions_.start(dimensions.size());
  most_rows = std::min(most_rows, rows_that_fit(dimensions));
  for (EntryPlace at{group.parts_begin, 0}; at.part < group.parts_end;) {
    EntryPlace behind = at;
    fill(group, behind, most_rows);
    if (table_.rows().empty()) break;
    if (!build(dimensions, group.frames)) {
      most_rows = std::max(kLeastRowsOfPortion, table_.rows().size() / 2);
      continue;
    }
    QUIPU_TRY(count(key, dimensions, group.frames, [&](size_t d) -> Status {
      portions_.hold(d, cells_.row());
      return {};
    }));
    at = behind;
    while (dimensions.size() > 1 &&
           portions_.bytes() > whole_.options.table_bytes / kPartOfTables) {
      dimensions = dimensions.first(dimensions.size() / 2);
      portions_.drop_from(dimensions.size());
    }
  }
  return dimensions.size();
}

Status GroupWorker::Grouper::emit_joint(CellKey key, RowOutput& out) {
  ++out.result().joint_rows;
  key = CellKey::joint_of(key.day, key.tenant, key.selector, joint_.last_dimension());
  return out.emit(key, joint_.finish());
}

GroupWorker::Grouper::Place GroupWorker::Grouper::place_of(
    const CellKey& key, uint64_t values, std::span<const uint64_t> smallest_hashes) {
  const GroupByOptions& options = whole_.options;
  // Of a dimension without properties: it is never cut, and lookup_keys() counts on that.
  const bool only_value = values == 1 && smallest_hashes[0] == kValueHashStart;
  std::lock_guard lock(whole_.state.mutex);
  ChunkLengths& lengths = whole_.state.chunk_lengths;
  ChunkLengths::Choice choice{0, 1};
  if (!only_value) {
    choice = lengths.choose(key.day, key.tenant, key.selector, key.dimension, values,
                            smallest_hashes, options.chunk_values);
  }
  Place place{choice.bits, std::nullopt};
  if (choice.bits == 0 && choice.values <= uint64_t(std::max(0, options.joint_values)))
    place.chunk_bits = std::nullopt;
  if (options.random_chunks_seed != 0) {
    const uint64_t drawn = combine64(options.random_chunks_seed, whole_.state.draws++) %
                           (kRandomLengths + kRandomJoint);
    const int bits = only_value ? 0 : int(drawn);
    place.chunk_bits = drawn < kRandomLengths ? std::optional(bits) : std::nullopt;
  }
  // What goes into a joint row is seen there.
  if (choice.has_changed && place.chunk_bits)
    place.sketch = lengths.sketch(key.day, key.tenant, key.selector, key.dimension);
  return place;
}

// Looks up the joint rows of dimensions of which nothing is known: they tell how many values each
// has so far.
Status GroupWorker::Grouper::learn_lengths(CellKey key, Dimensions dimensions) {
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

void GroupWorker::Grouper::prefetch_chunk_lengths(const CellKey& key, Dimensions dimensions) {
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
