#include "engine/feeds.h"

namespace quipu {
namespace {

std::string name_of(const std::vector<std::string>& inputs) {
  if (inputs.empty()) return "";
  return inputs[0] +
         (inputs.size() > 1 ? " and " + std::to_string(inputs.size() - 1) + " more" : "");
}

}  // namespace

LiveFeed::LiveFeed(std::string name, bool ends_by_itself, OpenFeed open, FeedPositions positions,
                   SourceOptions source_options)
    : name_(std::move(name)),
      ends_by_itself_(ends_by_itself),
      open_(std::move(open)),
      positions_(std::move(positions)),
      source_options_(source_options) {}

Result<std::unique_ptr<Source>> LiveFeed::open_next(bool again, const StopFlag& stop) {
  if (opened_ && !again) return std::unique_ptr<Source>();
  opened_ = true;
  source_options_.stop = &stop;
  return open_(positions_, source_options_);
}

Result<InputRows> LiveFeed::rows_behind(const SourcePosition& position) {
  InputRows rows;
  KnownInputs::note_feed(position, rows);
  return rows;
}

FileFeed::FileFeed(std::vector<std::string> inputs, RunOptions options, InputsWiring wiring,
                   std::unique_ptr<FirstLines> first_lines, std::string folder,
                   SourceOptions source_options)
    : inputs_(std::move(inputs)),
      options_(std::move(options)),
      wiring_(wiring),
      first_lines_(std::move(first_lines)),
      folder_(std::move(folder)),
      name_(name_of(inputs_)),
      source_options_(source_options) {
  wiring_.first_lines = first_lines_.get();
}

Result<std::unique_ptr<Source>> FileFeed::open_next(bool, const StopFlag& stop) {
  if (!opened_) {
    source_options_.stop = &stop;
    opened_ = std::make_unique<RunInputs>(wiring_, folder_, source_options_, options_);
    QUIPU_TRY(opened_->look(inputs_));
  }
  if (next_ == inputs_.size()) {
    opened_->end();
    return std::unique_ptr<Source>();
  }
  return opened_->open(inputs_[next_++]);
}

Result<InputRows> FileFeed::rows_behind(const SourcePosition& position) {
  return opened_->rows_behind(position);
}

std::string FileFeed::said_of_end(const Source& source, bool anything) {
  if (source.unfinished().bytes > 0)
    return source.name() + ": line " + std::to_string(source.unfinished().line) +
           " is not finished; it is left for the next time";
  if (anything) return "";
  return source.name() + (source.position().bytes > 0
                              ? ": nothing new, it was counted before"
                              : ": holds no lines, so there is nothing to count");
}

}  // namespace quipu
