// A packed piece of memory unpacked whole, with a bound on what comes out. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu {

enum class Packing : uint8_t { none, gzip, zstd };

struct Unpacked {
  enum class Outcome : uint8_t { good, damaged, too_long };
  Outcome outcome = Outcome::good;
  std::string bytes;
};
// Takes no more memory than max_bytes and what the library needs (8 MiB of window at most).
Unpacked unpack(Packing packing, std::string_view packed, size_t max_bytes);

}  // namespace quipu
