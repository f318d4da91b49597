// One path that is followed as its file grows and is rotated. The file is held open under whatever
// name; what is new in it is given out in turns, each a source that ends where the file ends now.
//
// What is seen at the path                     what is done
//   nothing                                    it is waited for; the held file is read on
//   the held file, longer                      a turn
//   another file, the held one has a name yet  a rotation: the held file is read to its end, then
//                                              those that came and went in between, then the new
//   another file, the held one was removed     the new one is what its text says
//   the held file does not go on from what     it was cut short, or quipu was down: the file that
//   was counted of the path                    goes on from that is looked for among the rotated
//                                              ones, and read first, with those that came since
//
// A rotated file is read on while others write to it: the last kKeptRotated of them, those that
// were removed for kRemovedQuiet. A line without newline is waited for; the last one of a rotated
// file is taken as `run` does. Nothing depends on what is remembered here: where to go on in a file
// is what the store knows of its content (known_inputs.h), so a kill at any time costs nothing.
//
// One thread. Trouble is said, once, and tried again after a pause; it is never an error of the
// source, so that it stops nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stop_flag.h"
#include "engine/first_lines.h"
#include "source/held_file.h"
#include "source/known_inputs.h"
#include "source/rotated_files.h"

namespace quipu {

inline constexpr size_t kKeptRotated = 4;  // of a path, read to their end
inline constexpr auto kRemovedQuiet = std::chrono::seconds(5);
inline constexpr uint64_t kTurnBytes = 64 << 20;  // then it is another file's turn
inline constexpr auto kRestWait = std::chrono::milliseconds(1200);  // before a file is missed
inline constexpr auto kFirstRetry = std::chrono::milliseconds(400);
inline constexpr auto kLongestRetry = std::chrono::seconds(5);

class FollowedFile;

// All of it outlives the files.
struct FollowWiring {
  KnownInputs* known;
  FirstLines* first_lines;  // absent: first lines are not judged
  SourceOptions source_options;
  int64_t committed_s;  // when the store was committed last, before this process; 0: never
  std::function<void(const std::string&)> say;
  std::function<bool(const FileId&)> is_held;  // by any of the paths that are followed
};

class FollowedFile {
 public:
  FollowedFile(std::string path, const FollowWiring& wiring);

  // Before the first turn: that the path is followed from now on, where that is new to the store.
  Status note_followed(InputRows& rows);

  // A source for what is new, once; nullptr if nothing is. It ends before this is called again.
  std::unique_ptr<Source> next_turn();
  bool holds(const FileId& id) const;
  const std::string& path() const { return path_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Retry {
    std::string said;
    std::chrono::milliseconds pause{0};
    Clock::time_point at{};
  };
  struct Held {
    std::shared_ptr<HeldFile> file;
    FileId id;
    uint64_t content = 0;  // what it is known as; 0: not known yet
    bool is_new = false;   // it is the begin of a content, whatever its text looks like
    FileState seen;        // when all of it had been read
    bool settled = false;  // what changed since then has another time
    bool left = false;     // it is another's, or was spoiled
    Clock::time_point read_at{};
    uint64_t unfinished_line = 0;
    Retry retry;
  };
  // The file that goes on from a content, while it is looked for.
  struct Search {
    uint64_t content;
    int64_t since_ns;  // what changed since then came after it, if it is not found
    Clock::time_point until = Clock::now() + kRestWait;
    Clock::time_point next_look{};
  };
  class Turn;

  void look_at_path();
  Status begin(std::shared_ptr<HeldFile> file, const FileState& state);
  Status begin_without_file();
  void hold_late_files();
  Status rotate(std::shared_ptr<HeldFile> file, const FileState& state);
  void hold_rotated_since(int64_t since_ns);
  void look_for_rest();
  bool find_rest(bool last_look, std::vector<std::shared_ptr<Held>>& since);
  void miss_rest(const std::vector<std::shared_ptr<Held>>& since);
  std::vector<RotatedFile> rotated_files();
  std::shared_ptr<Held> hold_rotated(const RotatedFile& rotated, uint64_t content, Status& trouble);
  void take_rotated(std::vector<std::shared_ptr<Held>> files);
  std::unique_ptr<Source> turn_of(const std::shared_ptr<Held>& held);
  Result<std::unique_ptr<Source>> open(const Held& held, bool at_path);
  void drop_rotated();
  void drop(const Held& held, bool read);
  std::string name_of(const Held& held) const;
  void trouble(Retry& retry, const Error& error);
  void works(Retry& retry, const std::string& name);

  const std::string path_, key_;
  const FollowWiring& wiring_;
  std::shared_ptr<Held> current_;              // what is, or was last, at the path
  std::deque<std::shared_ptr<Held>> rotated_;  // the oldest first
  std::optional<Search> search_;
  bool begun_ = false;         // the path was looked at
  bool was_known_ = true;      // or its first lines were good
  int64_t followed_ns_ = 0;    // since when, by an earlier process that counted nothing of it
  int64_t looked_ns_ = 0;      // when it was last seen what stands at the path
  Retry retry_;                // of the path
  std::string listing_error_;  // said
};

}  // namespace quipu
