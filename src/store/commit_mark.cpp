#include "store/commit_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/bytes.h"
#include "base/hash.h"
#include "store/files.h"

namespace quipu {
namespace {

constexpr uint64_t kMagic = 0x6b72616d75706971;  // "qipumark"
constexpr size_t kSlotBytes = 4096;
constexpr size_t kSlots = 2;

uint64_t check_of(CommitMark::Value v) {
  return combine64(combine64(kMagic, v.checkpoint), v.commits);
}

std::string encode_slot(CommitMark::Value v) {
  std::string bytes;
  ByteWriter w(bytes);
  w.le64(kMagic);
  w.le64(v.checkpoint);
  w.le64(v.commits);
  w.le64(check_of(v));
  return bytes;
}

std::optional<CommitMark::Value> decode_slot(std::string_view bytes) {
  ByteReader r(bytes);
  const uint64_t magic = r.le64();
  CommitMark::Value v;
  v.checkpoint = r.le64();
  v.commits = r.le64();
  const uint64_t check = r.le64();
  if (!r.ok() || magic != kMagic || check != check_of(v)) return std::nullopt;
  return v;
}

Status write_all(int fd, const std::string& path, std::string_view bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("write", path, errno);
    bytes.remove_prefix(size_t(n));
    offset += n;
  }
  return {};
}

}  // namespace

Result<std::optional<CommitMark>> CommitMark::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::optional<CommitMark>();
  if (fd < 0) return file_error("open", path, errno);
  CommitMark mark(fd, path, {});
  bool found = false;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    char bytes[32];
    const ssize_t n = ::pread(fd, bytes, sizeof bytes, off_t(slot * kSlotBytes));
    if (n < 0) return file_error("read", path, errno);
    auto value = decode_slot({bytes, size_t(n)});
    if (!value) continue;
    if (!found || value->commits > mark.value_.commits) mark.value_ = *value;
    found = true;
  }
  if (!found) {
    return Error{path +
                 " is damaged: it says which commit was the last. Restore a backup; or, if only "
                 "this file was " +
                 "damaged, remove it: the store is then taken as it stands"};
  }
  return std::optional<CommitMark>(std::move(mark));
}

Result<CommitMark> CommitMark::create(const std::string& path, Value value) {
  const std::string fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return file_error("make", fresh, errno);
  CommitMark mark(fd, path, value);
  std::string bytes(kSlots * kSlotBytes, '\0');
  bytes.replace((value.commits % kSlots) * kSlotBytes, 32, encode_slot(value));
  QUIPU_TRY(write_all(fd, fresh, bytes, 0));
  if (::fsync(fd) != 0) return file_error("sync", fresh, errno);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return file_error("rename", fresh, errno);
  QUIPU_TRY(sync_folder(parent_of(path)));
  return mark;
}

Status CommitMark::write(Value value) {
  QUIPU_TRY(
      write_all(fd_, path_, encode_slot(value), off_t((value.commits % kSlots) * kSlotBytes)));
  if (::fdatasync(fd_) != 0) return file_error("sync", path_, errno);
  value_ = value;
  return {};
}

CommitMark::CommitMark(CommitMark&& other) noexcept
    : fd_(other.fd_), path_(std::move(other.path_)), value_(other.value_) {
  other.fd_ = -1;
}

CommitMark& CommitMark::operator=(CommitMark&& other) noexcept {
  std::swap(fd_, other.fd_);
  path_.swap(other.path_);
  value_ = other.value_;
  return *this;
}

CommitMark::~CommitMark() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace quipu
