// Lines that were set aside, given once more: those of the dead-letter file behind what was given
// before, up to where it ended when this was opened. Those that are set aside again are appended to
// the file, behind that. Lines that were cut or are no UTF-8 are passed over, and told of.
#pragma once

#include <memory>
#include <string>

#include "engine/feed_set.h"
#include "source/feed.h"

namespace quipu {

inline constexpr char kDeadLetterKey[] = "dead letters:";  // of the position: bytes of the file

class DeadLetterFeed : public Feed {
 public:
  DeadLetterFeed(std::string path, uint64_t end, bool ends_by_itself, FeedPositions positions,
                 SourceOptions source_options);
  const std::string& name() const override { return name_; }
  Lane lane() const override { return Lane::history; }
  bool ends_by_itself() const override { return ends_by_itself_; }
  Result<std::unique_ptr<Source>> open_next(bool again, const StopFlag& stop) override;
  Result<InputRows> rows_behind(const SourcePosition& position) override;
  std::string said_of_end(const Source& source, bool anything) override;

 private:
  const std::string path_, name_ = "dead letters";
  const uint64_t end_;
  const bool ends_by_itself_;
  const FeedPositions positions_;
  const SourceOptions source_options_;
  bool opened_ = false;
};

}  // namespace quipu
