#include "cells/group_by.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "cells/group_pieces.h"
#include "cells/pane_entry.h"

namespace quipu {
namespace {

// A row's part in the work of a group, beside one for each dimension: to turn it into columns.
constexpr size_t kRowWork = 8;
// A group that is large beside a piece is cut between dimensions, into pieces of at least so many.
constexpr size_t kLeastDimensions = 16;

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
  const auto estimated_work = [](const Group& group) {
    return group.rows * (kRowWork + group.dimensions().size());
  };
  size_t all = 0;
  for (const Group& group : groups) all += estimated_work(group);
  const size_t aim = all / std::max<size_t>(1, most_pieces) + 1;
  size_t begin = 0, work = 0;
  const auto end_before = [&](size_t g) {
    if (g > begin) pieces.push_back({begin, g});
    begin = g;
    work = 0;
  };
  for (size_t g = 0; g < groups.size(); ++g) {
    const size_t own = estimated_work(groups[g]), dimensions = groups[g].dimensions().size();
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

}  // namespace quipu
