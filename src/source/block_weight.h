// Cutting blocks by what their events may come to. A pure function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "source/source.h"

namespace quipu {

// How many bytes of the block's whole records weigh no more than the limit together, or are one
// record, and what these weigh. Without a weigher all of it, and 0.
size_t cut_by_weight(const Block& block, const LineWeigher* weigher, uint64_t limit,
                     uint64_t& weight);

}  // namespace quipu
