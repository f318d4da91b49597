#include "engine/follow_feed.h"

#include <poll.h>

#include <algorithm>

namespace quipu {

FollowFeed::FollowFeed(const std::vector<std::string>& paths, FollowWiring wiring,
                       std::unique_ptr<FirstLines> first_lines)
    : name_("followed files"), first_lines_(std::move(first_lines)), wiring_(std::move(wiring)) {
  wiring_.first_lines = first_lines_.get();
  wiring_.is_held = [this](const FileId& id) {
    return std::any_of(files_.begin(), files_.end(),
                       [&](const auto& file) { return file->holds(id); });
  };
  for (const std::string& path : paths)
    files_.push_back(std::make_unique<FollowedFile>(path, wiring_));
}

Status FollowFeed::note_followed(InputRows& rows) {
  for (const auto& file : files_) QUIPU_TRY(file->note_followed(rows));
  return {};
}

Result<std::unique_ptr<Source>> FollowFeed::open_next(bool, const StopFlag& stop) {
  wiring_.source_options.stop = &stop;
  while (!stop.is_set()) {
    for (size_t looked = 0; looked < files_.size() && !stop.is_set(); ++looked) {
      FollowedFile& file = *files_[next_];
      next_ = (next_ + 1) % files_.size();
      if (auto turn = file.next_turn()) return turn;
    }
    pollfd waited{stop.descriptor(), POLLIN, 0};
    ::poll(&waited, 1, int(kFollowPoll.count()));
  }
  return Error{"stopped"};
}

Result<InputRows> FollowFeed::rows_behind(const SourcePosition& position) {
  InputRows rows;
  // Of a file that has no whole line yet there is nothing to know.
  if (position.bytes > 0) QUIPU_TRY(wiring_.known->note(position, rows));
  return rows;
}

}  // namespace quipu
