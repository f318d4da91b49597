// Stored tallies (version 1; numbers are varints):
//   version u8 = 1 | read | counted | duplicate | unplanned
//   how many reasons, then the count of each, by number
//   how many notes, then the count of each, by number
// Fewer reasons or notes than are known now were written by an older program: the rest are 0.
#include "event/outcome.h"

#include "base/bytes.h"
#include "base/check.h"

namespace quipu {
namespace {

constexpr uint8_t kTalliesVersion = 1;

constexpr std::array<std::string_view, size_t(Reason::kCount)> kReasonNames = {"none",
                                                                               "line_too_long",
                                                                               "not_json",
                                                                               "too_deep",
                                                                               "invalid_utf8",
                                                                               "duplicate_key",
                                                                               "wrong_field_count",
                                                                               "tenant_missing",
                                                                               "tenant_unknown",
                                                                               "metric_missing",
                                                                               "time_missing",
                                                                               "time_bad",
                                                                               "time_out_of_range",
                                                                               "zone_offset_odd",
                                                                               "profile_missing",
                                                                               "value_not_a_number",
                                                                               "value_too_large",
                                                                               "too_many_rows",
                                                                               "quote_open"};
constexpr std::array<std::string_view, size_t(Note::kCount)> kNoteNames = {
    "rounded", "local_time_twice", "local_time_skipped",
    "future",  "object_as_scalar", "unit_too_fine"};

template <size_t n>
void encode_counts(const std::array<uint64_t, n>& counts, ByteWriter& w) {
  w.varint(n);
  for (uint64_t count : counts) w.varint(count);
}

template <size_t n>
bool decode_counts(ByteReader& r, std::array<uint64_t, n>& counts) {
  const uint64_t stored = r.varint();
  if (stored > n) return false;
  for (uint64_t i = 0; i < stored; ++i) counts[i] = r.varint();
  return r.ok();
}

}  // namespace

std::string_view reason_name(Reason reason) {
  CHECK(reason < Reason::kCount);
  return kReasonNames[size_t(reason)];
}

std::string_view note_name(Note note) {
  CHECK(note < Note::kCount);
  return kNoteNames[size_t(note)];
}

uint64_t Tallies::set_aside_total() const {
  uint64_t total = 0;
  for (uint64_t count : set_aside) total += count;
  return total;
}

void Tallies::add(const Tallies& other) {
  read += other.read;
  counted += other.counted;
  duplicate += other.duplicate;
  unplanned += other.unplanned;
  for (size_t i = 0; i < set_aside.size(); ++i) set_aside[i] += other.set_aside[i];
  for (size_t i = 0; i < notes.size(); ++i) notes[i] += other.notes[i];
}

void Tallies::subtract(const Tallies& other) {
  read -= other.read;
  counted -= other.counted;
  duplicate -= other.duplicate;
  unplanned -= other.unplanned;
  for (size_t i = 0; i < set_aside.size(); ++i) set_aside[i] -= other.set_aside[i];
  for (size_t i = 0; i < notes.size(); ++i) notes[i] -= other.notes[i];
}

void encode_tallies(const Tallies& tallies, std::string& out) {
  ByteWriter w(out);
  w.u8(kTalliesVersion);
  w.varint(tallies.read);
  w.varint(tallies.counted);
  w.varint(tallies.duplicate);
  w.varint(tallies.unplanned);
  encode_counts(tallies.set_aside, w);
  encode_counts(tallies.notes, w);
}

Result<Tallies> decode_tallies(std::string_view bytes) {
  ByteReader r(bytes);
  Tallies tallies;
  const bool version = r.u8() == kTalliesVersion;
  tallies.read = r.varint();
  tallies.counted = r.varint();
  tallies.duplicate = r.varint();
  tallies.unplanned = r.varint();
  if (!version || !decode_counts(r, tallies.set_aside) || !decode_counts(r, tallies.notes) ||
      !r.ok() || !r.done()) {
    return Error{
        "stored tallies are damaged, or of a newer version; restore the store from a backup, or "
        "use the newer program"};
  }
  return tallies;
}

}  // namespace quipu
