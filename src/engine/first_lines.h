// Whether an input can be read as the plan says, told by its first lines before anything of it is
// counted: a header that lacks a column, or nothing but lines that would be set aside, is most
// likely another kind of file, or a mistake in the plan. One thread. What it decodes goes nowhere.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/line_check.h"
#include "source/source.h"

namespace quipu {

inline constexpr size_t kFirstLines = 100;  // one of them that is not set aside is enough

// How the plan's inputs are read.
SourceOptions source_options_of(const Plan& plan);

class FirstLines {
 public:
  // The zones of the plan were read before, so opening fails only if they went away.
  static Result<std::unique_ptr<FirstLines>> open(const Plan& plan,
                                                  const std::string& zoneinfo_dir);

  // The source, with its first lines looked at on the way: next() gives an error instead of the
  // first block if all of them, or all there are, would be set aside. Blocks are held back until
  // that is known. A source that goes on somewhere is given back as it is. Outlives the source.
  std::unique_ptr<Source> checked(std::unique_ptr<Source> source);

 private:
  friend class CheckedSource;
  explicit FirstLines(std::unique_ptr<LineCheck> check) : check_(std::move(check)) {}
  Status use_header(const Source& source);
  Error refusal(const std::string& name, size_t lines, uint64_t line, const LineOutcome& first,
                const std::string& text) const;
  std::string advice(const std::string& name, const LineOutcome& first,
                     const std::string& text) const;

  const std::unique_ptr<LineCheck> check_;
};

}  // namespace quipu
