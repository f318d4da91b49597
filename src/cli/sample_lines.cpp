#include "cli/sample_lines.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace quipu {
namespace {

// The beginning of standard input; of plain text whole lines.
Result<std::string> read_standard_input() {
  std::string text;
  char block[64 << 10];
  while (text.size() < kMaxStandardSampleBytes) {
    const ssize_t got = ::read(STDIN_FILENO, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Error{std::string("standard input cannot be read: ") + std::strerror(errno)};
    if (got == 0) return text;
    text.append(block, size_t(got));
  }
  if (const size_t end = text.rfind('\n');
      end != std::string::npos && text[0] != '\x1f' && text[0] != '\x28')  // gzip, zstd
    text.resize(end + 1);
  return text;
}

Result<std::string> write_temporary(const std::string& text) {
  std::error_code ignored;
  std::string path =
      (std::filesystem::temp_directory_path(ignored) / "quipu-sample-XXXXXX").string();
  const int fd = ::mkstemp(path.data());
  bool good = fd >= 0;
  for (size_t at = 0; good && at < text.size();) {
    const ssize_t wrote = ::write(fd, text.data() + at, text.size() - at);
    good = wrote > 0 || (wrote < 0 && errno == EINTR);
    if (wrote > 0) at += size_t(wrote);
  }
  const std::string why = std::strerror(errno);
  if (fd >= 0) ::close(fd);
  if (good) return path;
  if (fd >= 0) ::unlink(path.c_str());
  return Error{"the sample cannot be kept in " + path + ": " + why +
               "; name another folder by TMPDIR"};
}

}  // namespace

Result<SampleFile> SampleFile::open(const std::string& name) {
  if (name != "-") {
    if (!std::filesystem::exists(name)) return Error{name + ": no such file"};
    return SampleFile(name, false);
  }
  QUIPU_ASSIGN(auto text, read_standard_input());
  QUIPU_ASSIGN(auto path, write_temporary(text));
  return SampleFile(std::move(path), true);
}

SampleFile::SampleFile(SampleFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}

SampleFile::~SampleFile() {
  if (temporary_) ::unlink(path_.c_str());
}

Status read_sample_lines(const std::string& path, const SourceOptions& options,
                         const std::function<Status(const std::string&)>& header,
                         const std::function<bool(const SampleLine&)>& visit) {
  QUIPU_ASSIGN(auto source, open_file(path, {}, options));
  if (options.header) QUIPU_TRY(header(source->header()));
  while (true) {
    QUIPU_ASSIGN(auto block, source->next());
    if (block.text.empty()) return {};
    for (BlockRecords records(block); records.next();) {
      if (!visit({records.text(), records.line(), block.truncated_line})) return {};
    }
  }
}

}  // namespace quipu
