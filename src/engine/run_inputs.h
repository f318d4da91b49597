// The inputs of one run: looked at before anything is counted, so that what is refused is refused
// then, and opened one after the other. Used by run()'s thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/first_lines.h"
#include "source/known_inputs.h"

namespace quipu {

// Kept open between the look at all inputs and their reading.
inline constexpr size_t kOpenInputs = 64;

struct InputsWiring {
  Checkpointer* checkpointer;
  KnownInputs* known;
  CatalogueRegistry* folder;
  const Hasher* hasher;
  FirstLines* first_lines;  // absent: first lines are not judged
};

class RunInputs {
 public:
  // `folder` is the data folder. All outlive this.
  RunInputs(InputsWiring wiring, const std::string& folder, const SourceOptions& source_options,
            const RunOptions& options);

  // Opens all inputs to see what is refused, but for standard input, which would have to be waited
  // for. An error where `stop` is set means that only.
  Status look(const std::vector<std::string>& inputs);
  // The source does not outlive what is wired.
  Result<std::unique_ptr<Source>> open(const std::string& input);

  // The rows behind a block that ends at the position; to be committed with it.
  Result<InputRows> rows_behind(const SourcePosition& position);
  // All inputs were read: notes that a command with --again has ended.
  void end();

 private:
  struct CountedTwice {
    uint64_t lines = 0;
    std::vector<std::string> inputs;
  };
  bool stopped() const { return source_options_.stop && source_options_.stop->is_set(); }
  Result<std::unique_ptr<Source>> open_now(const std::string& input);
  Status look_at_first_lines(std::unique_ptr<Source> source);
  Status find_counted_twice(const std::string& input, const Source& source, CountedTwice& twice);
  Result<bool> has_event_without_id(const std::string& path, uint64_t lines);
  Status consent(const CountedTwice& twice) const;
  std::string spool_folder() const { return folder_ + "/spool"; }

  const InputsWiring wiring_;
  const std::string folder_;
  SourceOptions source_options_;
  const RunOptions& options_;
  // Sources that go on somewhere stay open, since finding the place in compressed content means
  // reading up to it.
  std::map<std::string, std::unique_ptr<Source>> opened_;
  InputRows again_rows_;      // to be committed with the first block
  bool again_stored_ = true;  // they are, or there were none
};

}  // namespace quipu
