// The process's heap. Called by main() before any thread.
#pragma once

namespace quipu {

// Memory budgets count what is in use, so what is freed has to leave the process: blocks of kMappedBlockBytes and
// more come from the system one by one. Left to itself glibc raises that limit to 32 MiB when such blocks are freed,
// and keeps their place in the heaps of the threads.
inline constexpr int kMappedBlockBytes = 2 << 20;
void keep_heap_small();

}  // namespace quipu
