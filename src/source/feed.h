// A feed is a Source that knows its place by itself (an offset, not its content) and may never end:
// a server's journal, Kafka's partitions. It may consist of parts with a place each; then every
// block is of one part, and position() and name() are those of the block that was given last.
// position().path is the key under which the store keeps the part's place, content is 0, bytes say
// where to go on, lines how many records were given. next() waits for more until
// SourceOptions::stop is set; then it gives an error. After another error the feed is opened anew,
// from what the store has then.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "source/source.h"

namespace quipu {

// How far a part was counted, committed or on its way to be. Any thread.
using FeedPositions = std::function<Result<std::optional<SourcePosition>>(const std::string& key)>;
using OpenFeed = std::function<Result<std::unique_ptr<Source>>(const FeedPositions& positions,
                                                               const SourceOptions& options)>;

}  // namespace quipu
