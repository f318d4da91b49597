#include "tally/tally.h"

#include <algorithm>

#include "base/check.h"
#include "tally/record_words.h"
#include "tally/tally_impl.h"

namespace quipu {
namespace {

// Ids of events without a profile lie in the forever records of these profiles.
Hash128 profile_of_id(uint64_t id) { return Hash128{id_bucket(id), 0}; }

}  // namespace

Tally::Tally(const TallyOptions& options, const CompiledPlan& plan, DurableTier& tier)
    : impl_(std::make_unique<Impl>(options, plan, tier)) {}
Tally::~Tally() = default;

Status Tally::tally_batch(const EventBatch& batch, TallyResult& result, const EventBatch* next) {
  return tally_batch(batch, result, next, nullptr);
}

Status Tally::tally_batch(const EventBatch& batch, TallyResult& result, const EventBatch* next,
                          const TallySink& sink) {
  Impl& t = *impl_;
  CHECK(batch.events.empty() || batch.columns == t.plan.columns.size());
  CHECK(next != &batch);
  result.clear();
  t.hot.make_room(batch.events.size(), t.heavy.bytes());
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
  CHECK_EQ(result.counted + result.duplicates, events);
  if (sink) sink(result);
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

// Stays as it is until the next call.
const SlotBuckets& Tally::Impl::buckets_of(const MonthTable& table, Slot slot, uint8_t reach) {
  const size_t at = (table.serial() * 7 + slot / size_t(table.grain_quarters())) % kSlotsKnown;
  SlotBuckets& entry = slots_known[at];
  if (entry.table != table.serial() || entry.slot != slot) entry.fill(table, slot, reach);
  return entry;
}

Tally::Impl::Key Tally::Impl::key_of(const Event& event) {
  Key key;
  key.any = event.has_profile || event.has_id;
  if (key.any) {
    key.profile = event.has_profile ? event.profile : profile_of_id(event.id);
    key.hash = HotTier::hash_of(event.tenant, key.profile);
  }
  if (event.has_profile) key.reach = reach_of(*event.month, event.slot);
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
    for_each_side(key.reach, [&](uint32_t side) {
      all &= hot.need_month(key.hash, p, month_at(e.month->month(), side));
    });
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
  for_each_side(keys[i].reach, [&](uint32_t side) {
    any |= months[side] = hot.may_lack_chunks(p, month_at(month, side));
  });
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
    if (keys[j].reach == 0) return;
    for_each_side(keys[j].reach,
                  [&](uint32_t side) { f(month_at(batch.events[j].month->month(), side)); });
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

}  // namespace quipu
