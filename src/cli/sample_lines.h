// The records of a sample file, one at a time, for `init` and `check`. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/source.h"

namespace quipu {

struct SampleLine {
  std::string_view text;  // without newline; followed by readable padding; valid during the visit
  uint64_t number = 0;    // of its first line, from 1, header and blank lines included
  bool too_long = false;  // text is its head
};

// Visits the records of a file (plain, .gz, .zst) until `visit` returns false. With options.header
// the line that names the columns goes to `header` and is not visited.
Status read_sample_lines(const std::string& path, const SourceOptions& options,
                         const std::function<Status(const std::string&)>& header,
                         const std::function<bool(const SampleLine&)>& visit);

inline constexpr size_t kMaxStandardSampleBytes = size_t(64)
                                                  << 20;  // of standard input, as a sample

// A sample file by its name, or for `-` what standard input holds (its first bytes, to a line's
// end), in a temporary file that goes with this. Errors say that there is no such file.
class SampleFile {
 public:
  static Result<SampleFile> open(const std::string& name);
  SampleFile(SampleFile&& other) noexcept;
  SampleFile& operator=(SampleFile&&) = delete;
  ~SampleFile();
  const std::string& path() const { return path_; }

 private:
  SampleFile(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  std::string path_;
  bool temporary_;
};

}  // namespace quipu
