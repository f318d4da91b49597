#include "query/whole.h"

#include <algorithm>

namespace quipu {

bool planned_always(const Spans& spans) {
  return spans.size() == 1 && spans[0].from_checkpoint <= 1 && spans[0].to_checkpoint == 0;
}

bool has_all(const Spans& spans, int64_t first_s) {
  if (planned_always(spans)) return true;
  if (spans.empty() || spans.back().to_checkpoint != 0) return false;
  return first_s >= std::max(spans.back().from_time_s, spans.back().reached_s);
}

bool was_there(const Spans& spans, int64_t first_s, int64_t end_s) {
  return std::any_of(spans.begin(), spans.end(), [&](const SinceSpan& s) {
    return (s.from_checkpoint <= 1 || s.from_time_s <= first_s) &&
           (s.to_checkpoint == 0 || end_s <= s.to_time_s);
  });
}

uint64_t checkpoints_of(const Spans& spans, uint64_t end) {
  uint64_t checkpoints = 0;
  for (const SinceSpan& s : spans)
    checkpoints += (s.to_checkpoint ? s.to_checkpoint : end) - s.from_checkpoint;
  return checkpoints;
}

Spans in_both(const Spans& a, const Spans& b) {
  Spans both;
  for (const SinceSpan& x : a) {
    for (const SinceSpan& y : b) {
      const SinceSpan& later = x.from_checkpoint < y.from_checkpoint ? y : x;
      const bool x_ends =
          x.to_checkpoint != 0 && (y.to_checkpoint == 0 || x.to_checkpoint < y.to_checkpoint);
      const SinceSpan& earlier = x_ends ? x : y;
      if (earlier.to_checkpoint != 0 && earlier.to_checkpoint <= later.from_checkpoint) continue;
      both.push_back(later);
      both.back().to_checkpoint = earlier.to_checkpoint;
      both.back().to_time_s = earlier.to_time_s;
    }
  }
  return both;
}

std::string spans_text(const Spans& spans) {
  std::string text;
  for (const SinceSpan& s : spans) {
    const bool begins = s.from_checkpoint > 1, ends = s.to_checkpoint != 0;
    if (!text.empty()) text += ", and ";
    if (begins) text += "since " + format_instant(s.from_time_s, 0);
    if (ends) text += (begins ? " until " : "until ") + format_instant(s.to_time_s, 0);
  }
  return text.empty() ? "at no time" : text;
}

std::vector<Figure> figures_of(const Counter& counter, bool lifetime, bool with_unique) {
  const auto when = [&](const Spans& spans) {
    return lifetime ? in_both(spans, counter.lifetime_since) : spans;
  };
  std::vector<Figure> figures{{"count", when(counter.since)}};
  if (with_unique) figures.push_back({"unique", when(counter.unique_since)});
  for (const auto& [name, since] : counter.sums_since)
    figures.push_back({"sum." + name, when(since)});
  return figures;
}

std::vector<std::string> partial_figures(const std::vector<Figure>& figures, bool lifetime,
                                         int64_t first_s) {
  std::vector<std::string> names;
  for (const Figure& f : figures) {
    const bool whole = lifetime ? planned_always(f.since) : has_all(f.since, first_s);
    if (!whole) names.push_back(f.name);
  }
  return names;
}

}  // namespace quipu
