// Logs how the sources of a server fail, are read again, and end. One thread.
#pragma once

#include <map>

#include "cli/log.h"
#include "engine/feed_set.h"

namespace quipu {

class FeedWatch {
 public:
  FeedWatch(const FeedSet& feeds, const Log& log) : feeds_(feeds), log_(log) {}
  // To be called now and then: what came and went in between is not told.
  void look();

 private:
  const FeedSet& feeds_;
  const Log& log_;
  std::map<uint64_t, FeedStatus> told_;  // of sources, by number: what was logged last
};

}  // namespace quipu
