// What /v1/status tells of a running server, as members of a JSON object (docs/serving.md). Any
// thread; engine, intake and feeds outlive the call.
#pragma once

#include <string>

#include "engine/engine.h"
#include "engine/feed_set.h"
#include "http/intake.h"

namespace quipu {

inline constexpr size_t kDeadReasonsShown = 20;
inline constexpr size_t kDeadExamples = 3;           // of a reason
inline constexpr size_t kDeadExampleBytes = 200;     // of each
inline constexpr uint64_t kDeadBytesRead = 4 << 20;  // the newest of the dead-letter file

// Each member begins with a comma. `all`: also what is of all tenants.
std::string status_members(bool all, const Engine& engine, const Intake& intake,
                           const FeedSet& feeds);

}  // namespace quipu
