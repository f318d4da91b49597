// What a store knows of its inputs, for who reads it. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/source.h"
#include "store/store.h"

namespace quipu {

// Every feed, and every path with how far what it stands at was counted, sorted by path.
Result<std::vector<SourcePosition>> positions_of_inputs(Snapshot& snapshot);
Result<std::optional<SourcePosition>> position_of_feed(Snapshot& snapshot, const std::string& key);

}  // namespace quipu
