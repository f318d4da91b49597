#include "cells/cell_lookup.h"

#include "base/fault.h"

namespace quipu {
namespace {
constexpr int kLengthPlantedOut = 3;
}

std::vector<std::string> lookup_keys(DayIndex day, TenantId tenant, SelectorId selector,
                                     DimensionId dimension, std::span<const uint64_t> elements) {
  std::vector<std::string> keys;
  keys.reserve(kMaxChunkBits + 3);
  CellKey key{day, tenant, selector, DimensionId::none, 0, 0};
  key.append_to(keys.emplace_back());
  key.dimension = dimension;
  const uint64_t hash = value_hash(elements);
  const int longest = elements.empty() ? 0 : kMaxChunkBits;
  for (int bits = 0; bits <= longest; ++bits) {
    if (bits == kLengthPlantedOut && planted(Planted::chunk_length_missed)) continue;
    key.chunk_bits = uint8_t(bits);
    key.chunk = chunk_of(hash, bits);
    key.append_to(keys.emplace_back());
  }
  if (!planted(Planted::joint_row_missed))
    CellKey::joint_of(day, tenant, selector, dimension).append_to(keys.emplace_back());
  return keys;
}

}  // namespace quipu
