// Files that are followed (followed_file.h), as one live feed: they take turns, so that the store's
// knowledge of inputs is used by one thread at a time, and a file that several paths lead to is
// read once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/feed_set.h"
#include "engine/followed_file.h"

namespace quipu {

inline constexpr size_t kMostFollowed = 64;  // paths
inline constexpr auto kFollowPoll = std::chrono::milliseconds(200);

class FollowFeed : public Feed {
 public:
  // Of the wiring is_held is set here.
  FollowFeed(const std::vector<std::string>& paths, FollowWiring wiring,
             std::unique_ptr<FirstLines> first_lines);
  Status note_followed(InputRows& rows);  // see FollowedFile
  const std::string& name() const override { return name_; }
  Lane lane() const override { return Lane::live; }
  bool ends_by_itself() const override { return false; }
  Result<std::unique_ptr<Source>> open_next(bool again, const StopFlag& stop) override;
  Result<InputRows> rows_behind(const SourcePosition& position) override;
  std::string said_of_end(const Source&, bool) override { return ""; }

 private:
  const std::string name_;
  const std::unique_ptr<FirstLines> first_lines_;
  FollowWiring wiring_;
  std::vector<std::unique_ptr<FollowedFile>> files_;
  size_t next_ = 0;  // whose turn it is
};

}  // namespace quipu
