// Progress of a long command: one line that is redrawn on a terminal, a plain line now and then
// elsewhere. One thread.
#pragma once

#include <chrono>
#include <string>

#include "cli/console.h"
#include "engine/engine.h"

namespace quipu {

class ProgressLine {
 public:
  explicit ProgressLine(const Console& console)
      : console_(console), begin_(std::chrono::steady_clock::now()) {}
  ~ProgressLine() { clear(); }
  void show(const Progress& progress);
  void clear();

 private:
  const Console& console_;
  const std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point last_plain_ = begin_;
  bool drawn_ = false;
};

// The line's text: share done, lines, rate, time left, duplicates, lines set aside.
std::string progress_text(const Progress& progress, double seconds, bool bar);

}  // namespace quipu
