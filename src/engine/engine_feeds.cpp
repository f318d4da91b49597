// The engine's part in feeds: sources that are read side by side (feed_set.h).
#include "engine/dead_letter_feed.h"
#include "engine/engine.h"
#include "engine/feeds.h"
#include "engine/follow_feed.h"

namespace quipu {

// A feed knows what is on its way to be committed, too: that is where it goes on.
FeedPositions Engine::feed_positions() {
  return [this](const std::string& key) {
    KnownInputs known([this](const std::string& row) { return checkpointer_->input_row(row); });
    return known.of_feed(key);
  };
}

std::shared_ptr<Feed> Engine::live_feed(std::string name, bool ends_by_itself, OpenFeed open) {
  return std::make_shared<LiveFeed>(std::move(name), ends_by_itself, std::move(open),
                                    feed_positions(), source_options({}));
}

Result<std::shared_ptr<Feed>> Engine::dead_letter_feed(bool ends_by_itself) {
  const SourceOptions of = source_options({});
  if (of.header)
    return Error{
        "the plan reads columns by their header, which stands in the files: write the mended lines "
        "into a file under its header, and count that"};
  return std::shared_ptr<Feed>(std::make_shared<DeadLetterFeed>(
      options_.data_folder + "/dead-letter.jsonl", store_->committed().dead_letter_bytes,
      ends_by_itself, feed_positions(), of));
}

Result<std::shared_ptr<Feed>> Engine::file_feed(std::vector<std::string> inputs,
                                                RunOptions options) {
  std::unique_ptr<FirstLines> first_lines;
  if (!options.anyway) {
    QUIPU_ASSIGN(first_lines, FirstLines::open(registry_->plan().parsed, options_.zoneinfo_dir));
  }
  const SourceOptions of = source_options(options);
  return std::shared_ptr<Feed>(
      std::make_shared<FileFeed>(std::move(inputs), std::move(options), inputs_wiring(nullptr),
                                 std::move(first_lines), options_.data_folder, of));
}

Result<std::shared_ptr<Feed>> Engine::follow_feed(const std::vector<std::string>& paths,
                                                  const RunOptions& options,
                                                  std::function<void(const std::string&)> say) {
  std::unique_ptr<FirstLines> first_lines;
  if (!options.anyway) {
    QUIPU_ASSIGN(first_lines, FirstLines::open(registry_->plan().parsed, options_.zoneinfo_dir));
  }
  FollowWiring wiring{known_inputs_.get(),        nullptr,        source_options(options),
                      store_->committed().time_s, std::move(say), nullptr};
  auto feed = std::make_shared<FollowFeed>(paths, std::move(wiring), std::move(first_lines));
  InputRows rows;
  QUIPU_TRY(feed->note_followed(rows));
  if (!rows.empty()) {
    checkpointer_->note_inputs(std::move(rows));
    QUIPU_TRY(checkpoint());
  }
  return std::shared_ptr<Feed>(std::move(feed));
}

Result<RunSummary> Engine::run_feeds(FeedSet& feeds, const RunOptions& options) {
  const Tallies before = store_->committed().tallies;
  begin_run(options);
  QUIPU_TRY(failed());
  RunSummary summary;
  Status input_error;
  while (input_error.ok()) {
    auto fed = feeds.next([this] { return stopping(); });
    if (!fed) break;
    input_error = take(std::move(*fed));
  }
  summary.stopped = stopping();
  return end_run(std::move(summary), before, input_error);
}

Status Engine::take(FedBlock fed) {
  QUIPU_ASSIGN(auto rows, fed.feed->rows_behind(fed.position));
  live_.cpu.read.fetch_add(fed.cpu_ns, std::memory_order_relaxed);
  if (!fed.block.text.empty()) return push(std::move(fed.block), fed.info, std::move(rows));
  // The end of a source: that it was reached, and where it stands.
  if (!rows.empty()) checkpointer_->note_inputs(std::move(rows));
  return {};
}

}  // namespace quipu
