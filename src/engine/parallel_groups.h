// A group-by on several threads whose rows come out in key order: workers group pieces ahead into
// buffers, the calling thread hands the buffers' rows to the sink one piece after the other. It
// starts its threads and joins them. Memory: workers are at most kPiecesAhead pieces each ahead of
// the sink, and rows that wait for it have most_bytes together, beside kRowsStep a worker and what
// one row adds.
#pragma once

#include "base/result.h"
#include "cells/group_by.h"

namespace quipu {

inline constexpr size_t kPiecesOfThread =
    8;  // pieces that a group-by is cut into, for each of its threads
inline constexpr size_t kPiecesAhead = 2;  // pieces that may wait for the sink, for each thread
inline constexpr size_t kRowsStep = size_t(256) << 10;  // bytes of rows between looks at the bound

// threads: 1 is the calling thread alone. Adds to cpu_ns what the workers took (not the calling
// thread). `result`: counters are added to. An error of the sink ends it.
Status group_in_parallel(const GroupBy& whole, unsigned threads, size_t most_bytes,
                         const RowSink& sink, GroupByResult& result, uint64_t& cpu_ns);

}  // namespace quipu
