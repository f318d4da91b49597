#include "event/decode.h"

#include "base/check.h"
#include "base/fault.h"
#include "event/decoder_impl.h"
#include "plan/normalise.h"

namespace quipu {
namespace {

constexpr EventTimeMs kFutureMs = 60'000;  // later than now by more than this is noted

std::string path_of(const Field& field) {
  return field.paths.empty() ? "const" : field.paths[0].text;
}

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 80;
  return "\"" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "...\"" : "\"");
}

}  // namespace

Decoder::Decoder(const CompiledPlan& plan, const Hasher& hasher, EventRegistry& registry,
                 NameLog& names, std::shared_ptr<const ZoneRules> no_offset)
    : impl_(std::make_unique<Impl>(plan, hasher, registry, names, std::move(no_offset))) {}

Decoder::~Decoder() = default;

Status Decoder::set_header(std::string_view header) {
  if (!impl_->plan.parsed.input.delimited) return {};
  if (header.ends_with('\r')) header.remove_suffix(1);
  return impl_->delimited.set_header(header);
}

LineOutcome Decoder::decode(std::string_view line, std::span<EventBatch> batches) {
  return impl_->decode(line, now_ms_, batches);
}

size_t Decoder::last_batch() const { return impl_->last_batch; }

Decoder::Impl::Impl(const CompiledPlan& p, const Hasher& h, EventRegistry& d, NameLog& n,
                    std::shared_ptr<const ZoneRules> no_offset)
    : plan(p),
      hasher(h),
      registry(d),
      names(n),
      paths(p.parsed),
      json(paths.trie, paths.found),
      delimited(paths),
      fields(paths, h, std::move(no_offset)),
      rows(p, paths, h) {}

LineOutcome Decoder::Impl::decode(std::string_view line, EventTimeMs now_ms,
                                  std::span<EventBatch> batches) {
  LineOutcome outcome;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (trim_ascii(line).empty()) {
    outcome.kind = LineOutcome::Kind::blank;
    return outcome;
  }
  event = {};
  const bool read = read_record(line, outcome) && read_tenant_and_metric(outcome) &&
                    read_time(now_ms, outcome) && read_profile_and_id(outcome);
  if (!months.given_up().empty()) hand_over_tables(batches);
  if (!read) return outcome;
  const uint32_t shards = uint32_t(batches.size());
  const uint32_t shard =
      event.has_profile || event.has_id ? shard_of(event, shards) : turn++ % shards;
  EventBatch& batch = batches[shard];
  last_batch = shard;
  CHECK(batch.columns == plan.parsed.columns.size());
  const size_t values = batch.values.size();
  if (!append_event(batch, outcome)) batch.values.resize(values);
  return outcome;
}

void Decoder::Impl::hand_over_tables(std::span<EventBatch> batches) {
  for (std::shared_ptr<const MonthTable>& table : months.given_up()) {
    for (EventBatch& batch : batches) {
      batch.tables_given_up.push_back(table);
      batch.given_up_bytes += table->bytes();
    }
  }
  months.given_up().clear();
}

bool Decoder::Impl::read_record(std::string_view line, LineOutcome& outcome) {
  if (line.size() > kMaxLineBytes) {
    return set_aside(outcome, Reason::line_too_long,
                     "longer than " + std::to_string(kMaxLineBytes) + " bytes");
  }
  if (plan.parsed.input.delimited) {
    const DelimitedReader::Outcome read = delimited.read(line);
    if (read == DelimitedReader::Outcome::good) return true;
    if (read == DelimitedReader::Outcome::open_quote) {
      return set_aside(outcome, Reason::quote_open,
                       plan.parsed.input.combined_log ? "a quote or bracket is not closed"
                                                      : "a quote is opened and not closed");
    }
    return set_aside(outcome, Reason::wrong_field_count,
                     std::to_string(delimited.fields()) + " fields; the columns named are " +
                         std::to_string(delimited.expected()));
  }
  const JsonReader::Outcome read = json.read(line);
  if (read == JsonReader::Outcome::good) return true;
  return set_aside(outcome,
                   read == JsonReader::Outcome::too_deep ? Reason::too_deep : Reason::not_json,
                   "byte " + std::to_string(json.error_offset() + 1) + ": " + json.error());
}

bool Decoder::Impl::read_tenant_and_metric(LineOutcome& outcome) {
  std::optional<std::string_view> text;
  if (!fields.text(paths.tenant, outcome, tenant_scratch, text)) return false;
  if (!text)
    return set_aside(outcome, Reason::tenant_missing, path_of(plan.parsed.tenant) + ": no tenant");
  tenant = tenants.get(*text, hasher.hash64(*text),
                       [&](std::string_view name) { return registry.tenant(name); });
  if (!tenant) {
    return set_aside(
        outcome, Reason::tenant_unknown,
        path_of(plan.parsed.tenant) + ": " + quoted(*text) + " has no calendar in the plan");
  }
  if (!fields.text(paths.metric, outcome, metric_scratch, text)) return false;
  if (!text)
    return set_aside(outcome, Reason::metric_missing, path_of(plan.parsed.metric) + ": no metric");
  metric_text = *text;
  reading = metrics.get(*text, hasher.hash64(*text),
                        [&](std::string_view name) { return reading_of(name); });
  if (!reading) {
    outcome.kind = LineOutcome::Kind::unplanned;
    return false;
  }
  event.tenant = tenant->id;
  event.metric = reading->metric;
  return true;
}

const MetricReading* Decoder::Impl::reading_of(std::string_view metric) {
  const CompiledMetric* compiled = registry.metric(metric);
  if (!compiled) return nullptr;
  std::unique_ptr<MetricReading>& known = readings[compiled];
  if (!known) known = std::make_unique<MetricReading>(*compiled, plan, paths);
  return known.get();
}

bool Decoder::Impl::read_time(EventTimeMs now_ms, LineOutcome& outcome) {
  if (!fields.time(outcome, time_ms)) return false;
  const int64_t utc_s = time_ms / 1000;
  if (utc_s < month_begin || utc_s >= month_end) {
    month = month_of(utc_s);
    month_begin = month_begin_s(month);
    month_end = month_begin_s(MonthIndex(month + 1));
  }
  event.month = months.get(registry, *tenant, month);
  const Slot quarter = slot_of(month, utc_s);
  if (event.month->odd_offset(quarter)) {
    return set_aside(
        outcome, Reason::zone_offset_odd,
        plan.parsed.time.path.text +
            ": a calendar's zone was then under an offset that is no multiple of 15 minutes");
  }
  event.slot = event.month->round(quarter);
  if (now_ms != 0 && time_ms > now_ms + kFutureMs) add_note(outcome, Note::future);
  return true;
}

bool Decoder::Impl::read_profile_and_id(LineOutcome& outcome) {
  std::optional<std::string_view> text;
  if (!fields.text(paths.profile, outcome, profile_scratch, text)) return false;
  if (text) {
    event.has_profile = true;
    event.profile = hasher.hash128(*text);
  } else if (plan.parsed.profile.required) {
    return set_aside(outcome, Reason::profile_missing,
                     path_of(plan.parsed.profile) + ": no profile");
  }
  return fields.id(outcome, metric_text, time_ms, event.has_id, event.id);
}

bool Decoder::Impl::append_event(EventBatch& batch, LineOutcome& outcome) {
  event.values = uint32_t(batch.values.size());
  event.elements = uint32_t(batch.elements.size());
  event.here = uint32_t(batch.here.size());
  if (!fields.values(outcome, batch.values, event.value_mask) ||
      !rows.read(reading->needed, outcome) || !rows.fit(*reading, outcome)) {
    if (planted(Planted::id_of_set_aside) && event.has_id) {
      event.rows = 0;
      batch.events.push_back(event);
    }
    return false;
  }
  event.rows = uint16_t(rows.append_rows(*reading, batch));
  if (event.rows == 0) {
    outcome.kind = LineOutcome::Kind::unplanned;
    return false;
  }
  rows.note_names(*reading, event.tenant, names);
  batch.events.push_back(event);
  if (!batch.tables_at_hand) batch.tables_at_hand = months.at_hand();
  return true;
}

uint32_t shard_of(const Event& event, uint32_t shards) {
  const uint64_t key = event.has_profile ? mix64(event.profile.lo)
                       : event.has_id    ? combine64(raw(event.tenant), id_bucket(event.id))
                                         : combine64(raw(event.tenant), event.slot);
  return uint32_t((unsigned __int128)(key)*shards >> 64);
}

void tally_line(const LineOutcome& outcome, Tallies& tallies) {
  if (outcome.kind == LineOutcome::Kind::blank) return;
  ++tallies.read;
  if (outcome.kind == LineOutcome::Kind::set_aside) {
    ++tallies.set_aside[size_t(outcome.reason)];
    return;
  }
  if (outcome.kind == LineOutcome::Kind::unplanned) ++tallies.unplanned;
  for (size_t i = 0; i < tallies.notes.size(); ++i) tallies.notes[i] += outcome.notes >> i & 1;
}

}  // namespace quipu
