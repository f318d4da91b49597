// The kinds of feeds (feed_set.h): one source that does not end, and files as a history.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/feed_set.h"
#include "engine/run_inputs.h"
#include "source/feed.h"

namespace quipu {

class LiveFeed : public Feed {
 public:
  LiveFeed(std::string name, bool ends_by_itself, OpenFeed open, FeedPositions positions,
           SourceOptions source_options);
  const std::string& name() const override { return name_; }
  Lane lane() const override { return Lane::live; }
  bool ends_by_itself() const override { return ends_by_itself_; }
  Result<std::unique_ptr<Source>> open_next(bool again, const StopFlag& stop) override;
  Result<InputRows> rows_behind(const SourcePosition& position) override;
  std::string said_of_end(const Source&, bool) override { return ""; }

 private:
  const std::string name_;
  const bool ends_by_itself_;
  const OpenFeed open_;
  const FeedPositions positions_;
  SourceOptions source_options_;
  bool opened_ = false;
};

// Files, one after the other, as a run reads them: all are looked at first, and what is refused is
// refused before anything is counted.
class FileFeed : public Feed {
 public:
  FileFeed(std::vector<std::string> inputs, RunOptions options, InputsWiring wiring,
           std::unique_ptr<FirstLines> first_lines, std::string folder,
           SourceOptions source_options);
  const std::string& name() const override { return name_; }
  Lane lane() const override { return Lane::history; }
  bool ends_by_itself() const override { return false; }
  Result<std::unique_ptr<Source>> open_next(bool again, const StopFlag& stop) override;
  Result<InputRows> rows_behind(const SourcePosition& position) override;
  std::string said_of_end(const Source& source, bool anything) override;

 private:
  const std::vector<std::string> inputs_;
  const RunOptions options_;
  InputsWiring wiring_;
  const std::unique_ptr<FirstLines> first_lines_;
  const std::string folder_, name_;
  SourceOptions source_options_;
  std::unique_ptr<RunInputs> opened_;
  size_t next_ = 0;
};

}  // namespace quipu
