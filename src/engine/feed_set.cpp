#include "engine/feed_set.h"

#include <algorithm>

#include "base/check.h"
#include "base/cpu_clock.h"
#include "base/newlines.h"

namespace quipu {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(100);

}  // namespace

const char* state_name(FeedStatus::State state) {
  using State = FeedStatus::State;
  switch (state) {
    case State::waiting:
      return "waiting";
    case State::reading:
      return "reading";
    case State::pausing:
      return "pausing";
    case State::ended:
      return "ended";
    case State::failed:
      return "failed";
    case State::stopped:
      return "stopped";
  }
  return "";
}

FeedSet::~FeedSet() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  for (Member& member : members_) member.stop.set();
  changed_.notify_all();
  lock.unlock();
  for (Member& member : members_) member.thread.join();
}

Result<uint64_t> FeedSet::attach(std::shared_ptr<Feed> feed) {
  std::lock_guard lock(mutex_);
  forget_ended();
  if (closed_) return Error{"the server is stopping"};
  if (members_.size() >= kMostFeeds)
    return Error{"there are " + std::to_string(kMostFeeds) +
                 " sources already; wait until one has ended (quipu sources)"};
  Member& member = members_.emplace_back();
  member.status.number = ++attached_;
  member.status.name = feed->name();
  member.status.lane = feed->lane();
  member.feed = std::move(feed);
  member.thread = std::thread([this, &member] { read(member); });
  return member.status.number;
}

bool FeedSet::detach(uint64_t number) {
  std::lock_guard lock(mutex_);
  for (Member& member : members_) {
    if (member.status.number != number || member.status.has_ended()) continue;
    member.stop.set();
    changed_.notify_all();
    return true;
  }
  return false;
}

void FeedSet::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (Member& member : members_) {
    if (!member.feed->ends_by_itself()) member.stop.set();
  }
  changed_.notify_all();
}

std::vector<FeedStatus> FeedSet::statuses() const {
  std::lock_guard lock(mutex_);
  std::vector<FeedStatus> statuses(ended_.begin(), ended_.end());
  for (const Member& member : members_) statuses.push_back(member.status);
  return statuses;
}

std::optional<FedBlock> FeedSet::next(const std::function<bool()>& stopping) {
  std::unique_lock lock(mutex_);
  if (given_) {
    given_->given = false;
    given_ = nullptr;
    changed_.notify_all();
  }
  while (!stopping()) {
    if (Member* member = pick()) {
      FedBlock block = std::move(member->blocks.front());
      member->blocks.pop_front();
      member->given = true;
      given_ = member;
      changed_.notify_all();
      return block;
    }
    forget_ended();
    if (closed_ && members_.empty()) break;
    changed_.wait_for(lock, kPoll);
  }
  return std::nullopt;
}

FeedSet::Member* FeedSet::pick() {
  Member *live = nullptr, *history = nullptr;
  for (Member& member : members_) {
    if (member.blocks.empty()) continue;
    if (member.feed->lane() == Lane::history) {
      history = &member;
    } else if (!live || (live->status.number <= last_live_ && member.status.number > last_live_)) {
      live = &member;
    }
  }
  if (!live) {
    history_credit_ = 0;
    return history;
  }
  if (history && history_credit_ >= double(history->blocks.front().block.text.size())) {
    history_credit_ = 0;
    return history;
  }
  if (history)
    history_credit_ +=
        double(live->blocks.front().block.text.size()) * kHistoryShare / (1 - kHistoryShare);
  last_live_ = live->status.number;
  return live;
}

void FeedSet::forget_ended() {
  for (auto it = members_.begin(); it != members_.end();) {
    if (!it->status.has_ended() || !it->blocks.empty() || it->given) {
      ++it;
      continue;
    }
    it->thread.join();  // it has left read(), but for its lock
    ended_.push_back(std::move(it->status));
    if (ended_.size() > kEndedFeeds) ended_.pop_front();
    it = members_.erase(it);
  }
}

// ---- a feed's thread ----

void FeedSet::read(Member& member) {
  name_thread("feed");
  if (!wait_for_turn(member)) return end(member, FeedStatus::State::stopped);
  auto length = std::chrono::milliseconds(kFirstPause);
  bool again = false;
  while (wait_until_taken(member)) {
    auto source = member.feed->open_next(again, member.stop);
    if (source.ok() && !*source) return end(member, FeedStatus::State::ended);
    const uint64_t lines_before = member.status.lines;
    const Status read = source.ok() ? read_source(member, **source) : Status{source.error()};
    if (member.stop.is_set()) break;
    again = !read.ok();
    if (read.ok()) continue;
    if (member.feed->lane() == Lane::history) {
      std::lock_guard lock(mutex_);
      ++member.status.inputs_failed;
      member.status.error = read.error().message;
      if (source.ok()) continue;  // that input failed; others may be good
      break;
    }
    if (member.status.lines != lines_before) length = kFirstPause;
    if (!pause(member, read.error(), length)) break;
    length = std::min<std::chrono::milliseconds>(length * 2, kLongestPause);
  }
  end(member, member.stop.is_set() ? FeedStatus::State::stopped : FeedStatus::State::failed);
}

Status FeedSet::read_source(Member& member, Source& source) {
  const uint64_t bytes_before = member.status.bytes_read;
  {
    std::lock_guard lock(mutex_);
    member.status.state = FeedStatus::State::reading;
    member.status.input = source.name();
    member.status.bytes_total += source.bytes_total();
    if (member.feed->lane() == Lane::live) member.status.error.clear();
  }
  bool anything = false;
  CpuLaps laps;
  std::shared_ptr<const InputInfo> info;
  while (true) {
    QUIPU_ASSIGN(Block block, source.next());
    if (!info || info->name != source.name())
      info = std::make_shared<const InputInfo>(InputInfo{source.name(), source.header()});
    const bool ended = block.text.empty();
    const uint64_t lines =
        block.numbered.empty() ? count_newlines(block.text) : block.numbered.size();
    if (!put(member, {member.feed, std::move(block), info, source.position(), laps.lap_ns()}))
      return Error{"stopped"};
    {
      std::lock_guard lock(mutex_);
      member.status.bytes_read = bytes_before + source.bytes_read();
      member.status.lines += lines;
    }
    if (!ended) {
      anything = true;
      continue;
    }
    note(member, member.feed->said_of_end(source, anything));
    return {};
  }
}

bool FeedSet::put(Member& member, FedBlock block) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return member.stop.is_set() || member.blocks.size() < kFeedBlocks; });
  if (member.stop.is_set()) return false;
  member.blocks.push_back(std::move(block));
  changed_.notify_all();
  return true;
}

bool FeedSet::wait_for_turn(Member& member) {
  if (member.feed->lane() == Lane::live) return true;
  std::unique_lock lock(mutex_);
  const auto is_first = [&] {
    for (const Member& other : members_) {
      if (&other == &member) return true;
      if (other.feed->lane() == Lane::history) return false;
    }
    return true;
  };
  changed_.wait(lock, [&] { return member.stop.is_set() || (!history_ && is_first()); });
  if (member.stop.is_set()) return false;
  history_ = &member;
  return true;
}

bool FeedSet::wait_until_taken(Member& member) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [&] { return member.stop.is_set() || (member.blocks.empty() && !member.given); });
  return !member.stop.is_set();
}

bool FeedSet::pause(Member& member, const Error& error, std::chrono::milliseconds length) {
  std::unique_lock lock(mutex_);
  member.status.state = FeedStatus::State::pausing;
  member.status.error = error.message;
  changed_.wait_for(lock, length, [&] { return member.stop.is_set(); });
  return !member.stop.is_set();
}

void FeedSet::note(Member& member, const std::string& text) {
  if (text.empty()) return;
  std::lock_guard lock(mutex_);
  if (member.status.notes.size() < kFeedNotes)
    member.status.notes.push_back(text);
  else
    ++member.status.notes_left_out;
}

void FeedSet::end(Member& member, FeedStatus::State state) {
  std::unique_lock lock(mutex_);
  // A history's successor begins when all of it is with the engine.
  changed_.wait(lock, [&] { return (member.blocks.empty() && !member.given) || closed_; });
  if (history_ == &member) history_ = nullptr;
  member.status.state = state;
  changed_.notify_all();
}

}  // namespace quipu
