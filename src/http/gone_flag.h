// Whether the client that a request came from is gone, so that nobody waits for its answer any
// more. The door sets it, once; whoever works on the answer looks at it, on any thread.
#pragma once

#include <atomic>
#include <memory>

namespace quipu {

using GoneFlag = std::shared_ptr<const std::atomic<bool>>;  // nullptr: nobody would know

inline bool is_gone(const GoneFlag& flag) { return flag && *flag; }

}  // namespace quipu
