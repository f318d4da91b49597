#include "cli/feed_watch.h"

namespace quipu {

void FeedWatch::look() {
  std::map<uint64_t, FeedStatus> now;
  for (FeedStatus& status : feeds_.statuses()) {
    const FeedStatus& told = told_[status.number];
    const bool live = status.lane == Lane::live;
    const auto say = [&](LogLevel level, std::string_view event, const std::string& message) {
      log_.write(level, event, status.name + message,
                 {{"source", status.name},
                  {"number", std::to_string(status.number)},
                  {"lines", std::to_string(status.lines)},
                  {"error", status.error}});
    };
    if (!status.error.empty() && status.error != told.error)
      say(LogLevel::error, "source_failed",
          ": " + status.error + (live ? "; it is tried again" : ""));
    else if (status.error.empty() && !told.error.empty())
      say(LogLevel::info, "source_reads", " is read again");
    if (!live && status.has_ended() && !told.has_ended())
      say(LogLevel::info, "source_ended",
          std::string(": ") + state_name(status.state) + " after " + std::to_string(status.lines) +
              " lines");
    now[status.number] = std::move(status);
  }
  told_ = std::move(now);
}

}  // namespace quipu
