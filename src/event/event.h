// Decoded events, hashed: what flows from decode to tally to the pane. An EventBatch owns its
// events in a few flat arrays; one thread at a time has it. Pointers to CompiledMetric stay
// valid as long as the EventRegistry that gave them. Those to MonthTable stay valid as long as
// their batch and the later batches of its decoder for its shard: so these end in the order they
// came.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/decimal.h"
#include "base/hash.h"
#include "base/ids.h"
#include "plan/compiled.h"
#include "time/month_table.h"

namespace quipu {

struct Event {
  TenantId tenant{};
  Slot slot = 0;      // of the UTC month, rounded down to the month's grain
  uint16_t rows = 1;  // distinct rows of elements (more than one with arrays)
  bool has_profile = false;
  bool has_id = false;
  uint8_t value_mask = 0;  // bit i: value i is there
  const CompiledMetric* metric = nullptr;
  const MonthTable* month = nullptr;
  Hash128 profile;        // of the canonical text; zero without profile
  uint64_t id = 0;        // hash of (name space, metric, id); never 0 with has_id
  uint32_t elements = 0;  // index of the first row's first element; rows follow each other
  uint32_t here = 0;      // index of the first row's bitmap: dimensions the row counts in
  uint32_t values = 0;    // index of the first value that is there
};

// Events without profile leave their ids with others of their tenant and bucket; an owner is a
// shard.
inline uint16_t id_bucket(uint64_t id) { return uint16_t(mix64(id) >> 48); }

struct EventBatch {
  uint32_t columns = 0;  // of the plan: elements a row; unused ones of the metric are 0
  std::vector<Event> events;
  std::vector<uint64_t> elements;
  std::vector<uint64_t> here;  // metric->bitmap_words words a row
  std::vector<Fixed6> values;
  // Keep the events' tables: those that the decoder has at hand, and those that it gave up.
  std::shared_ptr<const void> tables_at_hand;
  std::vector<std::shared_ptr<const MonthTable>> tables_given_up;
  size_t given_up_bytes = 0;

  const uint64_t* row_elements(const Event& e, uint32_t row) const {
    return elements.data() + e.elements + size_t(row) * columns;
  }
  const uint64_t* row_here(const Event& e, uint32_t row) const {
    return here.data() + e.here + size_t(row) * e.metric->bitmap_words;
  }
  size_t bytes() const {
    return events.size() * sizeof(Event) + (elements.size() + here.size()) * sizeof(uint64_t) +
           values.size() * sizeof(Fixed6);
  }
  void clear() {
    events.clear();
    elements.clear();
    here.clear();
    values.clear();
    tables_at_hand.reset();
    tables_given_up.clear();
    given_up_bytes = 0;
  }
};

}  // namespace quipu
