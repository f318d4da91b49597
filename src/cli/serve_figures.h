// The figures of GET /metrics that the engine, its store and the process keep. Any thread.
#pragma once

#include <vector>

#include "engine/engine.h"
#include "engine/feed_set.h"
#include "http/server_metrics.h"

namespace quipu {

void read_engine_figures(const Engine& engine, std::vector<Reading>& readings);
void read_feed_figures(const FeedSet& feeds, std::vector<Reading>& readings);
void read_process_figures(std::vector<Reading>& readings);

}  // namespace quipu
