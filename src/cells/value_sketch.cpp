#include "cells/value_sketch.h"

#include <algorithm>

#include "base/bytes.h"
#include "cells/cell_rows.h"

namespace quipu {
namespace {

using Smallest = std::array<uint32_t, ValueSketch::kMost>;

// Adds the first ones of `more`, rising. True: something is new.
bool add_smallest(ValueSketch& to, const Smallest& more, size_t count) {
  std::array<uint32_t, 2 * ValueSketch::kMost> both{};
  auto end = std::merge(to.smallest.begin(), to.smallest.begin() + to.known, more.begin(),
                        more.begin() + ptrdiff_t(count), both.begin());
  end = std::unique(both.begin(), end);
  const uint8_t known = uint8_t(std::min(size_t(end - both.begin()), ValueSketch::kMost));
  const bool changed =
      known != to.known || !std::equal(both.begin(), both.begin() + known, to.smallest.begin());
  to.known = known;
  std::copy_n(both.begin(), known, to.smallest.begin());
  return changed;
}

}  // namespace

bool ValueSketch::add(std::span<const uint64_t> hashes) {
  const size_t count = std::min(hashes.size(), kMost);
  Smallest more{};
  for (size_t i = 0; i < count; ++i) more[i] = uint32_t(hashes[i] >> 32);
  return add_smallest(*this, more, count);
}

void ValueSketch::merge(const ValueSketch& other) {
  add_smallest(*this, other.smallest, other.known);
  bits = std::max(bits, other.bits);
}

uint64_t ValueSketch::values() const {
  if (known < kMost) return known;
  return uint64_t(double(kMost - 1) * 0x1p32 / (double(smallest[kMost - 1]) + 1));
}

void ValueSketch::append_to(std::string& out) const {
  ByteWriter w(out);
  w.u8(bits);
  w.u8(known);
  for (size_t i = 0; i < known; ++i) w.le32(smallest[i]);
}

std::optional<ValueSketch> ValueSketch::parse(std::string_view bytes) {
  ByteReader in(bytes);
  ValueSketch sketch;
  sketch.bits = in.u8();
  sketch.known = in.u8();
  if (!in.ok() || sketch.bits > kMaxChunkBits || sketch.known > kMost) return std::nullopt;
  for (size_t i = 0; i < sketch.known; ++i) {
    sketch.smallest[i] = in.le32();
    if (i > 0 && sketch.smallest[i] <= sketch.smallest[i - 1]) return std::nullopt;
  }
  return in.ok() && in.done() ? std::optional(sketch) : std::nullopt;
}

}  // namespace quipu
