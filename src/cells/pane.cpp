#include "cells/pane.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cells/pane_entry.h"

namespace quipu {
namespace {

constexpr int64_t kDayS = 86400;
constexpr Slot kSlotsOfDay = 96;

bool all_zero(const uint64_t* words, uint32_t n) {
  return std::all_of(words, words + n, [](uint64_t w) { return w == 0; });
}

}  // namespace

void Pane::swap(Pane& other) noexcept {
  std::swap(log_, other.log_);
  std::swap(rows_, other.rows_);
  std::swap(last_, other.last_);
}

bool Pane::goes_on(const EventBatch& batch, const Event& event, uint32_t row) {
  if (event.rows <= 1) {
    last_ = {};
    return false;
  }
  const bool same = last_.event == &event && last_.batch == &batch && row > last_.row &&
                    last_.profile == event.profile && last_.id == event.id;
  last_ = {&batch, &event, row, event.profile, event.id};
  return same;
}

void Pane::append_event(const EventBatch& batch, const Event& event, uint32_t row,
                        const uint64_t* first, const uint64_t* kept) {
  const CompiledMetric& metric = *event.metric;
  const uint32_t bitmap_words = metric.bitmap_words;
  const int frames = event.month->frames();
  const int first_planes = frames + (metric.has_lifetime ? 1 : 0);
  CHECK(bitmap_words >= 1 && bitmap_words <= uint32_t(kMaxBitmapWords) && frames <= kMaxFrames);
  CHECK_LT(row, event.rows);

  PaneEntry::Head head;
  head.tenant = event.tenant;
  head.day = DayIndex(month_begin_s(event.month->month()) / kDayS) + event.slot / kSlotsOfDay;
  head.slot = uint8_t(event.slot % kSlotsOfDay);
  head.value_mask = event.value_mask;
  head.same_event = goes_on(batch, event, row);
  head.frames = frames;
  head.bitmap_words = bitmap_words;
  head.kept = kept != nullptr;
  // Most profiles are new in all frames at once, in the same dimensions.
  head.alike = frames >= 2 && !all_zero(first, bitmap_words) &&
               std::equal(first + bitmap_words, first + size_t(frames) * bitmap_words, first);
  for (int p = 0; p < first_planes; ++p) {
    if (!all_zero(first + size_t(p) * bitmap_words, bitmap_words)) head.planes |= uint64_t(2) << p;
  }
  const size_t values = size_t(std::popcount(unsigned(event.value_mask)));
  head.words = PaneEntry::kHeaderWords + head.planes_held() * bitmap_words + 2 * values +
               (kept ? 1 : metric.columns.size());

  uint64_t* w = log_.take(head.words);
  PaneEntry::write_head(head, event.metric, w);
  w = std::copy_n(batch.row_here(event, row), bitmap_words, w + PaneEntry::kHeaderWords);
  for (int p = head.alike ? frames - 1 : 0; p < first_planes; ++p) {
    if (head.planes >> (p + 1) & 1)
      w = std::copy_n(first + size_t(p) * bitmap_words, bitmap_words, w);
  }
  for (size_t v = 0; v < values; ++v) {
    const UInt128 value = UInt128(batch.values[event.values + v]);
    *w++ = uint64_t(value);
    *w++ = uint64_t(value >> 64);
  }
  ++rows_;
  if (kept) {
    *w = reinterpret_cast<uint64_t>(kept);
    return;
  }
  const uint64_t* elements = batch.row_elements(event, row);
  for (uint8_t column : metric.columns) *w++ = elements[column];
}

}  // namespace quipu
