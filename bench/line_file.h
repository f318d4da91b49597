// Lines of the workload as files, written before any clock starts. A file that stands there already
// is kept: the same options give the same bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/workload.h"

namespace quipu::bench {

// A file of so many lines that `next` appends one by one.
void write_line_file(const std::string& path, uint64_t lines,
                     const std::function<void(std::string&)>& next);

// The lines of one workload in files of the given lengths, one after the other.
struct LinePart {
  std::string path;
  uint64_t lines;
};
void write_line_files(const WorkloadOptions& workload, const std::vector<LinePart>& parts);

}  // namespace quipu::bench
