// Logs what goes wrong with the sources of a server, as it begins and ends. One thread.
#pragma once

#include <map>
#include <string>

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
  std::map<uint64_t, std::string> errors_;  // by source, as told
};

}  // namespace quipu
