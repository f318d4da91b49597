// How a source's content is known again: hashes of the first and the last 64 KiB of what was taken
// from it. One thread; owns copies of those bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "source/source.h"

namespace quipu {

class Fingerprint {
 public:
  void add(std::string_view bytes);
  // Jumps ahead to `total` bytes, the first and last min(total, kFingerprintBytes) of which are
  // given.
  void jump(uint64_t total, std::string_view first, std::string_view last);

  uint64_t bytes() const { return total_; }
  Hash128 first() const { return first_hash_; }  // zero while bytes() == 0
  Hash128 last() const;
  bool matches(const SourcePosition& position) const;

 private:
  uint64_t total_ = 0;
  Hash128 first_hash_;
  std::string first_, last_;
};

}  // namespace quipu
