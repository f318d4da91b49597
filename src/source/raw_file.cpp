#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "source/raw_input.h"

namespace quipu {
namespace {

class RawFile : public RawInput {
 public:
  RawFile(int fd, std::string path, uint64_t size) : fd_(fd), path_(std::move(path)), size_(size) {}
  ~RawFile() override { ::close(fd_); }
  RawFile(const RawFile&) = delete;

  Result<size_t> read_at(uint64_t offset, char* to, size_t n) override {
    while (true) {
      const ssize_t got = ::pread(fd_, to, n, off_t(offset));
      if (got >= 0) return size_t(got);
      if (errno != EINTR)
        return Error{path_ + ": cannot be read at byte " + std::to_string(offset) + ": " +
                     std::strerror(errno)};
    }
  }
  bool would_wait(uint64_t) override { return false; }
  uint64_t size() const override { return size_; }

 private:
  const int fd_;
  const std::string path_;
  const uint64_t size_;
};

}  // namespace

Result<std::unique_ptr<RawInput>> open_raw_file(const std::string& path) {
  // Without waiting for a writer, should it be a pipe.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error{path + ": cannot be opened: " + std::strerror(errno)};
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return Error{path + ": is " + (S_ISDIR(info.st_mode) ? "a folder" : "no regular file") +
                 "; give files, or pipe the lines in: ... | quipu run PLAN - --as NAME"};
  }
  return std::unique_ptr<RawInput>(new RawFile(fd, path, uint64_t(info.st_size)));
}

}  // namespace quipu
