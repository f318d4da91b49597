// What a Decoder is made of. Internal to this room.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "event/decode.h"
#include "event/delimited_reader.h"
#include "event/field_reader.h"
#include "event/json_reader.h"
#include "event/lookup_cache.h"
#include "event/plan_paths.h"
#include "event/row_builder.h"

namespace quipu {

struct Decoder::Impl {
  Impl(const CompiledPlan& plan, const Hasher& hasher, EventRegistry& registry, NameLog& names,
       std::shared_ptr<const ZoneRules> no_offset);

  LineOutcome decode(std::string_view line, EventTimeMs now_ms, std::span<EventBatch> batches);

  // Each step returns false when the line ends there: its outcome says how.
  bool read_record(std::string_view line, LineOutcome& outcome);
  bool read_tenant_and_metric(LineOutcome& outcome);
  bool read_time(EventTimeMs now_ms, LineOutcome& outcome);
  bool read_profile_and_id(LineOutcome& outcome);
  bool append_event(EventBatch& batch, LineOutcome& outcome);
  void hand_over_tables(std::span<EventBatch> batches);
  const MetricReading* reading_of(std::string_view metric);

  const CompiledPlan& plan;
  const Hasher& hasher;
  EventRegistry& registry;
  NameLog& names;
  PlanPaths paths;
  JsonReader json;
  DelimitedReader delimited;
  FieldReader fields;
  RowBuilder rows;

  NameCache<const Tenant*> tenants;
  NameCache<const MetricReading*> metrics;  // nullptr: no rule counts it
  std::unordered_map<const CompiledMetric*, std::unique_ptr<MetricReading>> readings;
  MonthCache months;
  // The month of the last event.
  MonthIndex month = 0;
  int64_t month_begin = 0, month_end = 0;

  // The line in hand.
  Event event;
  const Tenant* tenant = nullptr;
  const MetricReading* reading = nullptr;
  std::string_view metric_text;
  EventTimeMs time_ms = 0;
  std::string tenant_scratch, metric_scratch, profile_scratch;
  size_t last_batch = 0;
  uint32_t turn = 0;  // of the batch that takes the next event without profile and id
};

}  // namespace quipu
