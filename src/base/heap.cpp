#include "base/heap.h"

#include <malloc.h>

namespace quipu {

void keep_heap_small() { mallopt(M_MMAP_THRESHOLD, kMappedBlockBytes); }

}  // namespace quipu
