#include "base/heap.h"

#include <malloc.h>

namespace quipu {

void keep_heap_small() { mallopt(M_MMAP_THRESHOLD, kMappedBlockBytes); }

void trim_heap() { malloc_trim(0); }

}  // namespace quipu
