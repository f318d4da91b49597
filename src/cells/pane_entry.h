// How an entry lies in a pane's log, and reading it. In memory only, within one process.
//
// 64-bit words:
//   0  const CompiledMetric*
//   1  tenant (32 bits) | day (17) | slot of the UTC day (7) | value mask (4) | row of the event
//   before (1) |
//      planes of the frames alike (1) | elements kept elsewhere (1)
//   2  planes there (34 bits) | frames (6) | bitmap_words (5) | words of the entry (10)
//   then the planes, `bitmap_words` words each: 0 counts here, 1 + f first in frame f, 1 + frames
//   first ever (a plane of zeros is not there; if all those of the frames are alike, one of them is
//   held), then the values that are there (two words each, low first), then the elements of
//   metric->columns in order, or a pointer to them.
// A PaneEntry is a view; any thread may read while nobody appends.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "cells/pane.h"

namespace quipu {

class PaneEntry {
 public:
  static constexpr size_t kHeaderWords = 3;
  static constexpr int kMaxPlanes = kMaxFrames + 2;

  explicit PaneEntry(const uint64_t* words) : w_(words) {}

  const uint64_t* words() const { return w_; }
  const CompiledMetric* metric() const { return reinterpret_cast<const CompiledMetric*>(w_[0]); }
  TenantId tenant() const { return TenantId(uint32_t(w_[1])); }
  DayIndex day() const { return DayIndex(w_[1] >> 32 & 0x1ffff); }
  uint64_t tenant_and_day() const { return w_[1] & ((uint64_t(1) << 49) - 1); }
  uint8_t slot() const { return uint8_t(w_[1] >> 49 & 0x7f); }
  uint8_t value_mask() const { return uint8_t(w_[1] >> 56 & 0xf); }
  bool same_event() const { return w_[1] >> 60 & 1; }
  bool kept() const { return w_[1] >> 62 & 1; }  // its elements lie elsewhere
  int frames() const { return int(w_[2] >> 34 & 0x3f); }
  uint32_t bitmap_words() const { return uint32_t(w_[2] >> 40 & 0x1f); }
  size_t size() const { return size_t(w_[2] >> 45 & 0x3ff); }  // words

  const uint64_t* here() const { return w_ + kHeaderWords; }
  // nullptr: all zero.
  const uint64_t* plane(int p) const {
    if (!(w_[2] >> p & 1)) return nullptr;
    const int before =
        alike() ? (p > 0) + (p > frames()) : std::popcount(planes() & ((uint64_t(1) << p) - 1));
    return w_ + kHeaderWords + size_t(before) * bitmap_words();
  }
  Fixed6 value(int nth) const {  // of those that are there
    const uint64_t* v = values() + 2 * nth;
    return Fixed6(UInt128(v[1]) << 64 | v[0]);
  }
  const uint64_t* elements() const {
    const uint64_t* at = values() + 2 * std::popcount(unsigned(value_mask()));
    return kept() ? reinterpret_cast<const uint64_t*>(*at) : at;
  }

  struct Head {
    TenantId tenant{};
    DayIndex day = 0;
    uint8_t slot = 0, value_mask = 0;
    bool same_event = false, alike = false, kept = false;
    uint64_t planes = 1;
    int frames = 0;
    uint32_t bitmap_words = 0;
    size_t words = 0;

    size_t planes_held() const { return held(planes, alike, frames); }
  };
  static constexpr size_t kMaxWords = kHeaderWords + size_t(kMaxPlanes) * kMaxBitmapWords +
                                      2 * size_t(kMaxValues) + size_t(kMaxColumns);
  static_assert(kMaxWords < 1024, "the words of an entry have ten bits");
  static void write_head(const Head& h, const CompiledMetric* metric, uint64_t* w) {
    w[0] = reinterpret_cast<uint64_t>(metric);
    w[1] = raw(h.tenant) | uint64_t(h.day) << 32 | uint64_t(h.slot) << 49 |
           uint64_t(h.value_mask) << 56 | uint64_t(h.same_event) << 60 | uint64_t(h.alike) << 61 |
           uint64_t(h.kept) << 62;
    w[2] = h.planes | uint64_t(h.frames) << 34 | uint64_t(h.bitmap_words) << 40 |
           uint64_t(h.words) << 45;
  }

 private:
  uint64_t planes() const { return w_[2] & ((uint64_t(1) << kMaxPlanes) - 1); }
  bool alike() const { return w_[1] >> 61 & 1; }
  static size_t held(uint64_t planes, bool alike, int frames) {
    return size_t(std::popcount(planes) - (alike ? frames - 1 : 0));
  }
  const uint64_t* values() const {
    return w_ + kHeaderWords + held(planes(), alike(), frames()) * bitmap_words();
  }

  const uint64_t* w_;
};

class PaneReader {
 public:
  // visit(PaneEntry), in the order of adding. Entries stay where they are for the pane's life.
  template <typename Visit>
  static void each(const Pane& pane, Visit visit) {
    pane.log_.each_block([&](const uint64_t* w, const uint64_t* end) {
      while (w != end) {
        const PaneEntry entry(w);
        CHECK(entry.size() > PaneEntry::kHeaderWords && entry.size() <= size_t(end - w));
        __builtin_prefetch(w + 2 * entry.size());
        visit(entry);
        w += entry.size();
      }
    });
  }
};

}  // namespace quipu
