// What doors took in, durable before it is acknowledged: an append-only log of lines in segments
// (segments.h has the format). One process opens a journal: the one that holds the store's lock.
//
// append() may be called from any thread and waits for nothing. One writer thread takes all that
// came while the last group was synced, writes it as one frame, syncs it, and then calls the
// `done` of each append, in order, on its own thread: they must be short. Bytes in flight
// (appended, not yet done) are bounded by kMaxJournalInFlight; beyond, append() says `full`. A
// group that cannot be written or synced is cut off again and its appends are told so: the journal
// goes on. If it cannot be cut off either, the journal has failed and takes nothing, and tries
// again every second.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/stop_flag.h"

namespace quipu {

inline constexpr size_t kMaxJournalInFlight = size_t(64) << 20;  // bytes of lines
inline constexpr size_t kMaxGroupBytes = size_t(8) << 20;        // of a frame, decompressed; one
                                                                 // append may be longer
inline constexpr size_t kSegmentBytes = size_t(32) << 20;  // compressed; then a new one begins

struct JournalOptions {
  size_t segment_bytes = kSegmentBytes;
  size_t max_in_flight = kMaxJournalInFlight;
};

class Journal {
 public:
  enum class Took : uint8_t { yes, full, closed };
  using Done = std::function<void(const Status&)>;
  // How far it is durable, and where the file that grows stands.
  struct Durable {
    uint64_t end = 0;            // offset behind the last durable byte
    uint64_t segment_begin = 0;  // of the last segment
    uint64_t segment_bytes = 0;  // of its file
    bool closed = false;         // nothing more will come
  };

  // Makes the folder if there is none, cuts a torn tail off the last segment. `at_least`: how far
  // the journal was committed; one that ends before it lost what was counted: an error.
  static Result<std::unique_ptr<Journal>> open(const std::string& folder, uint64_t at_least,
                                               const JournalOptions& options = {});
  ~Journal();

  // Whole lines, each with its newline; not empty. `done` is called exactly once if it was taken.
  Took append(std::string lines, Done done);
  // Takes no more; returns when all that was taken is done.
  void close();

  const std::string& folder() const { return folder_; }
  Durable durable() const;
  Status failed() const;     // why nothing can be taken now
  size_t in_flight() const;  // bytes of lines that are not done
  // Waits until something is durable beyond the offset, or nothing more will come, or `stop` is
  // set (looked at every kStopPoll).
  Durable wait_beyond(uint64_t offset, const StopFlag* stop) const;
  // Removes the segments that end at or before the offset and were last written so many seconds
  // ago; never the last one, nor one behind a segment that stays.
  Status drop_before(uint64_t offset, int64_t age_s = 0);

 private:
  struct Waiting {
    std::string lines;
    Done done;
  };
  Journal(std::string folder, const JournalOptions& options);
  Status resume(uint64_t at_least);
  void run();
  std::vector<Waiting> next_group(std::string& lines);
  Status write_group(const std::string& lines);
  Status begin_segment();
  Status mend();

  const std::string folder_;
  const JournalOptions options_;
  int folder_fd_ = -1;
  int fd_ = -1;  // of the last segment; the writer's alone once it runs
  mutable std::mutex mutex_;
  std::condition_variable work_;             // for the writer: there is something to do
  mutable std::condition_variable changed_;  // for readers: durable_ has changed
  std::deque<Waiting> waiting_;
  size_t in_flight_ = 0;
  bool closing_ = false;
  Status failed_;
  Durable durable_;
  std::thread writer_;
};

}  // namespace quipu
