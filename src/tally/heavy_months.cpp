#include "tally/heavy_months.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quipu {

HeavyMonths::Place* HeavyMonths::find(TenantId tenant, const Hash128& profile, MonthIndex month,
                                      int grain_quarters) {
  if (!has_room())
    for (Place& any : places_) give_up(any);
  Place& place = places_[place_of(profile, month)];
  if (is_of(place, tenant, profile, month)) {
    if (place.worth < place.words / kFillPerUse) ++place.worth;
    return &place;
  }
  if (place.worth != 0) {
    --place.worth;
    return nullptr;
  }
  forget(place);
  place.tenant = tenant;
  place.profile = profile;
  place.month = month;
  place.gave_up = false;
  place.grain = uint8_t(grain_quarters);
  place.row_count = place.next_row = 0;
  place.lines.resize(size_t(kRows / kTileRows) * lines());
  return &place;
}

const HeavyMonths::Place* HeavyMonths::peek(TenantId tenant, const Hash128& profile,
                                            MonthIndex month) const {
  const Place& place = places_[place_of(profile, month)];
  return is_of(place, tenant, profile, month) ? &place : nullptr;
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

void HeavyMonths::prefetch(const Place& place, uint64_t word) const {
  if (place.segments.empty()) return;
  const Segment& segment = segment_of(place, word);
  if (segment.entries.size() != 0) __builtin_prefetch(&segment.entries[home_of(segment, word)]);
}

const HeavyMonths::Entry* HeavyMonths::find_entry(const Place& place, uint64_t word) const {
  const Entry* entry = entry_of(place, word);
  if (entry == nullptr || entry->count != kAsBitmap) return entry;
  const uint64_t* bits = &place.bitmaps[entry->bitmap() * bitmap_words(place)];
  __builtin_prefetch(bits);
  __builtin_prefetch(bits + 8);
  return entry;
}

const HeavyMonths::Entry* HeavyMonths::entry_of(const Place& place, uint64_t word) {
  if (place.segments.empty()) return nullptr;
  const Segment& segment = segment_of(place, word);
  if (segment.entries.size() == 0) return nullptr;
  for (size_t i = home_of(segment, word); segment.entries[i].count != 0;) {
    if (segment.entries[i].word == word) return &segment.entries[i];
    if (++i == segment.entries.size()) i = 0;
  }
  return nullptr;
}

namespace {

// Whether a bit in [begin, end) is set.
bool any_bit_in(const uint64_t* bits, uint32_t begin, uint32_t end) {
  if (begin >= end) return false;
  const uint32_t first = begin / 64, last = (end - 1) / 64;
  for (uint32_t w = first; w <= last; ++w) {
    uint64_t in = bits[w];
    if (w == first) in &= ~uint64_t(0) << begin % 64;
    if (w == last) in &= ~uint64_t(0) >> (63 - (end - 1) % 64);
    if (in != 0) return true;
  }
  return false;
}

}  // namespace

bool HeavyMonths::look_up(const Place& place, const Entry* entry, const BucketParts& parts,
                          Slot own, uint32_t& unseen) const {
  if (entry == nullptr) return place.is_complete;
  const uint64_t* bits =
      entry->count == kAsBitmap ? &place.bitmaps[entry->bitmap() * bitmap_words(place)] : nullptr;
  if (own != kNoSlot) {
    const uint32_t bit = own / place.grain;
    const auto slots_end = entry->slots.begin() + (bits == nullptr ? entry->count : 0);
    if (bits != nullptr ? (bits[bit / 64] >> bit % 64 & 1) != 0
                        : std::find(entry->slots.begin(), slots_end, own) != slots_end) {
      for (uint32_t i = 0; i < parts.frames; ++i) unseen &= ~(uint32_t(1) << parts.frame[i]);
      return true;
    }
  }
  const auto any_in = [&](BucketParts::Range range) {
    // A range of slots begins and ends with the grain.
    if (bits != nullptr)
      return any_bit_in(bits, range.begin / place.grain,
                        (range.end + place.grain - 1u) / place.grain);
    for (uint32_t i = 0; i < entry->count; ++i)
      if (entry->slots[i] >= range.begin && entry->slots[i] < range.end) return true;
    return false;
  };
  for (uint32_t i = 0; i < parts.frames; ++i) {
    const uint32_t frame = uint32_t(1) << parts.frame[i];
    for (uint32_t r = parts.first_range[i]; (unseen & frame) && r < parts.first_range[i + 1]; ++r)
      if (any_in(parts.ranges[r])) unseen &= ~frame;
  }
  return true;
}

HeavyMonths::Entry& HeavyMonths::new_entry(Place& place, uint64_t word) {
  if (place.segments.empty()) place.segments.resize(kSegments);
  auto& segment = const_cast<Segment&>(segment_of(place, word));
  const auto put = [&](const Entry& entry) -> Entry& {
    size_t i = home_of(segment, entry.word);
    while (segment.entries[i].count != 0)
      if (++i == segment.entries.size()) i = 0;
    return segment.entries[i] = entry;
  };
  if ((segment.used + 1) * 4 > segment.entries.size() * 3) {
    HugeArray<Entry> before(segment.entries.size() + segment.entries.size() / 2 + 4);
    bytes_ += (before.size() - segment.entries.size()) * sizeof(Entry);
    std::swap(before, segment.entries);
    for (const Entry& entry : before)
      if (entry.count != 0) put(entry);
  }
  ++segment.used;
  ++place.words;
  return put(Entry{word, {}, 1});
}

void HeavyMonths::add_to(Place& place, Entry& entry, Slot slot) {
  if (entry.count < kInEntry) {
    entry.slots[entry.count++] = slot;
    return;
  }
  const auto set = [&](uint32_t bitmap, Slot s) {
    const uint32_t bit = s / place.grain;
    place.bitmaps[bitmap * bitmap_words(place) + bit / 64] |= uint64_t(1) << bit % 64;
  };
  if (entry.count == kAsBitmap) return set(entry.bitmap(), slot);
  const size_t before = place.bitmaps.capacity();
  const auto number = uint32_t(place.bitmaps.size() / bitmap_words(place));
  place.bitmaps.resize(place.bitmaps.size() + bitmap_words(place));
  bytes_ += (place.bitmaps.capacity() - before) * sizeof(uint64_t);
  for (Slot s : entry.slots) set(number, s);
  set(number, slot);
  entry.slots = {Slot(number), Slot(number >> 16), 0};
  entry.count = kAsBitmap;
}

void HeavyMonths::add_slot(Place& place, uint64_t word, Slot slot, bool begin) {
  if (auto* known = const_cast<Entry*>(entry_of(place, word))) {
    add_to(place, *known, slot);
  } else if (begin || place.is_complete) {
    new_entry(place, word).slots[0] = slot;
  }
}

void HeavyMonths::complete(Place& place) {
  place.is_complete = true;
  place.worth = place.words / kFillPerUse;
}

void HeavyMonths::give_up(Place& place) {
  forget(place);
  place.gave_up = true;
}

void HeavyMonths::forget(Place& place) {
  for (const Segment& segment : place.segments) bytes_ -= segment.entries.size() * sizeof(Entry);
  bytes_ -= place.bitmaps.capacity() * sizeof(uint64_t);
  std::vector<Segment>().swap(place.segments);
  std::vector<uint64_t>().swap(place.bitmaps);  // with its memory
  place.is_complete = false;
  place.worth = place.words = 0;
}

}  // namespace quipu
