// The files of a journal, by name. Format (version 1; docs/formats.md):
//
// A journal is a folder of segments, DIGITS.jsonl.zst. The 20 decimal digits are the offset in the
// journal at which the segment begins: how many decompressed bytes were appended before it. A
// segment is zstd frame after zstd frame, each with its content's size and a checksum, each one
// group commit: whole lines. A line is
//   {"received":"2026-03-05T14:30:00.123Z","door":"http","key":"k7","tenant":"acme","event":{...}}
// with the event's bytes as they came. So zstdcat of all segments, in order, is everything from the
// first kept offset on. No segment is empty. Functions here may be called from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu {

struct JournalSegment {
  uint64_t begin = 0;  // offset of its first byte
  std::string path;
};

std::string segment_path(const std::string& folder, uint64_t begin);
// In rising order. Files of other names are not looked at.
Result<std::vector<JournalSegment>> list_segments(const std::string& folder);

// What whole frames a segment holds. An error if its bytes are damaged, not just torn at the end:
// if a whole frame follows one that is none.
struct SegmentExtent {
  uint64_t whole_bytes = 0;  // of the file, up to the end of the last whole frame
  uint64_t content = 0;      // decompressed bytes in them
  uint64_t file_bytes = 0;
};
Result<SegmentExtent> measure_segment(const std::string& path);

// One frame with checksum and content size.
Result<std::string> compress_frame(std::string_view lines);

}  // namespace quipu
