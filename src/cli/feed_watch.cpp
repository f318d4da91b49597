#include "cli/feed_watch.h"

namespace quipu {

void FeedWatch::look() {
  for (const FeedStatus& status : feeds_.statuses()) {
    std::string& told = errors_[status.number];
    if (status.error == told) continue;
    if (!status.error.empty()) {
      const bool again = status.lane == Lane::live;
      log_.write(LogLevel::error, "source_failed",
                 status.name + ": " + status.error + (again ? "; it is tried again" : ""),
                 {{"source", status.name}, {"error", status.error}});
    } else {
      log_.write(LogLevel::info, "source_reads", status.name + " is read again",
                 {{"source", status.name}});
    }
    told = status.error;
  }
}

}  // namespace quipu
