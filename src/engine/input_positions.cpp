#include "engine/input_positions.h"

#include "source/known_inputs.h"

namespace quipu {

Result<std::vector<SourcePosition>> positions_of_inputs(Snapshot& snapshot) {
  return positions_of_paths(
      [&](std::string_view prefix,
          const std::function<bool(std::string_view key, std::string_view bytes)>& visit) {
        return snapshot.scan_meta(std::string(kPositionPrefix) + std::string(prefix),
                                  [&](std::string_view key, std::string_view bytes) {
                                    return visit(key.substr(kPositionPrefix.size()), bytes);
                                  });
      });
}

Result<std::optional<SourcePosition>> position_of_feed(Snapshot& snapshot, const std::string& key) {
  KnownInputs known([&](const std::string& row) {
    return snapshot.get_meta(std::string(kPositionPrefix) + row);
  });
  return known.of_feed(key);
}

}  // namespace quipu
