#include "cells/pane.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cells/pane_entry.h"

namespace quipu {
namespace {

constexpr size_t kFirstBlockWords = (size_t(64) << 10) / sizeof(uint64_t);
constexpr size_t kBlockWords = (size_t(1) << 20) / sizeof(uint64_t);
constexpr int64_t kDayS = 86400;
constexpr Slot kSlotsOfDay = 96;

bool all_zero(const uint64_t* words, uint32_t n) {
  return std::all_of(words, words + n, [](uint64_t w) { return w == 0; });
}

}  // namespace

void Pane::swap(Pane& other) noexcept {
  blocks_.swap(other.blocks_);
  std::swap(words_, other.words_);
  std::swap(rows_, other.rows_);
  std::swap(month_, other.month_);
  std::swap(month_day_, other.month_day_);
  std::swap(last_, other.last_);
}

uint64_t* Pane::room_for(size_t words) {
  if (blocks_.empty() || blocks_.back().size - blocks_.back().used < words) {
    const size_t size = blocks_.empty() ? kFirstBlockWords : kBlockWords;
    blocks_.push_back({std::unique_ptr<uint64_t[]>(new uint64_t[size]), 0, size});
  }
  Block& block = blocks_.back();
  uint64_t* room = block.words.get() + block.used;
  block.used += words;
  return room;
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

void Pane::add(const EventBatch& batch, const Event& event, uint32_t row, const uint64_t* first) {
  const CompiledMetric& metric = *event.metric;
  if (event.month != month_) {
    month_ = event.month;
    month_day_ = DayIndex(month_begin_s(month_->month()) / kDayS);
  }
  const uint32_t blocks = metric.blocks;
  const int frames = month_->frames();
  const int first_planes = frames + (metric.has_lifetime ? 1 : 0);
  CHECK(blocks >= 1 && blocks <= uint32_t(kMaxBlocks) && frames <= kMaxFrames);

  PaneEntry::Head head;
  head.tenant = event.tenant;
  head.day = month_day_ + event.slot / kSlotsOfDay;
  head.slot = uint8_t(event.slot % kSlotsOfDay);
  head.value_mask = event.value_mask;
  head.same_event = goes_on(batch, event, row);
  head.frames = frames;
  head.blocks = blocks;
  for (int p = 0; p < first_planes; ++p) {
    if (!all_zero(first + size_t(p) * blocks, blocks)) head.planes |= uint64_t(2) << p;
  }
  const size_t values = size_t(std::popcount(unsigned(event.value_mask)));
  head.words = PaneEntry::kHeaderWords + size_t(std::popcount(head.planes)) * blocks + 2 * values + metric.columns.size();

  uint64_t* w = room_for(head.words);
  PaneEntry::write_head(head, event.metric, event.month, w);
  w = std::copy_n(batch.row_here(event, row), blocks, w + PaneEntry::kHeaderWords);
  for (int p = 0; p < first_planes; ++p) {
    if (head.planes >> (p + 1) & 1) w = std::copy_n(first + size_t(p) * blocks, blocks, w);
  }
  for (size_t v = 0; v < values; ++v) {
    const UInt128 value = UInt128(batch.values[event.values + v]);
    *w++ = uint64_t(value);
    *w++ = uint64_t(value >> 64);
  }
  const uint64_t* elements = batch.row_elements(event, row);
  for (uint8_t column : metric.columns) *w++ = elements[column];
  words_ += head.words;
  ++rows_;
}

}  // namespace quipu
