// How a source's content is known again: hashes of the first and the last 64 KiB of what was taken
// from it, and its beginnings. One thread; owns copies of those bytes (and of the header).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "source/source.h"

namespace quipu {

class Fingerprint {
 public:
  explicit Fingerprint(size_t header_bytes = 0) : header_bytes_(header_bytes) {}
  void add(std::string_view bytes);
  // Jumps ahead to `total` bytes, of which the first first_window(total) and the last
  // last_window(total) are given.
  void jump(uint64_t total, std::string_view first, std::string_view last);
  size_t first_window(uint64_t total) const;
  static size_t last_window(uint64_t total);

  uint64_t bytes() const { return total_; }
  Hash128 first() const { return first_hash_; }  // zero while bytes() == 0
  Hash128 last() const;
  // Of what was taken, as if nothing followed: a line of which a part was taken counts as taken.
  const std::vector<Hash128>& beginnings();
  bool matches(const SourcePosition& position) const;

 private:
  size_t header_bytes_;
  uint64_t total_ = 0;
  Hash128 first_hash_;
  std::string first_, last_;
  std::vector<Hash128> beginnings_;
  size_t beginnings_size_ = 0;  // of first_, when they were found
};

}  // namespace quipu
