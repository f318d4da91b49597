// What group_by.cpp makes and group_worker.cpp works through: the groups of a group-by, cut into
// pieces. Read by any thread once it is made.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cells/cell_rows.h"
#include "cells/group_by.h"
#include "cells/ordered_entries.h"
#include "cells/section_map.h"
#include "cells/several_finder.h"

namespace quipu {

// From `at` on, the first dimension that shares no joint row with the one before it.
inline size_t end_of_joint(std::span<const SelectorShape::Dimension> dimensions, size_t at) {
  while (at > 0 && at < dimensions.size() &&
         last_of_joint(dimensions[at].id) == last_of_joint(dimensions[at - 1].id))
    ++at;
  return at;
}

struct GroupBy::Impl {
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
  };

  // Some groups, or some dimensions of one group.
  struct Piece {
    size_t begin, end;  // groups
    size_t dimensions_begin = 0, dimensions_end = 0;
    bool cut() const { return dimensions_end != 0; }
  };

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

}  // namespace quipu
