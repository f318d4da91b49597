// The process's heap.
#pragma once

namespace quipu {

// Memory budgets count what is in use, so what is freed has to leave the process: blocks of kMappedBlockBytes and
// more come from the system one by one. Left to itself glibc raises that limit to 32 MiB when such blocks are freed,
// and keeps their place in the heaps of the threads. Called by main() before any thread.
inline constexpr int kMappedBlockBytes = 2 << 20;
void keep_heap_small();

// Gives back to the system the free pages between blocks in use. Threads that read keep what they read in a common
// cache, which frees it in any order, so their heaps come to be mostly holes. Takes milliseconds, in which threads may
// wait for their heaps. Any thread.
void trim_heap();

}  // namespace quipu
