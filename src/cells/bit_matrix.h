// Bits of rows to bits of columns. Pure function.
#pragma once

#include <cstdint>

namespace quipu {

// Bit c of word r becomes bit r of word c.
inline void transpose64(uint64_t* rows) {
  uint64_t mask = 0x00000000ffffffffull;
  for (unsigned j = 32; j != 0; j >>= 1, mask ^= mask << j) {
    for (unsigned top = 0; top < 64; top += 2 * j) {
      for (unsigned k = top; k < top + j; ++k) {
        const uint64_t swap = ((rows[k] >> j) ^ rows[k + j]) & mask;
        rows[k] ^= swap << j;
        rows[k + j] ^= swap;
      }
    }
  }
}

}  // namespace quipu
