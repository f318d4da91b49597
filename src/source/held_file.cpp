#include "source/held_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace quipu {
namespace {

FileState state_of(const struct stat& info) {
  return FileState{{uint64_t(info.st_dev), uint64_t(info.st_ino)},
                   uint64_t(info.st_size),
                   int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec,
                   uint64_t(info.st_nlink)};
}

constexpr size_t kSeamBytes = 4 << 10;  // compared where a reading goes on from the one before

class HeldInput : public RawInput {
 public:
  explicit HeldInput(std::shared_ptr<const HeldFile> file) : file_(std::move(file)) {}

  Result<size_t> read_at(uint64_t offset, char* to, size_t n) override {
    const bool goes_on = offset == end_;
    if (!goes_on) tail_.clear();
    std::string before(tail_.size(), '\0');
    iovec parts[2] = {{before.data(), before.size()}, {to, n}};
    ssize_t got;
    do {
      got = ::preadv(file_->descriptor(), parts, 2, off_t(offset - before.size()));
    } while (got < 0 && errno == EINTR);
    if (got < 0)
      return Error{file_->path() + ": cannot be read at byte " + std::to_string(offset) + ": " +
                   std::strerror(errno)};
    if (size_t(got) <= before.size() || before != tail_) return size_t{0};
    const size_t given = size_t(got) - before.size();
    keep_tail(to, given);
    end_ = offset + given;
    return given;
  }
  bool would_wait(uint64_t) override { return false; }
  uint64_t size() const override {
    const auto state = file_->state();
    return state.ok() ? state->size : 0;
  }

 private:
  void keep_tail(const char* bytes, size_t n) {
    const size_t kept = std::min(n, kSeamBytes);
    const size_t before = std::min(tail_.size(), kSeamBytes - kept);
    tail_.erase(0, tail_.size() - before);
    tail_.append(bytes + (n - kept), kept);
  }

  const std::shared_ptr<const HeldFile> file_;
  uint64_t end_ = 0;  // of the last reading
  std::string tail_;  // the bytes before it
};

}  // namespace

Result<std::optional<FileState>> state_of_path(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return std::optional<FileState>(state_of(info));
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<FileState>();
  return Error{path + ": cannot be looked at: " + std::strerror(errno)};
}

Result<std::shared_ptr<HeldFile>> HeldFile::open(const std::string& path) {
  // Without waiting for a writer, should it be a pipe.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error{path + ": cannot be opened: " + std::strerror(errno)};
  auto file = std::make_shared<HeldFile>(fd, path);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return Error{path + ": is " + (S_ISDIR(info.st_mode) ? "a folder" : "no regular file") +
                 ", which cannot be followed; name files"};
  }
  return file;
}

HeldFile::~HeldFile() { ::close(fd_); }

Result<FileState> HeldFile::state() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) return Error{path_ + ": cannot be read: " + std::strerror(errno)};
  return state_of(info);
}

std::string HeldFile::path_now() const {
  const std::string link = "/proc/self/fd/" + std::to_string(fd_);
  char path[4096];
  const ssize_t n = ::readlink(link.c_str(), path, sizeof path);
  if (n <= 0 || path[0] != '/') return path_ + " (renamed)";
  return std::string(path, size_t(n));
}

Result<bool> HeldFile::is_compressed() const {
  unsigned char head[4] = {};
  const ssize_t n = ::pread(fd_, head, sizeof head, 0);
  if (n < 0) return Error{path_ + ": cannot be read: " + std::strerror(errno)};
  return (n >= 2 && head[0] == 0x1f && head[1] == 0x8b) ||
         (n == 4 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd) ||
         (n == 4 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18);
}

std::unique_ptr<RawInput> input_of(std::shared_ptr<const HeldFile> file) {
  return std::make_unique<HeldInput>(std::move(file));
}

}  // namespace quipu
