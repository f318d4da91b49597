#include "engine/run_inputs.h"

#include <unistd.h>

#include <filesystem>

#include "event/decode.h"

namespace quipu {
namespace {

constexpr size_t kNamedInputs = 3;  // in a message

}  // namespace

RunInputs::RunInputs(InputsWiring wiring, const std::string& folder,
                     const SourceOptions& source_options, const RunOptions& options)
    : wiring_(wiring), folder_(folder), source_options_(source_options), options_(options) {}

Status RunInputs::look(const std::vector<std::string>& inputs) {
  if (options_.again) {
    std::vector<std::string> paths;
    for (const std::string& input : inputs) {
      std::error_code failed;
      paths.push_back(input == "-" ? "-" + options_.standard_input_name
                                   : std::filesystem::canonical(input, failed).string());
    }
    QUIPU_ASSIGN(source_options_.again_round,
                 wiring_.known->begin_again(std::move(paths), again_rows_));
    again_stored_ = again_rows_.empty();
  }
  if (inputs.size() == 1) return {};
  CountedTwice twice;
  for (const std::string& input : inputs) {
    if (input == "-" || stopped()) continue;
    QUIPU_ASSIGN(auto source, open_now(input));
    QUIPU_TRY(find_counted_twice(input, *source, twice));
    if (source->position().bytes > 0 && opened_.size() < kOpenInputs)
      opened_[input] = std::move(source);
    else if (wiring_.first_lines)
      QUIPU_TRY(look_at_first_lines(std::move(source)));
  }
  return consent(twice);
}

Status RunInputs::look_at_first_lines(std::unique_ptr<Source> source) {
  auto block = wiring_.first_lines->checked(std::move(source))->next();
  return block.ok() ? Status{} : block.error();
}

Result<std::unique_ptr<Source>> RunInputs::open(const std::string& input) {
  if (auto kept = opened_.extract(input)) return std::move(kept.mapped());
  auto source = open_now(input);
  if (!source.ok()) return source;
  CountedTwice twice;
  QUIPU_TRY(find_counted_twice(input, **source, twice));
  QUIPU_TRY(consent(twice));
  if (wiring_.first_lines) source = wiring_.first_lines->checked(std::move(*source));
  return source;
}

Result<std::unique_ptr<Source>> RunInputs::open_now(const std::string& input) {
  if (input != "-") return open_file(input, *wiring_.known, source_options_);
  return open_standard_input(STDIN_FILENO, options_.standard_input_name, spool_folder(),
                             *wiring_.known, source_options_);
}

// Lines of `source` that were counted before and would count once more.
Status RunInputs::find_counted_twice(const std::string& input, const Source& source,
                                     CountedTwice& twice) {
  const uint64_t lines = source.lines_again();
  if (lines == 0 || options_.count_twice) return {};
  QUIPU_ASSIGN(
      auto without,
      has_event_without_id(
          input == "-" ? spool_folder() + "/" + options_.standard_input_name : input, lines));
  if (!without) return {};
  twice.lines += lines;
  twice.inputs.push_back(source.name());
  return {};
}

// Among the first `lines` lines.
Result<bool> RunInputs::has_event_without_id(const std::string& path, uint64_t lines) {
  const Plan& plan = wiring_.folder->plan().parsed;
  if (plan.id.else_time_to_second) return false;
  SourceOptions options = source_options_;
  options.again = options.moved = false;
  QUIPU_ASSIGN(auto source, open_file(path, std::vector<SourcePosition>(), options));
  NameLog names;
  Decoder decoder(wiring_.folder->plan(), *wiring_.hasher, *wiring_.folder, names,
                  wiring_.folder->no_offset_zone());
  QUIPU_TRY(decoder.set_header(source->header()));
  std::vector<EventBatch> batches(1);
  batches[0].columns = uint32_t(plan.columns.size());
  while (true) {
    if (stopped()) return Error{path + ": stopped while looking for events without id"};
    QUIPU_ASSIGN(auto block, source->next());
    if (block.text.empty()) return false;
    for (BlockRecords records(block); records.next();) {
      if (records.line() > lines) return false;
      if (block.truncated_line) continue;
      batches[0].clear();
      const LineOutcome outcome = decoder.decode(records.text(), batches);
      if (outcome.kind == LineOutcome::Kind::event && !batches[0].events[0].has_id) return true;
    }
    names.take();
  }
}

Status RunInputs::consent(const CountedTwice& twice) const {
  if (twice.lines == 0) return {};
  std::string inputs;
  for (size_t i = 0; i < twice.inputs.size() && i < kNamedInputs; ++i)
    inputs += (i ? ", " : "") + twice.inputs[i];
  if (twice.inputs.size() > kNamedInputs)
    inputs += " and " + std::to_string(twice.inputs.size() - kNamedInputs) + " more";
  const std::string what = inputs + ": " + std::to_string(twice.lines) +
                           (twice.lines == 1 ? " line was" : " lines were") +
                           " counted before, and there are events without an id, by which they "
                           "would be known again: --again would count them twice";
  if (options_.confirm && options_.confirm(what)) return {};
  return Error{what + "; nothing is counted. If that is meant, say so with --count-twice"};
}

Result<InputRows> RunInputs::rows_behind(const SourcePosition& position) {
  InputRows rows;
  QUIPU_TRY(wiring_.known->note(position, rows));
  if (!again_stored_) {
    for (auto& [key, row] : again_rows_) rows.try_emplace(key, std::move(row));
    again_stored_ = true;
  }
  // One that stands at the same content is not where it was.
  std::erase_if(opened_, [&](const auto& kept) {
    return kept.second->position().content == position.content;
  });
  return rows;
}

void RunInputs::end() {
  if (!options_.again || !again_stored_) return;
  InputRows rows;
  wiring_.known->end_again(rows);
  if (!rows.empty()) wiring_.checkpointer->note_inputs(std::move(rows));
}

}  // namespace quipu
