// Random files of text as they come: delimited in several ways, each file with a header (and order
// of columns) of its own, byte order marks, any ends of lines, quoted fields over several lines,
// stray quotes, unfinished last lines; web servers' logs; JSON lines. All drawn from one seed.
// Shares no code with src/. What the files say depends on no order of reading.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oracle {

struct FileStream {
  std::string plan;                // YAML
  std::vector<std::string> files;  // contents
  std::string describe;
};

FileStream make_file_stream(uint64_t seed);

}  // namespace oracle
