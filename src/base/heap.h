// The process's heap: jemalloc, unless it was built with a sanitizer.
#pragma once

namespace quipu {

// Memory budgets count what is in use, so what is freed has to leave the process: within kKeptMs,
// by a thread of jemalloc's own. Called by main() before any thread.
inline constexpr long kKeptMs = 2000;
void keep_heap_small();

}  // namespace quipu
