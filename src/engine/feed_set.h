// Sources that are read side by side, for as long as a server runs: each on a thread of its own,
// taken by one reader. Live feeds come before histories; a history that waits beside live blocks
// gets kHistoryShare of the bytes, and all of them when nothing live is there. One history is read
// at a time, the others wait for their turn. What fails in a feed is said in its status and stops
// nothing else: a live feed is opened again, after a pause that doubles from kFirstPause to
// kLongestPause; a history goes on with its next input.
//
// A feed holds kFeedBlocks blocks that are not taken yet. Its next source is opened only when all
// of its blocks are with the engine, so that it goes on behind them. next() is called by one
// thread, everything else by any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/stop_flag.h"
#include "engine/tasks.h"
#include "source/known_inputs.h"
#include "source/source.h"

namespace quipu {

inline constexpr size_t kFeedBlocks = 2;    // of each feed, read and not taken
inline constexpr size_t kMostFeeds = 64;    // that have not ended
inline constexpr size_t kEndedFeeds = 100;  // statuses that are kept
inline constexpr size_t kFeedNotes = 100;   // of a feed's status; more are counted only
inline constexpr double kHistoryShare = 0.25;
inline constexpr auto kFirstPause = std::chrono::milliseconds(500);
inline constexpr auto kLongestPause = std::chrono::seconds(30);

enum class Lane { live, history };

class Feed {
 public:
  virtual ~Feed() = default;
  virtual const std::string& name() const = 0;
  virtual Lane lane() const = 0;
  // Whether it comes to its end by itself once the set is closed (a journal does); otherwise it is
  // stopped then.
  virtual bool ends_by_itself() const = 0;
  // On the feed's thread. The first source, or the one after that before; absent at the end. With
  // `again` the one before failed: a live feed gives it anew.
  virtual Result<std::unique_ptr<Source>> open_next(bool again, const StopFlag& stop) = 0;
  // On the reader's thread: the rows to be committed with a block that ends at the position.
  virtual Result<InputRows> rows_behind(const SourcePosition& position) = 0;
  // What the end of a source means, for the status ("" if there is nothing to say). On the feed's
  // thread.
  virtual std::string said_of_end(const Source& source, bool anything) = 0;
};

struct FeedStatus {
  enum class State { waiting, reading, pausing, ended, failed, stopped };
  uint64_t number = 0;  // from 1
  std::string name;
  Lane lane = Lane::live;
  State state = State::waiting;
  std::string input;               // being read
  std::string error;               // why it pauses or failed
  std::vector<std::string> notes;  // of inputs that ended: what a person should know
  uint64_t notes_left_out = 0;
  uint64_t inputs_failed = 0;
  uint64_t lines = 0;                        // given
  uint64_t bytes_read = 0, bytes_total = 0;  // compressed; total 0: not known
  bool has_ended() const { return state >= State::ended; }
};
const char* state_name(FeedStatus::State state);

// A block with what belongs to it. Without text: a source has ended.
struct FedBlock {
  std::shared_ptr<Feed> feed;
  Block block;
  std::shared_ptr<const InputInfo> info;
  SourcePosition position;  // behind it
  uint64_t cpu_ns = 0;      // to read it
};

class FeedSet {
 public:
  FeedSet() = default;
  ~FeedSet();  // stops what has not ended
  FeedSet(const FeedSet&) = delete;

  // Its number; an error if there are kMostFeeds, or the set is closed.
  Result<uint64_t> attach(std::shared_ptr<Feed> feed);
  // Stops a feed; what was read of it is counted. False: no such feed, or it has ended.
  bool detach(uint64_t number);
  // Takes no more feeds. Those that do not end by themselves are stopped.
  void close();
  std::vector<FeedStatus> statuses() const;

  // The next block, as soon as there is one; what it gave before is with the engine. Nothing once
  // the set is closed and all feeds have ended, or when `stopping` says so.
  std::optional<FedBlock> next(const std::function<bool()>& stopping);

 private:
  struct Member {
    std::shared_ptr<Feed> feed;
    FeedStatus status;
    StopFlag stop;
    std::deque<FedBlock> blocks;
    bool given = false;  // its last block is on its way to the engine
    std::thread thread;
  };
  void read(Member& member);
  Status read_source(Member& member, Source& source);
  bool put(Member& member, FedBlock block);
  bool wait_for_turn(Member& member);
  bool wait_until_taken(Member& member);
  bool pause(Member& member, const Error& error, std::chrono::milliseconds length);
  void note(Member& member, const std::string& text);
  void end(Member& member, FeedStatus::State state);
  Member* pick();       // with mutex_ held
  void forget_ended();  // with mutex_ held

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Member> members_;
  std::deque<FeedStatus> ended_;
  uint64_t attached_ = 0;
  Member* given_ = nullptr;
  Member* history_ = nullptr;  // whose turn it is
  double history_credit_ = 0;  // bytes that a history may give though live blocks are there
  uint64_t last_live_ = 0;     // number of the live feed that gave last: they take turns
  bool closed_ = false;
};

}  // namespace quipu
