#include "journal/segments.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

namespace quipu {
namespace {

constexpr size_t kDigits = 20;
constexpr std::string_view kEnding = ".jsonl.zst";
constexpr std::string_view kMagic = "\x28\xb5\x2f\xfd";
constexpr int kLevel = 1;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

// The whole frame that `bytes` begins with: its length and content; nothing if it is none.
struct Frame {
  size_t bytes = 0, content = 0;
};
Frame whole_frame(std::string_view bytes, std::string& scratch) {
  if (!bytes.starts_with(kMagic)) return {};
  const size_t length = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  if (ZSTD_isError(length)) return {};
  const unsigned long long content = ZSTD_getFrameContentSize(bytes.data(), length);
  if (content == ZSTD_CONTENTSIZE_UNKNOWN || content == ZSTD_CONTENTSIZE_ERROR ||
      content > (1ull << 31))
    return {};
  scratch.resize(std::max<size_t>(size_t(content), 1));
  const size_t got = ZSTD_decompress(scratch.data(), scratch.size(), bytes.data(), length);
  if (ZSTD_isError(got) || got != content || got == 0) return {};
  return {length, got};
}

}  // namespace

std::string segment_path(const std::string& folder, uint64_t begin) {
  std::string digits = std::to_string(begin);
  return folder + "/" + std::string(kDigits - digits.size(), '0') + digits + std::string(kEnding);
}

Result<std::vector<JournalSegment>> list_segments(const std::string& folder) {
  std::vector<JournalSegment> segments;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.size() != kDigits + kEnding.size() || !name.ends_with(kEnding)) continue;
    if (name.find_first_not_of("0123456789") != kDigits || name > "18446744073709551615.jsonl.zst")
      continue;
    segments.push_back({std::stoull(name.substr(0, kDigits)), it->path().string()});
  }
  if (error) return Error{folder + ": cannot be listed: " + error.message()};
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return segments;
}

Result<SegmentExtent> measure_segment(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{path + ": cannot be read"};
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return Error{path + ": cannot be read"};
  SegmentExtent extent;
  extent.file_bytes = bytes.size();
  std::string scratch;
  std::string_view rest = bytes;
  while (true) {
    const Frame frame = whole_frame(rest, scratch);
    if (frame.bytes == 0) break;
    extent.whole_bytes += frame.bytes;
    extent.content += frame.content;
    rest.remove_prefix(frame.bytes);
  }
  // A tear leaves nothing whole behind it, since each frame is synced before the next is written.
  for (size_t at = 1; (at = rest.find(kMagic, at)) != std::string_view::npos; ++at) {
    if (whole_frame(rest.substr(at), scratch).bytes > 0)
      return Error{path + ": damaged at byte " + std::to_string(extent.whole_bytes) +
                   ", with whole frames behind it; restore the file from a backup"};
  }
  return extent;
}

Result<std::string> compress_frame(std::string_view lines) {
  static thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (!context) return Error{"journal: out of memory"};
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string frame(ZSTD_compressBound(lines.size()), '\0');
  const size_t size =
      ZSTD_compress2(context.get(), frame.data(), frame.size(), lines.data(), lines.size());
  if (ZSTD_isError(size))
    return Error{std::string("journal: cannot compress: ") + ZSTD_getErrorName(size)};
  frame.resize(size);
  return frame;
}

}  // namespace quipu
