// The fields of `event:` from a line's slots: presence, alternatives, canonical texts, time,
// values, id (decisions 11-13, 16). Internal to this room; one thread. Each function returns false
// when the event is to be set aside; the outcome then has reason and detail.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/hash.h"
#include "event/decode.h"
#include "event/plan_paths.h"

namespace quipu {

bool set_aside(LineOutcome& outcome, Reason reason, std::string detail);
bool set_aside_fault(LineOutcome& outcome, ValueFault fault, const std::string& path);
inline void add_note(LineOutcome& outcome, Note note) { outcome.notes |= 1u << int(note); }

// Canonical text of a JSON number, or of a string (canonical_text()); quick for what needs no
// change.
std::string_view canonical(std::string_view text, bool is_number, std::string& scratch);

class FieldReader {
 public:
  // All outlive the reader.
  FieldReader(const PlanPaths& paths, const Hasher& hasher,
              std::shared_ptr<const ZoneRules> no_offset)
      : paths_(paths), hasher_(hasher), no_offset_(std::move(no_offset)) {}

  // The canonical text of the first alternative that is present. It lives until the next line or
  // the next text() into the same scratch.
  bool text(const FieldValues& field, LineOutcome& outcome, std::string& scratch,
            std::optional<std::string_view>& out) const;
  bool time(LineOutcome& outcome, EventTimeMs& ms);
  // Appends the values that are there to `out`, in order; bit i of mask: value i is there.
  bool values(LineOutcome& outcome, std::vector<Fixed6>& out, uint8_t& mask) const;
  // The hash of (name space, metric, id), never 0 if there is an id.
  bool id(LineOutcome& outcome, std::string_view metric, EventTimeMs ms, bool& has_id,
          uint64_t& id);

  // Which of a field's paths is the first present, or -1.
  int chosen(const FieldValues& field) const;

 private:
  const Value& value(uint32_t index) const { return paths_.found.values[index]; }
  bool no_faults(const FieldValues& field, LineOutcome& outcome) const;
  size_t time_place() const;
  bool time_text(LineOutcome& outcome, std::string_view& text, ValueKind& kind, const Path*& from);
  const Value* first_present(const FieldValues& field, LineOutcome& outcome) const;
  bool one_value(const FieldValues& field, LineOutcome& outcome, std::optional<Fixed6>& out) const;

  const PlanPaths& paths_;
  const Hasher& hasher_;
  std::shared_ptr<const ZoneRules> no_offset_;
  std::string id_bytes_, scratch_, time_;
};

}  // namespace quipu
