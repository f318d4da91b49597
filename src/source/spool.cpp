// The spool of a standard input is a plain copy of all bytes that came in under its name, in
// <spool folder>/<name>. Bytes are given out only once they are on disk.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/fault.h"
#include "base/files.h"
#include "source/raw_input.h"

namespace quipu {
namespace {

constexpr size_t kLongestName = 128;
constexpr size_t kChunkBytes = 256 << 10;  // read at a time
constexpr size_t kSyncBytes =
    4 << 20;  // what is there to be read is synced together, up to so much
constexpr int kPipeBytes =
    1 << 20;  // what may wait in a pipe: the more, the fewer syncs (as much as anyone may ask for)

std::string system_error() { return std::strerror(errno); }

class Spool : public RawInput {
 public:
  Spool(int input, int file, std::string name, std::string path, const StopFlag* stop)
      : input_(input),
        file_(file),
        name_(std::move(name)),
        path_(std::move(path)),
        stop_(stop),
        taken_(new char[kSyncBytes]) {
    ::fcntl(input_, F_SETPIPE_SZ, kPipeBytes);  // no pipe, or not allowed: it stays as it is
  }
  ~Spool() override { ::close(file_); }
  Spool(const Spool&) = delete;

  // Takes in what was spooled before; with `again` other bytes take its place.
  Status compare(bool again) {
    struct stat info {};
    if (::fstat(file_, &info) != 0) return Error{path_ + ": " + system_error()};
    const uint64_t before = uint64_t(info.st_size);
    // What a process wrote that ended before it synced is given out from here on.
    if (before > 0 && ::fdatasync(file_) != 0)
      return Error{path_ + ": cannot be made durable: " + system_error()};
    std::vector<char> known(kChunkBytes);
    while (size_ < before && !ended_) {
      QUIPU_ASSIGN(auto got, read_input(taken_.get(),
                                        size_t(std::min<uint64_t>(kChunkBytes, before - size_))));
      const size_t n = got;
      for (size_t have = 0; have < n;) {
        const ssize_t m = ::pread(file_, known.data() + have, n - have, off_t(size_ + have));
        if (m < 0 && errno == EINTR) continue;
        if (m <= 0)
          return Error{path_ + ": cannot be read: " + (m < 0 ? system_error() : "it was cut")};
        have += size_t(m);
      }
      const auto differs = std::mismatch(taken_.get(), taken_.get() + n, known.data()).first;
      const size_t equal = size_t(differs - taken_.get());
      size_ += equal;
      if (equal == n) continue;
      if (!again) {
        return Error{"standard input differs at byte " + std::to_string(size_) +
                     " from what came in before as \"" + name_ + "\" (" + path_ +
                     "); give other input another name: --as NAME"};
      }
      QUIPU_TRY(cut());
      QUIPU_TRY(write(taken_.get() + equal, n - equal));
      return sync(n - equal);
    }
    if (size_ < before) {  // ended early
      if (again) return cut();
      size_ = before;
    }
    return {};
  }

  Result<size_t> read_at(uint64_t offset, char* to, size_t n) override {
    while (offset >= size_) {
      if (ended_) return size_t{0};
      QUIPU_TRY(take_in());
    }
    if (offset >= size_ - taken_size_) {  // what came last is still at hand
      const char* from = taken_.get() + (offset - (size_ - taken_size_));
      const size_t given = size_t(std::min<uint64_t>(n, size_ - offset));
      std::memcpy(to, from, given);
      return given;
    }
    while (true) {
      const ssize_t got =
          ::pread(file_, to, size_t(std::min<uint64_t>(n, size_ - offset)), off_t(offset));
      if (got > 0) return size_t(got);
      if (got == 0) return Error{path_ + ": was cut while it was read"};
      if (errno != EINTR) return Error{path_ + ": cannot be read: " + system_error()};
    }
  }
  bool would_wait(uint64_t offset) override { return offset >= size_ && !ended_ && !input_ready(); }
  uint64_t size() const override { return 0; }

 private:
  bool input_ready() const {
    struct pollfd p {
      input_, POLLIN, 0
    };
    return ::poll(&p, 1, 0) != 0;
  }
  // Up to `most` bytes; 0 at the end.
  Result<size_t> read_input(char* to, size_t most) {
    while (true) {
      struct pollfd waited[2] = {{input_, POLLIN, 0},
                                 {stop_ ? stop_->descriptor() : -1, POLLIN, 0}};
      const int ready = ::poll(waited, 2, -1);
      if (stop_ && stop_->is_set()) return Error{"standard input: stopped while waiting for it"};
      if (ready < 0 && errno == EINTR) continue;
      const ssize_t got = ::read(input_, to, most);
      if (got >= 0) {
        ended_ = got == 0;
        return size_t(got);
      }
      if (errno != EAGAIN && errno != EINTR)
        return Error{"standard input cannot be read: " + system_error()};
    }
  }
  // Waits for something to come in (or the end), writes it to the spool and makes it durable.
  Status take_in() {
    taken_size_ = 0;
    size_t taken = 0;
    do {
      QUIPU_ASSIGN(auto got,
                   read_input(taken_.get() + taken, std::min(kChunkBytes, kSyncBytes - taken)));
      if (got == 0) break;
      taken += got;
    } while (taken < kSyncBytes && input_ready());
    QUIPU_TRY(write(taken_.get(), taken));
    QUIPU_TRY(sync(taken));
    taken_size_ = taken;
    return {};
  }
  // Behind size_.
  Status write(const char* from, size_t n) {
    for (size_t done = 0; done < n;) {
      const ssize_t m = ::pwrite(file_, from + done, n - done, off_t(size_ + done));
      if (m < 0 && errno == EINTR) continue;
      if (m < 0)
        return Error{path_ + ": standard input cannot be spooled: " + system_error() +
                     "; make room and run the same command"};
      done += size_t(m);
    }
    return {};
  }
  Status sync(size_t written) {
    if (written == 0) return {};
    fault_point("spool.written");
    if (::fdatasync(file_) != 0)
      return Error{path_ + ": standard input cannot be made durable: " + system_error()};
    size_ += written;
    return {};
  }
  // Drops what was spooled beyond size_.
  Status cut() {
    if (::ftruncate(file_, off_t(size_)) != 0 || ::fsync(file_) != 0)
      return Error{path_ + ": cannot be cut: " + system_error()};
    return {};
  }

  const int input_, file_;
  const std::string name_, path_;
  const StopFlag* const stop_;
  const std::unique_ptr<char[]> taken_;  // what came in last: kSyncBytes at most
  size_t taken_size_ = 0;                // of it, and of the spool's end, once it is durable
  uint64_t size_ = 0;                    // bytes of the spool that may be given out
  bool ended_ = false;
};

bool good_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-' || c == '+' || c == ':' || c == '@' ||
                  c == '=' || c == ',';
         });
}

}  // namespace

Result<std::unique_ptr<RawInput>> open_spooled(int fd, const std::string& name,
                                               const std::string& spool_folder, bool again,
                                               const StopFlag* stop) {
  if (name.empty())
    return Error{
        "standard input needs a name, by which it is known when it comes again: --as NAME"};
  if (!good_name(name))
    return Error{
        "--as " + name +
        ": a name is up to 128 letters, digits and . _ - + : @ = , and begins with no point"};
  std::error_code failed;
  if (std::filesystem::create_directories(spool_folder, failed); failed) {
    return Error{spool_folder + ": cannot be made: " + failed.message()};
  }
  const std::string path = spool_folder + "/" + name;
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return Error{path + ": cannot be opened: " + system_error()};
  auto spool = std::make_unique<Spool>(fd, file, name, path, stop);
  QUIPU_TRY(sync_folder(spool_folder));
  QUIPU_TRY(sync_folder(std::filesystem::absolute(spool_folder).parent_path().string()));
  QUIPU_TRY(spool->compare(again));
  return std::unique_ptr<RawInput>(std::move(spool));
}

}  // namespace quipu
