// Whether a figure (a count, a unique, a sum) has everything that the store accepted for a bucket.
// What comes late lands in its own bucket, so a figure that is no longer planned has no bucket for
// certain; and one that was planned later has those that begin behind all that came before it. Pure
// functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "query/view.h"

namespace quipu {

using Spans = std::vector<SinceSpan>;

// Planned from the store's first checkpoint until now without a gap: the lifetime is whole, too.
bool planned_always(const Spans& spans);
// Planned until now without a gap, from before the bucket's first instant: by the clock, and by
// the times of the events that were counted before.
bool has_all(const Spans& spans, int64_t first_s);
// Planned, by the clock, while [first_s, end_s) was the present: a figure that has not all of a
// bucket has most of it then.
bool was_there(const Spans& spans, int64_t first_s, int64_t end_s);
// For how many checkpoints it was planned, up to the one before `end`.
uint64_t checkpoints_of(const Spans& spans, uint64_t end);
// When both were planned.
Spans in_both(const Spans& a, const Spans& b);
// "since 2026-.. and until 2026-.., and since 2026-..": of one that was not planned always.
std::string spans_text(const Spans& spans);

// What a bucket of a counter shows: "count", "unique", "sum.NAME".
struct Figure {
  std::string name;
  Spans since;
};
std::vector<Figure> figures_of(const Counter& counter, bool lifetime, bool with_unique);
// The names of those that have not all of a bucket (of the lifetime).
std::vector<std::string> partial_figures(const std::vector<Figure>& figures, bool lifetime,
                                         int64_t first_s);

}  // namespace quipu
