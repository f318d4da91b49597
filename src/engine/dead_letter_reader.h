// Reads the dead-letter file (dead_letters.h). One thread.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace quipu {

struct DeadLetter {
  std::string source, reason, detail, text;
  uint64_t line = 0, offset = 0;
  // Whether the text is the line as it was: it may have been cut, or be no UTF-8 (and is absent).
  bool whole = true;
  std::string entry;  // of the file, as it is
};

class DeadLetterReader {
 public:
  // Entries from `begin` on, which is the begin of one, up to `end`. A file that is not there has
  // none.
  static Result<DeadLetterReader> open(const std::string& path, uint64_t begin, uint64_t end);
  DeadLetterReader(DeadLetterReader&&) noexcept;
  ~DeadLetterReader();

  Result<std::optional<DeadLetter>> next();  // absent: there is no further one
  uint64_t at() const { return at_; }        // offset behind the entry given last

 private:
  struct Parser;
  DeadLetterReader();
  std::string path_;
  std::ifstream file_;
  uint64_t at_ = 0, end_ = 0;
  std::unique_ptr<Parser> parser_;
};

}  // namespace quipu
