// The workload's lines, its dimensions and its buckets, for the ways of counting in this folder:
// written from bench/workload.h alone, no code of src/ in it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/ways/digest.h"
#include "bench/workload.h"

namespace quipu::bench {

struct Line {
  std::string_view tenant, metric, profile, unique_id;
  int64_t time_s = 0;
  int64_t value_hundredths = 0;  // 0 if it has none
  std::array<std::string_view, kProperties> properties;
};

// Lines that stand next to each other in the file; their texts point into the block. Moving one
// keeps them.
struct Block {
  std::vector<char> text;
  std::vector<Line> lines;
  uint64_t end = 0;  // number, in the file, of the line after the last one
};

// Reads a file of lines from its begin. For one thread. A file that cannot be read, and a line that
// is none of the workload's, end the process with a message.
class LineReader {
 public:
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  void skip(uint64_t lines);
  // The next lines, up to so many; false at the end of the file.
  bool next(size_t lines, Block& block);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A dimension of the workload: no property, one, or two in their order.
struct Dimension {
  int properties = 0;
  int first = 0, second = 0;
};
std::vector<Dimension> dimensions_of(int fanout);
void append_values(const Dimension& dimension, const Line& line,
                   std::string& out);  // as in digest.h

// First seconds of the hour, day and month of UTC that hold `time_s`; index by Timeframe.
std::array<int64_t, kTimeframes> buckets_of(int64_t time_s);

// Ends the process.
[[noreturn]] void fail(const std::string& message);

}  // namespace quipu::bench
