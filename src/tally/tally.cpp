#include "tally/tally.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "base/fault.h"
#include "tally/compare.h"
#include "tally/heavy_months.h"
#include "tally/hot_tier.h"
#include "tally/metric_shape.h"
#include "tally/record_words.h"
#include "tally/slot_buckets.h"

namespace quipu {
namespace {

// Calls f(dimension, frames) for each dimension that is fresh in some frame: in these.
template <typename F>
void each_fresh(const MetricShape& shape, uint32_t frames, const uint64_t* first, const F& f) {
  for (uint32_t b = 0; b < shape.bitmap_words; ++b) {
    uint64_t any = 0;
    for (uint32_t i = 0; i < frames; ++i) any |= first[i * shape.bitmap_words + b];
    for (; any != 0; any &= any - 1) {
      const int bit = std::countr_zero(any);
      uint32_t fresh = 0;
      for (uint32_t i = 0; i < frames; ++i)
        fresh |= uint32_t(first[i * shape.bitmap_words + b] >> bit & 1) << i;
      f(b * 64 + uint32_t(bit), fresh);
    }
  }
}

// Calls f(dimension) for each bit of a bitmap.
template <typename F>
void for_each_bit(const uint64_t* bitmap, uint32_t bitmap_words, const F& f) {
  for (uint32_t b = 0; b < bitmap_words; ++b)
    for (uint64_t rest = bitmap[b]; rest != 0; rest &= rest - 1)
      f(b * 64 + uint32_t(std::countr_zero(rest)));
}

bool any_bit(const uint64_t* bitmap, uint32_t bitmap_words) {
  uint64_t any = 0;
  for (uint32_t b = 0; b < bitmap_words; ++b) any |= bitmap[b];
  return any != 0;
}

// Ids of events without a profile lie in the forever records of these profiles.
Hash128 profile_of_id(uint64_t id) { return Hash128{id_bucket(id), 0}; }

}  // namespace

struct Tally::Impl {
  Impl(const TallyOptions& tally_options, const CompiledPlan& compiled, DurableTier& tier)
      : plan(compiled),
        matrix_rows(std::clamp(tally_options.matrix_rows, 1, int(kMaxMatrixRows))),
        ops(tile_ops(tally_options.variant)),
        hot(tally_options, compiled, tier),
        heavy(compiled.columns.size(), tally_options.memory_bytes / kHeavyShare) {}

  const CompiledPlan& plan;
  const int matrix_rows;
  const TileOps& ops;
  HotTier hot;
  static constexpr size_t kHeavyShare = 2;  // of the hot tier's memory, for tables of heavy months
  HeavyMonths heavy;
  uint64_t memberships = 0, events_waited = 0;

  std::vector<std::unique_ptr<MetricShape>> shapes;  // by CompiledMetric::index
  std::unordered_map<const MonthTable*, MonthEdges> edges;
  const MonthTable* last_table = nullptr;
  const MonthEdges* last_edges = nullptr;

  const MetricShape& shape_of(const CompiledMetric& metric);
  const MonthEdges& edges_of(const MonthTable& table);

  // Loading: is all that the event may look at in memory?
  struct Key {
    uint64_t hash = 0;
    Hash128 profile;
    bool any = false;   // there is a record to look at: a profile or an id
    uint8_t reach = 0;  // months concerned, if there is a profile
  };
  std::vector<Key> keys, next_keys;  // of the batch's events, and of the next one's
  std::vector<uint32_t> waiting, still_waiting;
  Key key_of(const Event& event);
  bool ready(const EventBatch& batch, uint32_t i);
  bool words_ready(const EventBatch& batch, uint32_t i, Handle profile, bool lifetime);
  Status load(const EventBatch& batch);
  void ask_ahead(const EventBatch& next);
  template <typename F>
  void each_profile(const EventBatch& batch, std::vector<Key>& keys_of_batch, const F& f);

  // The event in hand, and its profile's records.
  struct Record {
    RecordRef* ref = nullptr;  // nullptr: not concerned
    bool has_words = false;
  };
  Handle profile = kNoHandle;
  std::array<Record, kSides> records;
  static constexpr size_t kSlotsKnown = 16;  // direct-mapped by table and slot
  std::array<SlotBuckets, kSlotsKnown> slots_known;
  const SlotBuckets* buckets = nullptr;
  // The row in hand.
  const uint64_t* row_elements = nullptr;
  std::array<uint64_t, kMaxBitmapWords> wanted, hashed;
  std::array<uint64_t, kMaxDimensions> value_hashes;
  std::vector<WordLookup> lookups, others;
  HeavyMonths::Place* heavy_own = nullptr;  // of the own month's record, if it has words

  static constexpr uint32_t kHandles = 16;  // a ring of profiles found ahead
  std::array<Handle, kHandles> found{};
  void prefetch(const EventBatch& batch, size_t i);

  void tally_event(const EventBatch& batch, uint32_t i, TallyResult& result);
  void open_records(const Event& event, uint8_t reach);
  const uint64_t* tally_row(const Event& event, const MetricShape& shape, uint64_t* first);
  uint64_t meta_of(const Event& e) const {
    return row_meta(e.metric->metric, e.slot, plan.version);
  }
  uint64_t filled_of(const MetricShape& shape) const;
  bool look_at_matrices(const MetricShape& shape, uint64_t* first);
  void look_at_words(const Event& e, const MetricShape& shape, uint32_t frames, uint64_t* first);
  void look_at_words_of(Side side, const HeavyMonths::Place* known);
  void fill_heavy(const RecordRef& own);
  const uint64_t* store_row(const Event& event, const MetricShape& shape, const uint64_t* first);
  void tally_lifetime(const MetricShape& shape, uint64_t* first);
  uint64_t value_hash(const MetricShape& shape, uint32_t dimension);
};

Tally::Tally(const TallyOptions& options, const CompiledPlan& plan, DurableTier& tier)
    : impl_(std::make_unique<Impl>(options, plan, tier)) {}
Tally::~Tally() = default;

Status Tally::tally_batch(const EventBatch& batch, TallyResult& result, const EventBatch* next) {
  Impl& t = *impl_;
  result.clear();
  t.hot.make_room(batch.events.size(), t.heavy.bytes());
  QUIPU_TRY(t.load(batch));
  t.hot.forget_ahead();
  if (next != nullptr) t.ask_ahead(*next);
  const size_t events = batch.events.size();
  for (size_t i = 0; i < events; ++i) {
    t.prefetch(batch, i);
    t.tally_event(batch, uint32_t(i), result);
  }
  return {};
}

void Tally::hand_over(uint64_t epoch, RowLog& out) { impl_->hot.hand_over(epoch, out); }
void Tally::durable(uint64_t epoch) { impl_->hot.durable(epoch); }
size_t Tally::pending_bytes() const { return impl_->hot.pending_bytes(); }

TallyStats Tally::stats() const {
  TallyStats stats;
  impl_->hot.add_stats(stats);
  stats.memory_bytes += impl_->heavy.bytes();
  stats.memberships = impl_->memberships;
  stats.events_waited = impl_->events_waited;
  return stats;
}

const MetricShape& Tally::Impl::shape_of(const CompiledMetric& metric) {
  if (metric.index >= shapes.size()) shapes.resize(metric.index + 1);
  auto& shape = shapes[metric.index];
  if (shape == nullptr) shape = std::make_unique<MetricShape>(metric);
  return *shape;
}

const MonthEdges& Tally::Impl::edges_of(const MonthTable& table) {
  if (&table != last_table) {
    auto it = edges.find(&table);
    if (it == edges.end()) it = edges.emplace(&table, MonthEdges(table)).first;
    last_table = &table;
    last_edges = &it->second;
  }
  return *last_edges;
}

Tally::Impl::Key Tally::Impl::key_of(const Event& event) {
  Key key;
  key.any = event.has_profile || event.has_id;
  if (key.any) {
    key.profile = event.has_profile ? event.profile : profile_of_id(event.id);
    key.hash = HotTier::hash_of(event.tenant, key.profile);
  }
  if (event.has_profile) key.reach = edges_of(*event.month).reach(event.slot);
  return key;
}

// Fills keys_of_batch and calls f(i) for each event, with what it will look for in the indexes on
// its way.
template <typename F>
void Tally::Impl::each_profile(const EventBatch& batch, std::vector<Key>& keys_of_batch,
                               const F& f) {
  const size_t events = batch.events.size();
  constexpr size_t kIndexAhead = 64, kProfileAhead = 32;
  keys_of_batch.resize(events);
  for (size_t i = 0; i < events; ++i) keys_of_batch[i] = key_of(batch.events[i]);
  for (size_t i = 0; i < events; ++i) {
    if (i + kIndexAhead < events) hot.prefetch_index(keys_of_batch[i + kIndexAhead].hash);
    if (i + kProfileAhead < events) hot.prefetch_profile(keys_of_batch[i + kProfileAhead].hash);
    f(i);
  }
}

Status Tally::Impl::load(const EventBatch& batch) {
  waiting.clear();
  each_profile(batch, keys, [&](size_t i) {
    if (!ready(batch, uint32_t(i))) waiting.push_back(uint32_t(i));
  });
  events_waited += waiting.size();
  while (!waiting.empty()) {
    QUIPU_TRY(hot.load_needed());
    still_waiting.clear();
    for (uint32_t i : waiting)
      if (!ready(batch, i)) still_waiting.push_back(i);
    waiting.swap(still_waiting);
  }
  return {};
}

void Tally::Impl::ask_ahead(const EventBatch& next) {
  each_profile(next, next_keys, [&](size_t i) {
    const Event& e = next.events[i];
    const Key& key = next_keys[i];
    if (key.any && (e.has_id || any_bit(e.metric->unique.data(), e.metric->bitmap_words)))
      hot.ask_ahead(key.hash, e.tenant, key.profile);
  });
  hot.begin_ahead();
}

bool Tally::Impl::ready(const EventBatch& batch, uint32_t i) {
  const Event& e = batch.events[i];
  const Key& key = keys[i];
  if (!key.any) return true;
  const CompiledMetric& metric = *e.metric;
  bool months = false, lifetime = false;
  if (e.has_profile) {
    for (uint32_t r = 0; r < e.rows && !(months && (lifetime || !metric.has_lifetime)); ++r) {
      const uint64_t* here = batch.row_here(e, r);
      for (uint32_t b = 0; b < metric.bitmap_words; ++b) {
        const uint64_t unique = here[b] & metric.unique[b];
        months |= unique != 0;
        lifetime |= (unique & metric.lifetime[b]) != 0;
      }
    }
  }
  if (!months && !e.has_id) return true;
  Handle p = hot.open(key.hash, e.tenant, key.profile);
  if (!hot.need_forever(key.hash, p)) return false;
  bool all = true;
  if (e.has_id) all &= hot.need_word(p, kForever, e.id);
  if (months) {
    for (Side side : {kOwn, kPrevious, kNext})
      if (key.reach >> side & 1)
        all &= hot.need_month(key.hash, p, month_at(e.month->month(), side));
  }
  if (!all) return false;
  if (months) all &= words_ready(batch, i, p, lifetime);
  return all;
}

// Asks for the chunks of every word that the event may look up or add. Few profiles have any.
bool Tally::Impl::words_ready(const EventBatch& batch, uint32_t i, Handle p, bool lifetime) {
  const Event& e = batch.events[i];
  const MonthIndex month = e.month->month();
  std::array<bool, kSides> months{};
  bool any = false;
  for (Side side : {kPrevious, kOwn, kNext})
    if (keys[i].reach >> side & 1)
      any |= months[side] = hot.may_lack_chunks(p, month_at(month, side));
  lifetime = lifetime && hot.may_lack_chunks(p, kForever);
  if (!any && !lifetime) return true;

  const MetricShape& shape = shape_of(*e.metric);
  bool all = true;
  for (uint32_t r = 0; r < e.rows; ++r) {
    const uint64_t* here = batch.row_here(e, r);
    for (uint32_t b = 0; b < shape.bitmap_words; ++b) wanted[b] = here[b] & e.metric->unique[b];
    for_each_bit(wanted.data(), shape.bitmap_words, [&](uint32_t d) {
      const uint64_t value = shape.value_hash(d, batch.row_elements(e, r));
      if (lifetime && (e.metric->lifetime[d / 64] >> d % 64 & 1))
        all &= hot.need_word(p, kForever, lifetime_word(value));
      for (uint32_t side = 0; side < kSides; ++side)
        if (months[side]) all &= hot.need_word(p, month_at(month, side), value);
    });
  }
  return all;
}

void Tally::Impl::prefetch(const EventBatch& batch, size_t i) {
  constexpr size_t kIndexAhead = 48, kProfileAhead = 24, kRecordAhead = 14, kRowsAhead = 6;
  static_assert(kRecordAhead < kHandles);
  const size_t events = batch.events.size();
  const auto find = [&](size_t j) {
    found[j % kHandles] =
        keys[j].any ? hot.find(keys[j].hash, batch.events[j].tenant, keys[j].profile) : kNoHandle;
  };
  const auto each_month = [&](size_t j, const auto& f) {
    for (Side side : {kPrevious, kOwn, kNext})
      if (keys[j].reach >> side & 1) f(month_at(batch.events[j].month->month(), side));
  };
  if (i == 0)
    for (size_t j = 0; j < std::min(events, kRecordAhead); ++j) find(j);
  if (i + kIndexAhead < events) hot.prefetch_index(keys[i + kIndexAhead].hash);
  if (i + kProfileAhead < events) hot.prefetch_profile(keys[i + kProfileAhead].hash);
  if (i + kRecordAhead < events) {
    find(i + kRecordAhead);
    const Handle ahead = found[(i + kRecordAhead) % kHandles];
    hot.prefetch_record(ahead, kForever);
    each_month(i + kRecordAhead, [&](MonthIndex m) { hot.prefetch_record(ahead, m); });
  }
  if (i + kRowsAhead < events) {
    const Handle ahead = found[(i + kRowsAhead) % kHandles];
    each_month(i + kRowsAhead, [&](MonthIndex m) { hot.prefetch_rows(ahead, m); });
  }
}

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
  for (Side side : {kPrevious, kOwn, kNext}) {
    Record& record = records[side];
    record.ref =
        reach >> side & 1 ? &hot.record(profile, month_at(e.month->month(), side)) : nullptr;
    record.has_words = record.ref != nullptr && hot.words(*record.ref) != nullptr;
  }
  const size_t known =
      (reinterpret_cast<uintptr_t>(e.month) / 64 + e.slot / size_t(e.month->grain_quarters())) %
      kSlotsKnown;
  SlotBuckets& entry = slots_known[known];
  if (entry.table != e.month || entry.slot != e.slot) entry.fill(*e.month, e.slot, reach);
  buckets = &entry;
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
  if (fresh &&
      (records[kPrevious].has_words || records[kOwn].has_words || records[kNext].has_words)) {
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
  for (Side side : {kOwn, kPrevious, kNext}) {
    const Record& record = records[side];
    if (record.ref == nullptr || buckets->parts[side].frames == 0) continue;
    const MonthRecord* month = hot.month_record(*record.ref);
    if (month == nullptr || month->rows == 0) continue;
    MatrixView view = month->view();
    if (planted(Planted::threshold_off_by_one) && record.has_words) --view.rows;
    const bool left =
        look(ops, shape, plan.version, buckets->parts[side], view, row_elements, first);
    if (side == kOwn && !left) return false;
  }
  return true;
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
  for (Side side : {kPrevious, kNext})
    if (records[side].has_words && buckets->frames[side] != 0)
      look_at_words_of(side, heavy.peek(e.tenant, e.profile, month_at(e.month->month(), side)));
  for (const WordLookup& l : lookups)
    for (uint32_t f = 0; f < frames; ++f)
      if (!(l.unseen >> f & 1))
        first[f * shape.bitmap_words + l.dimension / 64] &= ~(uint64_t(1) << l.dimension % 64);
}

// Most are known at hand, in a heavy month all; the own month's words that turn out to have many
// slots will be.
void Tally::Impl::look_at_words_of(Side side, const HeavyMonths::Place* known) {
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
  if (own.has_words) hot.find_homes(profile, *own.ref, lookups);
  const bool indexed = heavy_own == nullptr || !heavy.is_complete(*heavy_own);
  for (const WordLookup& l : lookups) {
    hot.insert(profile, *own.ref, l.word, e.slot, l.chunk, indexed);
    if (heavy_own != nullptr) heavy.add_slot(*heavy_own, l.word, e.slot, false);
  }
  own.has_words = true;
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
