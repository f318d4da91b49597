// The compare without special instructions.
#include "tally/compare.h"

namespace quipu {
namespace {

void meta(const uint64_t* line, uint32_t lanes, SelectorId metric, PlanVersion version,
          const BucketParts& parts, TileMeta& out) {
  out.same_metric = out.same_version = 0;
  for (uint32_t row = 0; row < lanes; ++row) {
    out.same_metric |= uint8_t((meta_metric(line[row]) == metric) << row);
    out.same_version |= uint8_t((meta_version(line[row]) == version) << row);
  }
  for (uint32_t i = 0; i < parts.frames; ++i) {
    uint8_t inside = 0;
    for (uint32_t r = parts.first_range[i]; r < parts.first_range[i + 1]; ++r) {
      const BucketParts::Range range = parts.ranges[r];
      for (uint32_t row = 0; row < lanes; ++row) {
        const Slot slot = meta_slot(line[row]);
        inside |= uint8_t((slot >= range.begin && slot < range.end) << row);
      }
    }
    out.inside[i] = inside;
  }
}

void columns(const uint64_t* tile, uint32_t lanes, const ColumnTest* tests, uint32_t count,
             uint8_t* equal) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t* line = tile + tests[i].line * lanes;
    uint8_t mask = 0;
    for (uint32_t row = 0; row < lanes; ++row)
      mask |= uint8_t((line[row] == tests[i].element) << row);
    equal[tests[i].position] = mask;
  }
}

bool bitmap_words(const MetricShape& shape, const uint8_t* equal, const uint8_t* live,
                  const uint64_t* alive, const BucketParts& parts, const uint8_t* inside,
                  uint64_t* fresh) {
  uint64_t left = 0;
  for (uint32_t b = 0; b < shape.bitmap_words; ++b) {
    uint64_t open = 0;
    for (uint32_t i = 0; i < parts.frames; ++i)
      open |= fresh[parts.frame[i] * shape.bitmap_words + b];
    const uint64_t known = open & (alive == nullptr ? ~uint64_t(0) : alive[b]);
    for (uint64_t rest = live[b] == 0 ? 0 : known; rest != 0; rest &= rest - 1) {
      const uint32_t d = uint32_t(__builtin_ctzll(rest));
      uint8_t seen = live[b];
      if (!(shape.no_columns[b] >> d & 1))
        for (uint32_t k = 0; k < shape.depth[b]; ++k) seen &= equal[shape.layer(b, k)[d]];
      if (seen == 0) continue;
      for (uint32_t i = 0; i < parts.frames; ++i)
        if (seen & inside[i]) fresh[parts.frame[i] * shape.bitmap_words + b] &= ~(uint64_t(1) << d);
    }
    for (uint32_t i = 0; i < parts.frames; ++i)
      left |= fresh[parts.frame[i] * shape.bitmap_words + b];
  }
  return left != 0;
}

}  // namespace

const TileOps kPlainTileOps = {meta, columns, bitmap_words};

}  // namespace quipu
