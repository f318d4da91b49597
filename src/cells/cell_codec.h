// Encoding and decoding of the pieces of a packed row (layout: cell_rows.cpp), shared by those who
// build, read and merge rows. Writers take a pointer into a buffer with enough room and give the
// one behind what they wrote. Pure functions; any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "base/hash.h"
#include "cells/cell_rows.h"

namespace quipu {

inline constexpr uint8_t kCellRowVersion = 1;
inline constexpr uint8_t kCellRowPlain = 0;  // codec: entries as they are
inline constexpr uint8_t kLastSlot = 0x80;   // of the head byte of a slot
inline constexpr uint8_t kSlotsOfDay = 96;
inline constexpr uint8_t kSeveral = 0x80;  // of the flags byte of a slot
inline constexpr uint8_t kSumsFollow = 0x40;
inline constexpr uint8_t kFlagBits = 0x3f;
inline constexpr int kFlagFrames = 6;  // frames whose flags stand in the flags byte itself
inline constexpr uint64_t kMaxCount = uint64_t(1) << 62;

constexpr int more_flag_bytes(int frames) {
  return frames > kFlagFrames ? (frames - kFlagFrames + 7) / 8 : 0;
}
constexpr int changed_bytes(int frames) { return (frames + 7) / 8; }

inline constexpr size_t kMaxRowHeaderBytes = 5 + kMaxValues + 10;
constexpr size_t max_slot_bytes(int frames, size_t values) {
  return 2 + 10 + size_t(changed_bytes(frames)) + 10 + 5 * size_t(frames) + 19 * values;
}

constexpr uint64_t kValueHashStart = 0x71c3a5d9e08b4f27ull;
constexpr uint64_t value_hash_step(uint64_t hash, uint64_t element) {
  return mix64(hash * 0x9e3779b97f4a7c15ull + element);
}

inline char* put_varint(char* p, uint64_t v) {
  while (v >= 0x80) {
    *p++ = char(v | 0x80);
    v >>= 7;
  }
  *p++ = char(v);
  return p;
}
inline char* put_svarint128(char* p, Int128 v) {
  UInt128 z = (UInt128(v) << 1) ^ UInt128(v >> 127);
  while (z >= 0x80) {
    *p++ = char(uint8_t(z) | 0x80);
    z >>= 7;
  }
  *p++ = char(uint8_t(z));
  return p;
}
inline char* put_elements(char* p, std::span<const uint64_t> elements) {
  if (!elements.empty()) std::memcpy(p, elements.data(), elements.size_bytes());
  return p + elements.size_bytes();
}

// One slot of an entry; 1 <= count <= kMaxCount.
inline char* put_slot(char* p, uint8_t slot, bool last, uint64_t count,
                      std::span<const uint32_t> first, std::span<const Fixed6> sums) {
  const int frames = int(first.size());
  *p++ = char(slot | (last ? kLastSlot : 0));
  const bool has_sums = std::any_of(sums.begin(), sums.end(), [](Fixed6 s) { return s != 0; });
  uint8_t flags = has_sums ? kSumsFollow : 0;
  if (count == 1 && std::all_of(first.begin(), first.end(), [](uint32_t f) { return f <= 1; })) {
    for (int f = 0; f < std::min(frames, kFlagFrames); ++f) flags |= uint8_t(first[size_t(f)] << f);
    *p++ = char(flags);
    for (int f = kFlagFrames; f < frames; f += 8) {
      uint8_t more = 0;
      for (int b = 0; b < std::min(8, frames - f); ++b) more |= uint8_t(first[size_t(f + b)] << b);
      *p++ = char(more);
    }
  } else {
    flags |= kSeveral | (count <= kFlagBits ? uint8_t(count) : 0);
    *p++ = char(flags);
    if (count > kFlagBits) p = put_varint(p, count);
    char* changed = p;
    std::memset(p, 0, size_t(changed_bytes(frames)));
    p += changed_bytes(frames);
    int64_t before = int64_t(count);
    for (int f = 0; f < frames; ++f) {
      const int64_t now = first[size_t(f)];
      if (now == before) continue;
      changed[f / 8] = char(changed[f / 8] | 1 << f % 8);
      p = put_varint(p, zigzag(now - before));
      before = now;
    }
  }
  if (has_sums) {
    for (Fixed6 s : sums) p = put_svarint128(p, s);
  }
  return p;
}

// False: corrupt. Fills the first `frames` and `values` of out's fields.
inline bool get_slot(ByteReader& in, int frames, size_t values, SlotCount& out, bool& last) {
  const uint8_t head = in.u8();
  const uint8_t flags = in.u8();
  last = head & kLastSlot;
  out.slot = uint8_t(head & ~kLastSlot);
  if (out.slot >= kSlotsOfDay) return false;
  if (!(flags & kSeveral)) {
    out.count = 1;
    uint64_t bits = flags & kFlagBits;
    for (int b = 0; b < more_flag_bytes(frames); ++b)
      bits |= uint64_t(in.u8()) << (kFlagFrames + 8 * b);
    if (bits >> frames) return false;
    for (int f = 0; f < frames; ++f) out.first[size_t(f)] = uint32_t(bits >> f & 1);
  } else {
    out.count = flags & kFlagBits;
    if (out.count == 0) out.count = in.varint();
    if (out.count == 0 || out.count > kMaxCount) return false;
    uint64_t changed = 0;
    for (int b = 0; b < changed_bytes(frames); ++b) changed |= uint64_t(in.u8()) << (8 * b);
    if (changed >> frames) return false;
    int64_t before = int64_t(out.count);
    for (int f = 0; f < frames; ++f) {
      if (changed >> f & 1) {
        if (__builtin_add_overflow(before, in.svarint(), &before)) return false;
      }
      if (before < 0 || before > int64_t(UINT32_MAX)) return false;
      out.first[size_t(f)] = uint32_t(before);
    }
  }
  for (size_t v = 0; v < values; ++v) out.sums[v] = flags & kSumsFollow ? in.svarint128() : 0;
  return in.ok();
}

// Passes over the slots of an entry. False: corrupt.
inline bool skip_slots(ByteReader& in, int frames, size_t values) {
  int slot_before = -1;
  for (bool last = false; !last;) {
    const uint8_t head = in.u8();
    const uint8_t flags = in.u8();
    const int slot = head & ~kLastSlot;
    last = head & kLastSlot;
    if (slot >= kSlotsOfDay || slot <= slot_before) return false;
    slot_before = slot;
    if (!(flags & kSeveral)) {
      in.bytes(uint64_t(more_flag_bytes(frames)));
    } else {
      if (!(flags & kFlagBits)) in.varint();
      unsigned differences = 0;
      for (int b = 0; b < changed_bytes(frames); ++b)
        differences += unsigned(std::popcount(in.u8()));
      for (; differences > 0; --differences) in.varint();
    }
    if (flags & kSumsFollow) {
      for (size_t v = 0; v < values; ++v) in.svarint128();
    }
    if (!in.ok()) return false;
  }
  return true;
}

// What stands before the entries of a packed row.
struct CellRowHeader {
  int arity = 0;
  int frames = 0;
  size_t values = 0;
  std::array<ValueId, kMaxValues> value_ids{};  // rising
  uint64_t entries = 0;

  bool same_shape(const CellRowHeader& o) const {
    return arity == o.arity && frames == o.frames && values == o.values && value_ids == o.value_ids;
  }
  char* put(char* p) const {
    *p++ = char(kCellRowVersion);
    *p++ = char(kCellRowPlain);
    *p++ = char(arity);
    *p++ = char(values);
    for (size_t v = 0; v < values; ++v) *p++ = char(value_ids[v]);
    *p++ = char(frames);
    return put_varint(p, entries);
  }
  // nullptr, or what is wrong.
  const char* get(ByteReader& in) {
    if (in.u8() != kCellRowVersion) return "has an unknown version";
    if (in.u8() != kCellRowPlain) return "has an unknown codec";
    arity = in.u8();
    values = in.u8();
    if (arity > kMaxArity || values > size_t(kMaxValues)) return "has an impossible header";
    for (size_t v = 0; v < values; ++v) {
      value_ids[v] = in.u8();
      if (v > 0 && value_ids[v] <= value_ids[v - 1]) return "has an impossible header";
    }
    frames = in.u8();
    entries = in.varint();
    if (!in.ok() || frames > kMaxFrames) return "has an impossible header";
    // The shortest entry has its elements and one slot of two bytes.
    if (entries > in.left() / (size_t(arity) * 8 + 2)) return "is cut off";
    return nullptr;
  }
};

}  // namespace quipu
