// The look at a matrix: in which dimensions and buckets has this profile been seen before? Eight
// rows and 64 dimensions at a time. Three variants by instruction set give the same answers. Pure;
// any thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/hash.h"
#include "tally/metric_shape.h"
#include "tally/month_record.h"
#include "time/month_table.h"

namespace quipu {

// The parts of an event's buckets that lie in one month: for each frame concerned, ranges of slots.
struct BucketParts {
  struct Range {
    Slot begin, end;
  };
  uint32_t frames = 0;
  std::array<uint8_t, kMaxFrames> frame;  // of the event's MonthTable
  std::array<uint16_t, kMaxFrames + 1>
      first_range;  // frame i has ranges first_range[i] .. first_range[i+1]
  std::array<Range, kMaxFrames * kMaxBucketPieces> ranges;

  // In the order of frames.
  void add(uint32_t frame_number, Slot begin, Slot end) {
    if (frames == 0) first_range[0] = 0;
    if (frames == 0 || frame[frames - 1] != frame_number) {
      frame[frames] = uint8_t(frame_number);
      first_range[frames + 1] = first_range[frames];
      ++frames;
    }
    ranges[first_range[frames]++] = {begin, end};
  }
};

// What one instruction set does for a tile; see compare.cpp for how they fit together.
struct TileMeta {
  uint8_t same_metric;                     // rows of the event's metric
  uint8_t same_version;                    // rows of the current plan version
  std::array<uint8_t, kMaxFrames> inside;  // rows inside the bucket, by frame of BucketParts
};
struct ColumnTest {
  uint64_t element;
  uint32_t line;      // of the tile
  uint32_t position;  // of MetricShape
};
struct TileOps {
  void (*meta)(const uint64_t* line, uint32_t lanes, SelectorId metric, PlanVersion version,
               const BucketParts& parts, TileMeta& out);
  // equal[position] = rows whose element equals the event's.
  void (*columns)(const uint64_t* tile, uint32_t lanes, const ColumnTest* tests, uint32_t count,
                  uint8_t* equal);
  // Clears bits of dimensions seen in rows `live` (by block) inside the buckets; only where `alive`
  // (by block; nullptr: everywhere). Returns whether any bit is left in the frames of `parts`.
  bool (*bitmap_words)(const MetricShape& shape, const uint8_t* equal, const uint8_t* live,
                       const uint64_t* alive, const BucketParts& parts, const uint8_t* inside,
                       uint64_t* fresh);
};

// 1 plain, 2 AVX2, 3 AVX-512 (F, BW, VL, VBMI).
int best_variant();
// variant 0: the best. One that the machine lacks gives the next lower.
const TileOps& tile_ops(int variant);
extern const TileOps kPlainTileOps, kAvx2TileOps, kAvx512TileOps;

// fresh: for each frame of the event's MonthTable shape.bitmap_words words; bits of dimensions seen
// in a row of the matrix inside the frame's bucket are cleared. Returns whether any is left in the
// frames of `parts`.
bool look(const TileOps& ops, const MetricShape& shape, PlanVersion version,
          const BucketParts& parts, const MatrixView& matrix, const uint64_t* row_elements,
          uint64_t* fresh);

}  // namespace quipu
