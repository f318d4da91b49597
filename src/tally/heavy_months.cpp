#include "tally/heavy_months.h"

#include <algorithm>

namespace quipu {

HeavyMonths::Place* HeavyMonths::find(TenantId tenant, const Hash128& profile, MonthIndex month) {
  Place& place = places_[place_of(profile, month)];
  const bool its = place.tenant == tenant && place.profile == profile && place.month == month;
  return its ? &place : nullptr;
}

HeavyMonths::Place& HeavyMonths::take(TenantId tenant, const Hash128& profile, MonthIndex month) {
  Place& place = places_[place_of(profile, month)];
  place.tenant = tenant;
  place.profile = profile;
  place.month = month;
  place.row_count = place.next_row = 0;
  place.lines.resize(size_t(kRows / kTileRows) * lines());
  forget_words(place);
  return place;
}

MatrixView HeavyMonths::rows(const Place& place) const {
  const uint64_t all = columns_ == 64 ? ~uint64_t(0) : (uint64_t(1) << columns_) - 1;
  return {reinterpret_cast<const uint64_t*>(place.lines.data()), all, place.row_count, kTileRows,
          lines()};
}

void HeavyMonths::add_row(Place& place, uint64_t meta, uint64_t filled, const uint64_t* elements) {
  Line* line = place.lines.data() + size_t(place.next_row / kTileRows) * lines();
  const uint32_t lane = place.next_row % kTileRows;
  line->lanes[lane] = meta;
  for (size_t c = 0; c < columns_; ++c)
    (++line)->lanes[lane] = filled >> c & 1 ? elements[c] : kEmptyElement;
  place.row_count = std::max(place.row_count, place.next_row + 1);
  place.next_row = (place.next_row + 1) % kRows;
}

const uint64_t* HeavyMonths::bits_of(const Place& place, uint64_t word) {
  if (place.index.empty()) return nullptr;
  const size_t mask = place.index.size() - 1;
  for (size_t i = word & mask; place.index[i] != 0; i = (i + 1) & mask) {
    const uint64_t* entry = &place.entries[(place.index[i] - 1) * kStride];
    if (*entry == word) return entry + 1;
  }
  return nullptr;
}

namespace {

bool any_bit_in(const uint64_t* bits, BucketParts::Range range) {
  if (range.begin >= range.end) return false;
  const uint32_t first = range.begin / 64, last = (range.end - 1u) / 64;
  for (uint32_t w = first; w <= last; ++w) {
    uint64_t in = bits[w];
    if (w == first) in &= ~uint64_t(0) << range.begin % 64;
    if (w == last) in &= ~uint64_t(0) >> (63 - (range.end - 1u) % 64);
    if (in != 0) return true;
  }
  return false;
}

}  // namespace

bool HeavyMonths::look_up(const Place& place, uint64_t word, const BucketParts& parts,
                          uint32_t& unseen) const {
  const uint64_t* bits = bits_of(place, word);
  if (bits == nullptr) return false;
  for (uint32_t i = 0; i < parts.frames; ++i) {
    const uint32_t frame = uint32_t(1) << parts.frame[i];
    for (uint32_t r = parts.first_range[i]; (unseen & frame) && r < parts.first_range[i + 1]; ++r)
      if (any_bit_in(bits, parts.ranges[r])) unseen &= ~frame;
  }
  return true;
}

void HeavyMonths::enter(Place& place, uint32_t number) {
  const size_t mask = place.index.size() - 1;
  size_t i = place.entries[number * kStride] & mask;
  while (place.index[i] != 0) i = (i + 1) & mask;
  place.index[i] = number + 1;
}

void HeavyMonths::forget_words(Place& place) {
  entry_words_ -= place.entries.size();
  place.entries = {};
  place.index = {};
}

HeavyMonths::Slots HeavyMonths::begin_word(Place& place, uint64_t word) {
  if (entry_words_ + kStride > most_words_) {
    // Those of all places, so that one that nobody asks any more gives way.
    for (Place& any : places_) forget_words(any);
  }
  const uint32_t number = uint32_t(place.entries.size() / kStride);
  place.entries.push_back(word);
  place.entries.resize(place.entries.size() + kBitmapWords);
  entry_words_ += kStride;
  if ((number + 1) * 2 > place.index.size()) {
    place.index.assign(std::max<size_t>(64, place.index.size() * 2), 0);
    for (uint32_t n = 0; n <= number; ++n) enter(place, n);
  } else {
    enter(place, number);
  }
  Slots slots;
  slots.bits_ = &place.entries[number * kStride + 1];
  return slots;
}

void HeavyMonths::add_slot(Place& place, uint64_t word, Slot slot) {
  if (const uint64_t* bits = bits_of(place, word))
    const_cast<uint64_t*>(bits)[slot / 64] |= uint64_t(1) << slot % 64;
}

}  // namespace quipu
