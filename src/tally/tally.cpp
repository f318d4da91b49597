#include "tally/tally.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "base/fault.h"
#include "tally/compare.h"
#include "tally/hot_tier.h"
#include "tally/metric_shape.h"
#include "tally/record_words.h"
#include "tally/slot_buckets.h"

namespace quipu {
namespace {

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
        hot(tally_options, compiled, tier) {}

  const CompiledPlan& plan;
  const int matrix_rows;
  const TileOps& ops;
  HotTier hot;
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
  std::vector<WordLookup> lookups;

  static constexpr uint32_t kHandles = 16;  // a ring of profiles found ahead
  std::array<Handle, kHandles> found{};
  void prefetch(const EventBatch& batch, size_t i);

  void tally_event(const EventBatch& batch, uint32_t i, TallyResult& result);
  void open_records(const Event& event, uint8_t reach);
  const uint64_t* tally_row(const Event& event, const MetricShape& shape, uint64_t* first);
  bool look_at_matrices(const MetricShape& shape, uint64_t* first);
  void look_at_words(const MonthTable& table, const MetricShape& shape, uint64_t* first);
  void ask_words(uint32_t frame, const MetricShape& shape, uint64_t* fresh);
  const uint64_t* store_row(const Event& event, const MetricShape& shape, const uint64_t* first);
  void tally_lifetime(const MetricShape& shape, uint64_t* first);
  uint64_t value_hash(const MetricShape& shape, uint32_t dimension);
};

Tally::Tally(const TallyOptions& options, const CompiledPlan& plan, DurableTier& tier)
    : impl_(std::make_unique<Impl>(options, plan, tier)) {}
Tally::~Tally() = default;

Status Tally::tally_batch(const EventBatch& batch, TallyResult& result, const EventBatch* next) {
  return add(batch, result, next, nullptr);
}

Status Tally::tally_batch(const EventBatch& batch, TallyResult& result, const EventBatch* next,
                          const TallySink& sink) {
  Impl& t = *impl_;
  result.clear();
  t.hot.make_room(batch.events.size());
  QUIPU_TRY(t.load(batch));
  t.hot.forget_ahead();
  if (next != nullptr) t.ask_ahead(*next);
  const size_t events = batch.events.size();
  for (size_t i = 0; i < events; ++i) {
    t.prefetch(batch, i);
    t.tally_event(batch, uint32_t(i), result);
    if (!sink || result.bitmaps.size() * sizeof(uint64_t) < kResultBytes) continue;
    sink(result);
    result.clear_rows();
  }
  if (sink) sink(result);
  return {};
}

void Tally::hand_over(uint64_t epoch, RowLog& out) { impl_->hot.hand_over(epoch, out); }
void Tally::durable(uint64_t epoch) { impl_->hot.durable(epoch); }
size_t Tally::pending_bytes() const { return impl_->hot.pending_bytes(); }

TallyStats Tally::stats() const {
  TallyStats stats;
  impl_->hot.add_stats(stats);
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
      for (int f = 0; any && f < e.month->frames(); ++f) {
        const uint64_t word = bucket_word(
            value, bucket_hash(e.month->frame_tag(f), e.month->bucket(f, e.slot).label));
        for (uint32_t side = 0; side < kSides; ++side)
          if (months[side]) all &= hot.need_word(p, month_at(month, side), word);
      }
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
  bool fresh = look_at_matrices(shape, first);
  if (fresh &&
      (records[kPrevious].has_words || records[kOwn].has_words || records[kNext].has_words)) {
    look_at_words(*e.month, shape, first);
    fresh = any_bit(first, frames * bitmap_words);
  }
  const uint64_t* kept = fresh ? store_row(e, shape, first) : nullptr;
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

// Hours nest in the days of the calendars that share their grid, days in weeks and months: what the
// finer bucket has seen, the wider has.
void Tally::Impl::look_at_words(const MonthTable& table, const MetricShape& shape,
                                uint64_t* first) {
  const uint32_t bitmap_words = shape.bitmap_words;
  const auto narrow = [&](uint32_t wide, uint32_t fine) {
    for (uint32_t b = 0; b < bitmap_words; ++b)
      first[wide * bitmap_words + b] &= first[fine * bitmap_words + b];
    ask_words(wide, shape, first + wide * bitmap_words);
  };
  for (uint32_t f = 0; f < uint32_t(table.hour_frames()); ++f)
    ask_words(f, shape, first + f * bitmap_words);
  for (int c = 0; c < table.calendars(); ++c) {
    const uint32_t day = uint32_t(table.frame(c, Interval::day));
    narrow(day, uint32_t(table.frame(c, Interval::hour)));
    narrow(uint32_t(table.frame(c, Interval::week)), day);
    narrow(uint32_t(table.frame(c, Interval::month)), day);
  }
}

void Tally::Impl::ask_words(uint32_t frame, const MetricShape& shape, uint64_t* fresh) {
  std::array<const RecordRef*, kSides> asked;
  uint32_t count = 0;
  for (uint32_t side = 0; side < kSides; ++side)
    if (records[side].has_words && (buckets->frames[side] >> frame & 1))
      asked[count++] = records[side].ref;
  if (count == 0) return;
  lookups.clear();
  for_each_bit(fresh, shape.bitmap_words, [&](uint32_t d) {
    lookups.push_back(
        {bucket_word(value_hash(shape, d), buckets->hashes[frame]), d, false, nullptr});
  });
  for (uint32_t k = 0; k < count; ++k) hot.look_up(profile, *asked[k], lookups);
  for (const WordLookup& lookup : lookups)
    if (lookup.found) fresh[lookup.dimension / 64] &= ~(uint64_t(1) << lookup.dimension % 64);
}

const uint64_t* Tally::Impl::store_row(const Event& e, const MetricShape& shape,
                                       const uint64_t* first) {
  Record& own = records[kOwn];
  const MonthRecord* month = hot.month_record(*own.ref);
  if (month == nullptr || month->rows < matrix_rows) {
    uint64_t filled = 0;
    for (uint32_t i = 0; i < shape.columns; ++i) {
      const uint32_t c = shape.plan_column[i];
      filled |= uint64_t(row_elements[c] != kEmptyElement) << c;
    }
    return hot.append(profile, *own.ref, row_meta(e.metric->metric, e.slot, plan.version),
                      shape.plan_columns, filled, row_elements);
  }
  for (uint32_t f = 0; f < uint32_t(e.month->frames()); ++f)
    for_each_bit(first + f * shape.bitmap_words, shape.bitmap_words, [&](uint32_t d) {
      hot.insert(profile, *own.ref, bucket_word(value_hash(shape, d), buckets->hashes[f]));
    });
  own.has_words = true;
  return nullptr;
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
