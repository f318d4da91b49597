// Zone rules as plain values: the offsets from UTC of one IANA zone from 1970 to the end of 2199,
// rounded as the contract says (a transition is taken at the start of its quarter-hour; of several
// in one quarter-hour the last wins; those that change no offset are none). Pure values, any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu {

inline constexpr int64_t kMinEventTimeS = 0;           // 1970-01-01
inline constexpr int64_t kEndEventTimeS = 7258118400;  // 2200-01-01, exclusive
inline constexpr int32_t kQuarterS = 900;
inline constexpr int kMaxChangesOfMonth = 3;  // of a zone's offset

struct ZoneTransition {
  int64_t utc_s;     // first instant of the new offset, a multiple of 900
  int32_t offset_s;  // seconds east of UTC from then on
  bool operator==(const ZoneTransition&) const = default;
};

struct ZoneRules {
  std::string name;
  int32_t first_offset_s = 0;               // before the first transition
  std::vector<ZoneTransition> transitions;  // rising, all within [-2 days, 2200 + 2 days)
  bool operator==(const ZoneRules&) const = default;

  int32_t offset_at(int64_t utc_s) const;
  // What no bucket table could be made of, in words; "" if there is nothing: offsets of a day or
  // more, more than kMaxChangesOfMonth changes within 35 days.
  std::string fault() const;
};

enum class LocalKind { unique, twice, skipped };
struct ResolvedLocal {
  int64_t utc_s;
  LocalKind kind;
};
// local_s: the wall clock read as if it were UTC. Twice: the first instant; in a gap: ahead by the
// gap (the instant that the offset before the gap gives).
ResolvedLocal resolve_local(const ZoneRules& rules, int64_t local_s);

// Reads the system's zone `name` (or one under zoneinfo_dir when that is not empty); UTC needs no
// file and is always offset 0. An unknown name is an error that names near ones.
Result<ZoneRules> load_zone(const std::string& name, const std::string& zoneinfo_dir = "");

void encode_zone(const ZoneRules& rules, std::string& out);  // layout at the top of zone.cpp
Result<ZoneRules> decode_zone(std::string_view bytes);

}  // namespace quipu
