#include "journal/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

#include "base/cpu_clock.h"
#include "base/fault.h"
#include "base/files.h"
#include "journal/segments.h"

namespace quipu {
namespace {

constexpr auto kStopPoll = std::chrono::milliseconds(20);
constexpr auto kMendPause = std::chrono::seconds(1);

std::string system_error() { return std::strerror(errno); }

}  // namespace

Journal::Journal(std::string folder, const JournalOptions& options)
    : folder_(std::move(folder)), options_(options) {}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& folder, uint64_t at_least,
                                               const JournalOptions& options) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return Error{folder + ": cannot be made: " + system_error()};
  QUIPU_TRY(sync_folder(std::filesystem::path(folder).parent_path().string()));
  std::unique_ptr<Journal> journal(new Journal(folder, options));
  journal->folder_fd_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (journal->folder_fd_ < 0) return Error{folder + ": cannot be opened: " + system_error()};
  QUIPU_TRY(journal->resume(at_least));
  journal->writer_ = std::thread([raw = journal.get()] { raw->run(); });
  return journal;
}

// Finds the end of what is durable. What lies behind it is cut off.
Status Journal::resume(uint64_t at_least) {
  durable_.end = durable_.segment_begin = at_least;
  QUIPU_ASSIGN(auto segments, list_segments(folder_));
  while (!segments.empty()) {
    const JournalSegment last = segments.back();
    QUIPU_ASSIGN(const SegmentExtent extent, measure_segment(last.path));
    durable_ = {last.begin + extent.content, last.begin, extent.whole_bytes, false};
    if (extent.whole_bytes == 0) {  // its first frame is torn
      segments.pop_back();
      if (::unlink(last.path.c_str()) != 0)
        return Error{last.path + ": cannot be removed: " + system_error()};
      QUIPU_TRY(sync_folder(folder_));
      continue;
    }
    fd_ = ::open(last.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd_ < 0) return Error{last.path + ": cannot be opened: " + system_error()};
    if (extent.whole_bytes < extent.file_bytes && ::ftruncate(fd_, off_t(extent.whole_bytes)) != 0)
      return Error{last.path + ": its torn end cannot be cut off: " + system_error()};
    // What a process wrote that ended before it synced is given out from here on.
    if (::fdatasync(fd_) != 0)
      return Error{last.path + ": cannot be made durable: " + system_error()};
    break;
  }
  QUIPU_TRY(sync_folder(folder_));
  if (durable_.end < at_least) {
    return Error{folder_ + ": ends at " + std::to_string(durable_.end) + ", but " +
                 std::to_string(at_least) + " bytes of it were counted; restore its files"};
  }
  return {};
}

Journal::~Journal() {
  close();
  if (fd_ >= 0) ::close(fd_);
  if (folder_fd_ >= 0) ::close(folder_fd_);
}

Journal::Took Journal::append(std::string lines, Done done) {
  CHECK(!lines.empty() && lines.back() == '\n');
  std::lock_guard lock(mutex_);
  if (closing_ || !failed_.ok()) return Took::closed;
  if (in_flight_ + lines.size() > options_.max_in_flight) return Took::full;
  in_flight_ += lines.size();
  waiting_.push_back({std::move(lines), std::move(done)});
  if (waiting_.size() == 1) work_.notify_one();  // else it is awake, or was just woken
  return Took::yes;
}

void Journal::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_.notify_one();
  if (writer_.joinable()) writer_.join();
}

Journal::Durable Journal::durable() const {
  std::lock_guard lock(mutex_);
  return durable_;
}

Status Journal::failed() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

size_t Journal::in_flight() const {
  std::lock_guard lock(mutex_);
  return in_flight_;
}

Journal::Durable Journal::wait_beyond(uint64_t offset, const StopFlag* stop) const {
  std::unique_lock lock(mutex_);
  while (durable_.end <= offset && !durable_.closed && !(stop && stop->is_set()))
    changed_.wait_for(lock, kStopPoll);
  return durable_;
}

// What came while the last group was written; empty: nothing more will.
std::vector<Journal::Waiting> Journal::next_group(std::string& lines) {
  std::vector<Waiting> group;
  std::unique_lock lock(mutex_);
  while (waiting_.empty() && !closing_) {
    if (failed_.ok()) {
      work_.wait(lock);
      continue;
    }
    work_.wait_for(lock, kMendPause);
    lock.unlock();
    Status mended = mend();
    lock.lock();
    failed_ = mended;
  }
  while (!waiting_.empty() &&
         (group.empty() || lines.size() + waiting_.front().lines.size() <= kMaxGroupBytes)) {
    lines += waiting_.front().lines;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return group;
}

void Journal::run() {
  name_thread("journal");
  while (true) {
    std::string lines;
    std::vector<Waiting> group = next_group(lines);
    Status status = failed();
    Status mended = status;
    if (!group.empty() && status.ok()) {
      status = write_group(lines);
      if (!status.ok()) mended = mend();
    }
    {
      std::lock_guard lock(mutex_);
      failed_ = mended;
      in_flight_ -= lines.size();
      durable_.closed = group.empty();
    }
    changed_.notify_all();
    if (group.empty()) return;
    for (Waiting& one : group) one.done(status);
  }
}

Status Journal::begin_segment() {
  const uint64_t begin = durable_.end;
  const std::string path = segment_path(folder_, begin);
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Error{path + ": cannot be made: " + system_error()};
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  std::lock_guard lock(mutex_);
  durable_.segment_begin = begin;
  durable_.segment_bytes = 0;
  return {};
}

// After a write or a sync that failed: takes back what may have got there, so that the next frame
// follows the last durable one, and nothing is counted that was refused.
Status Journal::mend() {
  if (fd_ < 0) return {};
  const std::string path = segment_path(folder_, durable_.segment_begin);
  if (durable_.segment_bytes == 0) {  // no segment is empty: the next group makes it anew
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return Error{path + ": cannot be removed: " + system_error()};
    ::close(std::exchange(fd_, -1));
    return sync_folder(folder_);
  }
  if (::ftruncate(fd_, off_t(durable_.segment_bytes)) != 0 || ::fdatasync(fd_) != 0)
    return Error{path + ": cannot be made durable: " + system_error()};
  return {};
}

Status Journal::write_group(const std::string& lines) {
  QUIPU_ASSIGN(const std::string frame, compress_frame(lines));
  if (fd_ < 0 || durable_.segment_bytes >= options_.segment_bytes) QUIPU_TRY(begin_segment());
  const bool fresh = durable_.segment_bytes == 0;
  if (!write_all(fd_, frame)) {
    const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return Error{folder_ + ": cannot be written: " + system_error() + (full ? "; make room" : "")};
  }
  fault_point("journal.written");
  if (::fdatasync(fd_) != 0 || (fresh && ::fsync(folder_fd_) != 0))
    return Error{folder_ + ": cannot be made durable: " + system_error()};
  fault_point("journal.synced");
  std::lock_guard lock(mutex_);
  durable_.end += lines.size();
  durable_.segment_bytes += frame.size();
  return {};
}

Status Journal::drop_before(uint64_t offset, int64_t age_s) {
  QUIPU_ASSIGN(const auto segments, list_segments(folder_));
  for (size_t i = 0; i + 1 < segments.size() && segments[i + 1].begin <= offset; ++i) {
    if (segments[i + 1].begin > durable().end) break;
    struct stat info {};
    if (age_s > 0 && ::stat(segments[i].path.c_str(), &info) == 0 &&
        info.st_mtim.tv_sec > ::time(nullptr) - age_s)
      break;
    if (::unlink(segments[i].path.c_str()) != 0 && errno != ENOENT)
      return Error{segments[i].path + ": cannot be removed: " + system_error()};
  }
  return {};
}

}  // namespace quipu
