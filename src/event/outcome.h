// What became of a line, and the tallies of a run: read = counted + duplicate + set aside +
// unplanned. Plain values; a Tallies is owned by one thread and added up at barriers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu {

// Why a line was set aside. Stored by number: only add at the end.
enum class Reason : uint8_t {
  none,
  line_too_long,
  not_json,
  too_deep,
  invalid_utf8,
  duplicate_key,
  wrong_field_count,
  tenant_missing,
  tenant_unknown,
  metric_missing,
  time_missing,
  time_bad,
  time_out_of_range,
  zone_offset_odd,
  profile_missing,
  value_not_a_number,
  value_too_large,
  too_many_rows,
  quote_open,
  kCount
};
std::string_view reason_name(Reason reason);  // "time_bad"

// Things worth telling that lose nothing. Stored by number: only add at the end.
enum class Note : uint8_t {
  rounded,
  local_time_twice,
  local_time_skipped,
  future,
  object_as_scalar,
  unit_too_fine,  // a time in January 1970, as coarser numbers under a fine unit are
  kCount
};
std::string_view note_name(Note note);

struct Tallies {
  uint64_t read = 0, counted = 0, duplicate = 0, unplanned = 0;
  std::array<uint64_t, size_t(Reason::kCount)> set_aside{};
  std::array<uint64_t, size_t(Note::kCount)> notes{};  // of lines that were not set aside
  uint64_t set_aside_total() const;
  void add(const Tallies& other);
  void subtract(const Tallies& other);  // of an earlier state of the same tallies
};
void encode_tallies(const Tallies& tallies, std::string& out);
Result<Tallies> decode_tallies(std::string_view bytes);

}  // namespace quipu
