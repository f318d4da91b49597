// A line -> rows of hashed elements (decisions 9-18). A Decoder belongs to one thread; it keeps
// parser buffers and caches, no state that answers depend on. It reads no clock and no file.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/event.h"
#include "event/name_log.h"
#include "event/outcome.h"

namespace quipu {

inline constexpr size_t kMaxLineBytes = 1 << 20;
inline constexpr int kMaxJsonDepth = 64;

struct Tenant {
  TenantId id{};
  uint32_t calendar_set = 0;  // the engine's number of its calendars
};

// Gives decoders what the catalogue knows. Thread-safe. Pointers stay valid for its life.
class EventRegistry {
 public:
  virtual ~EventRegistry() = default;
  // nullptr: an unknown tenant, to be set aside.
  virtual const Tenant* tenant(std::string_view name) = 0;
  // nullptr: no rule counts this metric.
  virtual const CompiledMetric* metric(std::string_view name) = 0;
  // Lives as long as somebody holds it.
  virtual std::shared_ptr<const MonthTable> month(const Tenant& tenant, MonthIndex month) = 0;
};

struct LineOutcome {
  enum class Kind : uint8_t { event, set_aside, unplanned, blank };
  Kind kind = Kind::event;
  Reason reason = Reason::none;
  uint32_t notes = 0;  // bit per Note
  std::string detail;  // for a set-aside line: what was wrong where ("/time: ...")
};

class Decoder {
 public:
  // plan, hasher, registry and names outlive the decoder.
  Decoder(const CompiledPlan& plan, const Hasher& hasher, EventRegistry& registry, NameLog& names,
          std::shared_ptr<const ZoneRules> no_offset);
  ~Decoder();

  // The line that names the columns of a delimited input with header; empty: none does. Call before
  // each input's first line. An error, without the input's name, if the plan cannot be read with
  // it.
  Status set_header(std::string_view header);
  void set_now(EventTimeMs now) { now_ms_ = now; }

  // Decodes one record (without its newline; a trailing CR is dropped). An event is appended to the
  // batch of its shard: batches[shard_of(event, batches.size())]; one with neither profile nor id
  // to the batches in turn. Tallies are the caller's (see tally_line). Reads no byte beyond the
  // line; keeps no view of it.
  LineOutcome decode(std::string_view line, std::span<EventBatch> batches);
  // Which batch got the last event.
  size_t last_batch() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  EventTimeMs now_ms_ = 0;  // 0: not known, and nothing is in the future
  friend LineOutcome explain_line(Decoder& decoder, std::string_view line,
                                  std::vector<struct ReadField>& fields);
};

// The shard that owns an event's profile, or its id if it has no profile; any for neither.
uint32_t shard_of(const Event& event, uint32_t shards);

// The batch a line counts in: adds `read`, set_aside, unplanned and notes (counted and duplicate
// are the tally's to add). Blank lines add nothing.
void tally_line(const LineOutcome& outcome, Tallies& tallies);

// One field of one event as it was read, for `quipu check`.
struct ReadField {
  std::string field;               // "tenant", "time", "property campaign"
  std::string from;                // path
  std::vector<std::string> texts;  // canonical; several for arrays
};
// As decode(), and tells what was read from where; slow, for people. The event goes nowhere, but
// its names may go to the decoder's log.
LineOutcome explain_line(Decoder& decoder, std::string_view line, std::vector<ReadField>& fields);

}  // namespace quipu
