#include "bench/ways/digest.h"

#include <xxhash.h>

#include <cinttypes>
#include <cstdio>

namespace quipu::bench {

void Digest::add(const Cell& cell) {
  constexpr const char* kNames[] = {"hour", "day", "month"};
  buffer_ = '2';
  auto field = [&](std::string_view text, bool last = false) {
    buffer_ += text;
    if (!last) buffer_ += '\t';
  };
  field(cell.tenant);
  field(cell.metric);
  field(std::to_string(cell.dimension));
  field(cell.values);
  field(kNames[static_cast<int>(cell.timeframe)]);
  field(std::to_string(cell.bucket_s));
  field(std::to_string(cell.count));
  field(std::to_string(cell.unique));
  field(std::to_string(cell.sum_hundredths), true);
  ++cells_;
  first_ += XXH3_64bits(buffer_.data() + 1, buffer_.size() - 1);
  second_ += XXH3_64bits(buffer_.data(), buffer_.size());
}

std::string Digest::text() const {
  char out[64];
  std::snprintf(out, sizeof out, "%" PRIu64 "-%016" PRIx64 "-%016" PRIx64, cells_, first_, second_);
  return out;
}

}  // namespace quipu::bench
