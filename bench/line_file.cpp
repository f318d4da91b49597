#include "bench/line_file.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "bench/give_up.h"

namespace quipu::bench {
namespace {
constexpr size_t kWriteBytes = size_t{1} << 20;
}

void write_line_file(const std::string& path, uint64_t lines,
                     const std::function<void(std::string&)>& next) {
  const std::string part = path + ".part";
  std::FILE* file = std::fopen(part.c_str(), "wb");
  if (!file) give_up("cannot write " + part);
  std::string text;
  for (uint64_t i = 0; i < lines; ++i) {
    next(text);
    if (text.size() < kWriteBytes && i + 1 < lines) continue;
    if (std::fwrite(text.data(), 1, text.size(), file) != text.size())
      give_up("cannot write " + part);
    text.clear();
  }
  if (std::fclose(file) != 0) give_up("cannot write " + part);
  std::filesystem::rename(part, path);
}

void write_line_files(const WorkloadOptions& options, const std::vector<LinePart>& parts) {
  if (std::all_of(parts.begin(), parts.end(),
                  [](const LinePart& part) { return std::filesystem::exists(part.path); }))
    return;
  Workload workload(options);
  for (const LinePart& part : parts) {
    write_line_file(part.path, part.lines, [&](std::string& out) { workload.next(out); });
  }
}

}  // namespace quipu::bench
