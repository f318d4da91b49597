#include "answers/watchers.h"

#include "answers/read_answers.h"
#include "base/cpu_clock.h"
#include "http/hex_digest.h"

namespace quipu {
namespace {

// Of an answer without the checkpoint that it is as of.
std::string digest_of(const std::string& body) {
  constexpr std::string_view kAsOf = "\"as_of\":{";
  const size_t begin = body.find(kAsOf);
  if (begin == std::string::npos) return sha256_hex(body);
  const size_t end = body.find('}', begin);
  return sha256_hex(body.substr(0, begin) + body.substr(end));
}

// The body is one line.
std::string event_of(const std::string& name, const std::string& body) {
  return "event: " + name + "\ndata: " + body + "\n";
}

}  // namespace

Watchers::Watchers(Engine& engine) : engine_(engine), thread_([this] { run(); }) {}

Watchers::~Watchers() { close(); }

void Watchers::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Watchers::add(ReadRequest asked, const Response& first, std::shared_ptr<EventStream> stream) {
  std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [](const Watcher& w) { return w.stream->is_closed(); });
  if (closing_ || watchers_.size() + looked_at_ >= kMaxWatchers) return false;
  stream->offer(event_of("answer", first.body));
  watchers_.push_back({std::move(asked), std::move(stream), digest_of(first.body)});
  return true;
}

void Watchers::look(PreparedView& prepared, Watcher& watcher) {
  auto view = prepared.now();
  if (!view.ok() || !*view) return;
  const Response told = read_answer(prepared, **view, kept_, watcher.asked);
  std::string digest = digest_of(told.body);
  if (digest == watcher.seen) return;
  watcher.seen = std::move(digest);
  watcher.stream->offer(event_of(told.status == 200 ? "answer" : "error", told.body));
}

void Watchers::run() {
  name_thread("watchers");
  PreparedView prepared(engine_);
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (!closing_) {
    changed_.wait_for(lock, kWatchPause, [this] { return closing_; });
    std::erase_if(watchers_, [](const Watcher& w) { return w.stream->is_closed(); });
    const uint64_t checkpoint = engine_.store().committed().checkpoint;
    if (closing_ || watchers_.empty() || checkpoint == seen) {
      if (prepared.holds()) prepared.release();
      continue;
    }
    seen = checkpoint;
    // They are looked at without the lock; those that come meanwhile have just been answered.
    std::list<Watcher> now;
    looked_at_ = watchers_.size();
    now.swap(watchers_);
    lock.unlock();
    for (Watcher& watcher : now) {
      if (!watcher.stream->is_closed()) look(prepared, watcher);
    }
    lock.lock();
    watchers_.splice(watchers_.begin(), now);
    looked_at_ = 0;
  }
}

}  // namespace quipu
