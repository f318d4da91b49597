// The journal of a running server as a Source: its lines from a position on, as they become
// durable. next() waits for more; at the journal's end, once it is closed, it gives an empty block,
// and after the stop flag is set an error. The position counts the journal's decompressed bytes
// from its very beginning, under the path kJournalPath; a segment's name tells its offset. One
// thread; the journal outlives it.
#pragma once

#include <memory>

#include "source/feed.h"

namespace quipu {

class Journal;

inline constexpr char kJournalPath[] = "journal:";  // the key of its position

// An error if the journal does not hold what follows the position any more.
Result<std::unique_ptr<Source>> open_journal(const Journal& journal, const FeedPositions& positions,
                                             const SourceOptions& options);

// From a place on that is the begin of a line.
Result<std::unique_ptr<Source>> open_journal_at(const Journal& journal, uint64_t bytes,
                                                const SourceOptions& options);

}  // namespace quipu
