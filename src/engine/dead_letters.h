// The dead-letter file: one JSON line for each line that was set aside, with source, line number,
// offset, reason, detail and the line itself ("text"; "base64" if it is no UTF-8; cut to
// kDeadLetterTextBytes). Its committed length travels with each checkpoint: at open, what is behind
// it is cut off. Entries are appended and synced before the commit that names their length. Used by
// one thread (the writer's).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "event/decode.h"

namespace quipu {

inline constexpr size_t kDeadLetterTextBytes = 64 << 10;

// One entry as a line, for the decoder's buffer.
void append_dead_letter(std::string_view source, uint64_t line, uint64_t offset,
                        const LineOutcome& outcome, std::string_view text, std::string& out);

class DeadLetterFile {
 public:
  static Result<DeadLetterFile> open(const std::string& path, uint64_t committed_bytes);
  DeadLetterFile(DeadLetterFile&& other) noexcept;
  DeadLetterFile& operator=(DeadLetterFile&&) = delete;
  ~DeadLetterFile();

  Status append_and_sync(std::string_view entries);
  uint64_t bytes() const { return bytes_; }

 private:
  DeadLetterFile(int fd, std::string path, uint64_t bytes)
      : fd_(fd), path_(std::move(path)), bytes_(bytes) {}
  int fd_ = -1;
  std::string path_;
  uint64_t bytes_ = 0;
};

}  // namespace quipu
