// Where a value's cell may stand. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cells/cell_rows.h"

namespace quipu {

// The keys of all rows that may hold the value: the sparse row (also for the lifetime day, where
// none is written), one for every chunk length 0 .. kMaxChunkBits (0 alone for the empty list, the
// one value of a dimension without properties, which is never cut), the joint row. Rising.
std::vector<std::string> lookup_keys(DayIndex day, TenantId tenant, SelectorId selector,
                                     DimensionId dimension, std::span<const uint64_t> elements);

// The left-aligned prefix of `bits` bits of a value's hash: CellKey::chunk.
constexpr uint32_t chunk_of(uint64_t value_hash, int bits) {
  return bits == 0 ? 0 : uint32_t(value_hash >> (64 - bits) << (32 - bits));
}

}  // namespace quipu
