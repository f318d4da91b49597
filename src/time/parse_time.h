// Reading event times from text and numbers (decision 16). Pure functions, any thread; no clock is
// read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "time/zone.h"

namespace quipu {

using EventTimeMs = int64_t;

enum class TimeError : uint8_t { none, bad, out_of_range };
struct ParsedTime {
  EventTimeMs ms = 0;
  TimeError error = TimeError::none;
  LocalKind local = LocalKind::unique;
  std::string hint;  // set only on error: what was wrong, and the likely unit for a bare number
};

enum class TimeUnit : uint8_t { none, s, ms, us, ns };

// RFC 3339 and its loose forms; `no_offset` is the zone for local times. A bare number is bad here.
ParsedTime parse_time_text(std::string_view text, const ZoneRules& no_offset);
// A JSON number, or digits with leading zeros, in a unit; fractions are floored to the millisecond.
ParsedTime parse_time_number(std::string_view number, TimeUnit unit);
// strptime-like; see decision 16 for the directives. White space in the format, %n and %t stand for
// any or no white space; %f for one or more digits; what the format lacks is January, the 1st,
// midnight. The whole text must match. `format` was checked by check_time_format, which asks for a
// year at least.
ParsedTime parse_time_format(std::string_view text, std::string_view format,
                             const ZoneRules& no_offset);
Status check_time_format(std::string_view format);

// 2013-03-10T00:00:00-05:00; an odd offset shows its seconds too (-00:44:30).
std::string format_instant(int64_t utc_s, int32_t offset_s);

}  // namespace quipu
