// An event in hand: is it new, and in which buckets of which dimensions is it its profile's first?
#include <algorithm>
#include <bit>
#include <cstring>

#include "base/fault.h"
#include "tally/record_words.h"
#include "tally/tally_impl.h"

namespace quipu {

void Tally::Impl::tally_event(const EventBatch& batch, uint32_t i, TallyResult& result) {
  const Event& e = batch.events[i];
  const CompiledMetric& metric = *e.metric;
  profile = found[i % kHandles];
  if (e.has_id) {
    RecordRef& forever = hot.record(profile, kForever);
    if (hot.contains(profile, forever, e.id)) {
      ++result.duplicates;
      return;
    }
    hot.insert(profile, forever, e.id);
  }
  ++result.counted;
  const MetricShape& shape = shape_of(metric);
  const size_t row_words =
      size_t(e.month->frames() + (metric.has_lifetime ? 1 : 0)) * metric.bitmap_words;
  bool opened = false;
  for (uint32_t r = 0; r < e.rows; ++r) {
    const size_t at = result.bitmaps.size();
    result.rows.push_back({i, r, uint32_t(at), nullptr});
    result.bitmaps.resize(at + row_words);
    if (!e.has_profile) continue;
    const uint64_t* here = batch.row_here(e, r);
    for (uint32_t b = 0; b < metric.bitmap_words; ++b) wanted[b] = here[b] & metric.unique[b];
    if (!any_bit(wanted.data(), metric.bitmap_words)) continue;
    if (!opened) open_records(e, keys[i].reach);
    opened = true;
    row_elements = batch.row_elements(e, r);
    result.rows.back().kept = tally_row(e, shape, result.bitmaps.data() + at);
  }
}

// Finds the records of the event's months, and its buckets' parts in each.
void Tally::Impl::open_records(const Event& e, uint8_t reach) {
  records.fill({});
  any_words = false;
  for_each_side(reach, [&](uint32_t side) {
    Record& record = records[side];
    record.ref = &hot.record(profile, month_at(e.month->month(), side));
    record.has_words = hot.words(*record.ref) != nullptr;
    any_words |= record.has_words;
  });
  reached = reach;
  buckets = &buckets_of(*e.month, e.slot, reach);
}

// first: by frame, then (lifetime) first ever; all zero. Returns where the log keeps the row's
// elements, if it does.
const uint64_t* Tally::Impl::tally_row(const Event& e, const MetricShape& shape, uint64_t* first) {
  const uint32_t bitmap_words = shape.bitmap_words;
  const uint32_t frames = uint32_t(e.month->frames());
  for (uint32_t f = 0; f < frames; ++f)
    std::memcpy(first + f * bitmap_words, wanted.data(), bitmap_words * 8);
  hashed.fill(0);
  // What is over in a moment first: a heavy month's newest rows, then words, then rows.
  heavy_own = nullptr;
  bool fresh = true;
  if (records[kOwn].has_words) {
    heavy_own = heavy.find(e.tenant, e.profile, e.month->month(), e.month->grain_quarters());
    if (heavy_own != nullptr)
      fresh = look(ops, shape, plan.version, buckets->parts[kOwn], heavy.rows(*heavy_own),
                   row_elements, first);
  }
  const bool not_recent = heavy_own != nullptr && fresh;
  if (fresh && any_words) {
    look_at_words(e, shape, frames, first);
    fresh = any_bit(first, frames * bitmap_words);
  }
  fresh = fresh && look_at_matrices(shape, first) && any_bit(first, frames * bitmap_words);
  const uint64_t* kept = fresh ? store_row(e, shape, first) : nullptr;
  if (not_recent) heavy.add_row(*heavy_own, meta_of(e), filled_of(shape), row_elements);
  for (uint32_t b = 0; b < bitmap_words; ++b) memberships += uint64_t(std::popcount(first[b]));
  if (e.metric->has_lifetime) tally_lifetime(shape, first + frames * bitmap_words);
  return kept;
}

// Returns whether something may still be new. A neighbour's record is asked about its frames only.
bool Tally::Impl::look_at_matrices(const MetricShape& shape, uint64_t* first) {
  bool left_in_own = true;
  for_each_side(reached, [&](uint32_t side) {
    const Record& record = records[side];
    if (!left_in_own || buckets->parts[side].frames == 0) return;
    const MonthRecord* month = hot.month_record(*record.ref);
    if (month == nullptr || month->rows == 0) return;
    MatrixView view = month->view();
    if (planted(Planted::threshold_off_by_one) && record.has_words) --view.rows;
    const bool left =
        look(ops, shape, plan.version, buckets->parts[side], view, row_elements, first);
    if (side == kOwn) left_in_own = left;
  });
  return left_in_own;
}

// A word's slots tell of all buckets at once.
void Tally::Impl::look_at_words(const Event& e, const MetricShape& shape, uint32_t frames,
                                uint64_t* first) {
  lookups.clear();
  each_fresh(shape, frames, first, [&](uint32_t d, uint32_t fresh) {
    lookups.push_back({value_hash(shape, d), fresh, 0, d, kNoHandle, nullptr, 0});
  });
  if (heavy_own != nullptr && heavy.wants_words(*heavy_own)) fill_heavy(*records[kOwn].ref);
  if (records[kOwn].has_words) look_at_words_of(kOwn, heavy_own);
  for_each_side(reached, [&](uint32_t side) {
    if (side != kOwn && records[side].has_words && buckets->frames[side] != 0)
      look_at_words_of(side, heavy.peek(e.tenant, e.profile, month_at(e.month->month(), side)));
  });
  for (const WordLookup& l : lookups)
    for (uint32_t f = 0; f < frames; ++f)
      if (!(l.unseen >> f & 1))
        first[f * shape.bitmap_words + l.dimension / 64] &= ~(uint64_t(1) << l.dimension % 64);
}

// Most are known at hand, in a heavy month all; the own month's words that turn out to have many
// slots will be.
void Tally::Impl::look_at_words_of(uint32_t side, const HeavyMonths::Place* known) {
  constexpr uint32_t kManySteps = 4;
  const RecordRef& ref = *records[side].ref;
  const BucketParts& parts = buckets->parts[side];
  const uint64_t concerned = buckets->frames[side];
  if (known != nullptr)
    for (const WordLookup& l : lookups)
      if (l.unseen & concerned) heavy.prefetch(*known, l.word);
  if (known != nullptr)
    for (const WordLookup& l : lookups)
      if (l.unseen & concerned) heavy.prefetch_slots(*known, l.word);
  others.clear();
  for (WordLookup& l : lookups)
    if ((l.unseen & concerned) &&
        (known == nullptr || !heavy.look_up(*known, l.word, parts, l.unseen)))
      others.push_back(l);
  if (others.empty()) return;
  hot.look_up(profile, ref, parts, others);
  auto at = lookups.begin();
  for (const WordLookup& l : others) {
    while (at->dimension != l.dimension) ++at;
    at->unseen = l.unseen;
    if (side == kOwn && heavy_own != nullptr && l.steps >= kManySteps)
      hot.each_slot(profile, ref, l.word,
                    [&](Slot slot) { heavy.add_slot(*heavy_own, l.word, slot, true); });
  }
}

void Tally::Impl::fill_heavy(const RecordRef& own) {
  const bool all = !hot.may_lack_chunks(profile, own.month) &&
                   hot.each_word(profile, own, [&](uint64_t word, Slot slot) {
                     heavy.add_slot(*heavy_own, word, slot, true);
                     return heavy.has_room();
                   });
  all ? heavy.complete(*heavy_own) : heavy.give_up(*heavy_own);
}

const uint64_t* Tally::Impl::store_row(const Event& e, const MetricShape& shape,
                                       const uint64_t* first) {
  Record& own = records[kOwn];
  const MonthRecord* month = hot.month_record(*own.ref);
  if (month == nullptr || month->rows < matrix_rows) {
    return hot.append(profile, *own.ref, meta_of(e), shape.plan_columns, filled_of(shape),
                      row_elements);
  }
  lookups.clear();
  each_fresh(shape, uint32_t(e.month->frames()), first, [&](uint32_t d, uint32_t fresh) {
    lookups.push_back({value_hash(shape, d), fresh, 0, d, kNoHandle, nullptr, 0});
  });
  const bool indexed = heavy_own == nullptr || !heavy.is_complete(*heavy_own);
  if (own.has_words) hot.find_homes(profile, *own.ref, lookups, indexed);
  for (const WordLookup& l : lookups) {
    hot.insert(profile, *own.ref, l.word, e.slot, l.chunk, indexed);
    if (heavy_own != nullptr) heavy.add_slot(*heavy_own, l.word, e.slot, false);
  }
  own.has_words = any_words = true;
  return nullptr;
}

// The columns of the row in hand that are not empty.
uint64_t Tally::Impl::filled_of(const MetricShape& shape) const {
  uint64_t filled = 0;
  for (uint32_t i = 0; i < shape.columns; ++i) {
    const uint32_t c = shape.plan_column[i];
    filled |= uint64_t(row_elements[c] != kEmptyElement) << c;
  }
  return filled;
}

void Tally::Impl::tally_lifetime(const MetricShape& shape, uint64_t* first) {
  std::array<uint64_t, kMaxBitmapWords> asked;
  for (uint32_t b = 0; b < shape.bitmap_words; ++b) asked[b] = wanted[b] & shape.metric.lifetime[b];
  if (!any_bit(asked.data(), shape.bitmap_words)) return;
  RecordRef& forever = hot.record(profile, kForever);
  for_each_bit(asked.data(), shape.bitmap_words, [&](uint32_t d) {
    const uint64_t word = lifetime_word(value_hash(shape, d));
    if (hot.contains(profile, forever, word)) return;
    hot.insert(profile, forever, word);
    first[d / 64] |= uint64_t(1) << d % 64;
  });
}

uint64_t Tally::Impl::value_hash(const MetricShape& shape, uint32_t d) {
  if (!(hashed[d / 64] >> d % 64 & 1)) {
    value_hashes[d] = shape.value_hash(d, row_elements);
    hashed[d / 64] |= uint64_t(1) << d % 64;
  }
  return value_hashes[d];
}

}  // namespace quipu
