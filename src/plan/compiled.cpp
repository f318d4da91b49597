// A section's layout in the catalogue (version 1; numbers are varints unless a width is said):
//   version u8 = 1
//   columns: how many, then the property id of each
//   dimensions: how many, then for each
//     id | flags u8 (bit 0: unique, bit 1: lifetime) | how many positions, each u8 | how many sums,
//     each value id u8
#include "plan/compiled.h"

#include "base/bytes.h"

namespace quipu {
namespace {

constexpr uint8_t kLayoutVersion = 1;
constexpr uint8_t kUnique = 1, kLifetime = 2;

Error damaged(const char* what) {
  return Error{std::string("a stored layout is damaged (") + what +
               "); restore the store from a backup"};
}

}  // namespace

std::string encode_layout(const SectionLayout& layout) {
  std::string out;
  ByteWriter w(out);
  w.u8(kLayoutVersion);
  w.varint(layout.columns.size());
  for (PropertyId column : layout.columns) w.varint(raw(column));
  w.varint(layout.dimensions.size());
  for (const SectionLayout::Dimension& d : layout.dimensions) {
    w.varint(raw(d.id));
    w.u8(uint8_t((d.unique ? kUnique : 0) | (d.lifetime ? kLifetime : 0)));
    w.varint(d.positions.size());
    for (uint8_t p : d.positions) w.u8(p);
    w.varint(d.sums.size());
    for (ValueId v : d.sums) w.u8(v);
  }
  return out;
}

Result<SectionLayout> decode_layout(std::string_view bytes) {
  ByteReader r(bytes);
  if (r.u8() != kLayoutVersion) return damaged("version");
  auto id = [&] {
    const uint64_t v = r.varint();
    if (v == 0 || v > UINT32_MAX) r.fail();
    return uint32_t(v);
  };
  SectionLayout layout;
  const uint64_t columns = r.varint();
  if (columns > uint64_t(kMaxColumns)) return damaged("columns");
  for (uint64_t i = 0; i < columns; ++i) layout.columns.push_back(PropertyId(id()));
  const uint64_t dimensions = r.varint();
  if (dimensions > uint64_t(kMaxDimensions)) return damaged("dimensions");
  for (uint64_t i = 0; i < dimensions && r.ok(); ++i) {
    SectionLayout::Dimension d;
    d.id = DimensionId(id());
    const uint8_t flags = r.u8();
    if (flags > (kUnique | kLifetime)) return damaged("flags");
    d.unique = flags & kUnique;
    d.lifetime = flags & kLifetime;
    const uint64_t positions = r.varint();
    if (positions > uint64_t(kMaxArity)) return damaged("positions");
    for (uint64_t k = 0; k < positions; ++k) {
      d.positions.push_back(r.u8());
      if (d.positions.back() >= columns) return damaged("position");
    }
    const uint64_t sums = r.varint();
    if (sums > uint64_t(kMaxValues)) return damaged("sums");
    for (uint64_t k = 0; k < sums; ++k) d.sums.push_back(r.u8());
    layout.dimensions.push_back(std::move(d));
  }
  if (!r.ok() || !r.done()) return damaged("length");
  return layout;
}

}  // namespace quipu
