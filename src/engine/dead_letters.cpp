#include "engine/dead_letters.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/json_text.h"
#include "store/files.h"

namespace quipu {
namespace {

Error letters_error(const std::string& path, const std::string& what) {
  return Error{path + ": " + what + ": " + std::strerror(errno) +
               "; make room or repair the folder, then run the same command again"};
}

}  // namespace

void append_dead_letter(std::string_view source, uint64_t line, uint64_t offset,
                        const LineOutcome& outcome, std::string_view text, std::string& out) {
  out += "{\"source\":";
  append_json_string(source, out);
  out += ",\"line\":" + std::to_string(line) + ",\"offset\":" + std::to_string(offset) +
         ",\"reason\":";
  append_json_string(reason_name(outcome.reason), out);
  out += ",\"detail\":";
  append_json_string(outcome.detail, out);
  std::string_view shown = text.substr(0, kDeadLetterTextBytes);
  // Not within a character, which would make the rest invalid.
  const auto trails = [&](size_t i) { return (uint8_t(text[i]) & 0xC0) == 0x80; };
  for (int i = 0; i < 3 && shown.size() < text.size() && !shown.empty() && trails(shown.size());
       ++i)
    shown.remove_suffix(1);
  if (shown.size() < text.size()) out += ",\"cut\":true";
  if (is_valid_utf8(shown)) {
    out += ",\"text\":";
    append_json_string(shown, out);
  } else {
    out += ",\"base64\":\"" + base64(shown) + "\"";
  }
  out += "}\n";
}

Result<DeadLetterFile> DeadLetterFile::open(const std::string& path, uint64_t committed_bytes) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return letters_error(path, "cannot open the dead-letter file");
  DeadLetterFile file(fd, path, committed_bytes);
  struct stat info {};
  if (::fstat(fd, &info) != 0) return letters_error(path, "cannot read the dead-letter file");
  // Perhaps it was made just now: its name must be as durable as what will be in it.
  QUIPU_TRY(sync_folder(parent_of(path)));
  if (uint64_t(info.st_size) < committed_bytes) {
    return Error{
        path + ": the dead-letter file has " + std::to_string(info.st_size) +
        " bytes, but the last checkpoint names " + std::to_string(committed_bytes) +
        "; it was cut or replaced: put it back, or restore the whole folder from a backup"};
  }
  if (::ftruncate(fd, off_t(committed_bytes)) != 0)
    return letters_error(path, "cannot cut the dead-letter file");
  if (::lseek(fd, off_t(committed_bytes), SEEK_SET) < 0)
    return letters_error(path, "cannot seek in the dead-letter file");
  return file;
}

DeadLetterFile::DeadLetterFile(DeadLetterFile&& other) noexcept
    : fd_(other.fd_), path_(std::move(other.path_)), bytes_(other.bytes_) {
  other.fd_ = -1;
}

DeadLetterFile::~DeadLetterFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status DeadLetterFile::append_and_sync(std::string_view entries) {
  if (entries.empty()) return {};
  while (!entries.empty()) {
    ssize_t n = ::write(fd_, entries.data(), entries.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return letters_error(path_, "cannot write the dead-letter file");
    bytes_ += uint64_t(n);
    entries.remove_prefix(size_t(n));
  }
  if (::fdatasync(fd_) != 0) return letters_error(path_, "cannot sync the dead-letter file");
  return {};
}

}  // namespace quipu
