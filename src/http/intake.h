// The way of every door to the journal. Says when nothing may come in (a key's rate, counting that
// is behind, a disk that is nearly full), appends, and follows what was appended until it is
// counted. refusal(), append() and each_second() belong to the door's thread, counted_to() to the
// checkpointer's; the rest is thread-safe. The journal and the metrics outlive it, and the journal
// is closed before it goes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "http/counted_position.h"
#include "http/rate_limit.h"
#include "http/response.h"
#include "http/server_metrics.h"
#include "journal/journal.h"

namespace quipu {

inline constexpr uint64_t kMaxBehindBytes = uint64_t(1) << 30;    // of the journal, not yet counted
inline constexpr uint64_t kLeastFreeBytes = uint64_t(128) << 20;  // of the disk
inline constexpr int kBehindRetry_s = 5;                          // Retry-After of both

struct IntakeLimits {
  Rates rates;
  uint64_t behind_bytes = kMaxBehindBytes;
  uint64_t free_bytes = kLeastFreeBytes;
};

// What one request brings.
struct IntakeBatch {
  std::string key;                 // the API key's id
  std::string_view door = "http";  // a text that stays
  std::string lines;               // of the journal, whole
  uint64_t events = 0;
};

class Intake {
 public:
  using Clock = std::chrono::steady_clock;
  // On the journal's thread: `end` is the offset behind the batch's frame.
  using Done = std::function<void(const Status&, uint64_t end)>;

  Intake(Journal& journal, ServerMetrics& metrics, IntakeLimits limits);

  // Why a request of this key cannot be taken now: 429 or 503. Nothing: it can.
  std::optional<Response> refusal(const std::string& key);
  // The same, or `done` is called once, when the batch is durable or has failed.
  std::optional<Response> append(IntakeBatch batch, Done done);
  void each_second();
  // What keeps everybody's events out now; empty: nothing.
  std::string_view obstacle() const;
  Status written() const;  // how the last batch fared

  void counted_to(uint64_t offset);
  CountedPosition& counted() { return counted_; }
  const Journal& journal() const { return journal_; }
  uint64_t behind_bytes() const;
  // Every append whose lines stand before this offset has had its `done`.
  uint64_t settled() const { return settled_; }

 private:
  // Events that were durable at about one time and are not counted yet.
  struct Fresh {
    uint64_t end;  // offset behind them
    Clock::time_point since;
    uint64_t events;
  };
  void durable(const IntakeBatch& batch, uint64_t end);
  void note(const Status& status);

  Journal& journal_;
  ServerMetrics& metrics_;
  const IntakeLimits limits_;
  RateLimit rates_;
  CountedPosition counted_;
  bool disk_full_ = false;
  uint64_t last_end_ = 0;  // the journal's thread's
  std::atomic<uint64_t> settled_{0};
  mutable std::mutex fresh_mutex_;
  Status written_;
  std::deque<Fresh> fresh_;
};

}  // namespace quipu
