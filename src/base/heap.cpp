#include "base/heap.h"

#include "base/check.h"

#ifdef QUIPU_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

namespace quipu {

void keep_heap_small() {
#ifdef QUIPU_JEMALLOC
  ssize_t kept_ms = kKeptMs;
  bool on = true;
  // Of arenas to come, of the one that is there, and by a thread, so that it does not wait for the
  // next allocation.
  CHECK(mallctl("arenas.dirty_decay_ms", nullptr, nullptr, &kept_ms, sizeof kept_ms) == 0);
  CHECK(mallctl("arena.0.dirty_decay_ms", nullptr, nullptr, &kept_ms, sizeof kept_ms) == 0);
  CHECK(mallctl("background_thread", nullptr, nullptr, &on, sizeof on) == 0);
#endif
}

}  // namespace quipu
