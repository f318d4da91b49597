#include "http/intake.h"

#include <sys/statvfs.h>

namespace quipu {
namespace {

// What became durable within so long is one entry; a second once there are many.
constexpr auto kFreshStep = std::chrono::milliseconds(10);
constexpr auto kCoarseStep = std::chrono::seconds(1);
constexpr size_t kFineEntries = 4096, kMostEntries = 65'536;

}  // namespace

Intake::Intake(Journal& journal, ServerMetrics& metrics, IntakeLimits limits)
    : journal_(journal),
      metrics_(metrics),
      limits_(std::move(limits)),
      rates_(limits_.rates),
      last_end_(journal.durable().end),
      settled_(last_end_) {
  each_second();
}

uint64_t Intake::behind_bytes() const {
  const uint64_t end = journal_.durable().end, counted = counted_.offset();
  return end > counted ? end - counted : 0;
}

std::optional<Response> Intake::refusal(const std::string& key) {
  if (const int wait_s = rates_.wait_s(key, Clock::now()); wait_s > 0)
    return error_response(429, "this key sends more events than it may", wait_s);
  if (const std::string_view why = obstacle(); !why.empty())
    return error_response(503, why, kBehindRetry_s);
  return std::nullopt;
}

std::string_view Intake::obstacle() const {
  if (!journal_.failed().ok()) return "the journal cannot be written now";
  if (disk_full_) return "the server's disk is nearly full";
  if (behind_bytes() > limits_.behind_bytes) return "counting is behind";
  return {};
}

std::optional<Response> Intake::append(IntakeBatch batch, Done done) {
  if (auto refused = refusal(batch.key)) return refused;
  const std::string key = batch.key;
  const uint64_t events = batch.events;
  std::string lines = std::move(batch.lines);
  const auto took = journal_.append(
      std::move(lines),
      [this, batch = std::move(batch), done = std::move(done)](const Status& status) {
        const uint64_t end = journal_.durable().end;  // of this frame: the next one waits for us
        if (status.ok()) durable(batch, end);
        note(status);
        done(status, end);
        if (end != last_end_) settled_ = std::exchange(last_end_, end);
      });
  if (took == Journal::Took::full) return error_response(503, "too much is on its way");
  if (took == Journal::Took::closed) {
    const std::string_view why = obstacle();
    return error_response(503, why.empty() ? "the server is stopping" : why);
  }
  rates_.charge(key, events, Clock::now());
  return std::nullopt;
}

void Intake::note(const Status& status) {
  std::lock_guard lock(fresh_mutex_);
  written_ = status;
}

Status Intake::written() const {
  std::lock_guard lock(fresh_mutex_);
  return written_;
}

void Intake::durable(const IntakeBatch& batch, uint64_t end) {
  metrics_.accepted(batch.door, batch.events);
  const auto now = Clock::now();
  std::lock_guard lock(fresh_mutex_);
  const bool joins =
      !fresh_.empty() &&
      (fresh_.size() >= kMostEntries ||
       now - fresh_.back().since <
           (fresh_.size() < kFineEntries ? kFreshStep : Clock::duration(kCoarseStep)));
  if (!joins) {
    fresh_.push_back({end, now, batch.events});
    return;
  }
  fresh_.back().end = end;
  fresh_.back().events += batch.events;
}

void Intake::counted_to(uint64_t offset) {
  const auto now = Clock::now();
  {
    std::lock_guard lock(fresh_mutex_);
    for (; !fresh_.empty() && fresh_.front().end <= offset; fresh_.pop_front()) {
      const double seconds = std::chrono::duration<double>(now - fresh_.front().since).count();
      metrics_.fresh(seconds, fresh_.front().events);
    }
  }
  counted_.advance(offset);
}

void Intake::each_second() {
  counted_.expire(Clock::now());
  struct statvfs disk {};
  disk_full_ = ::statvfs(journal_.folder().c_str(), &disk) == 0 &&
               uint64_t(disk.f_bavail) * disk.f_frsize < limits_.free_bytes;
}

}  // namespace quipu
