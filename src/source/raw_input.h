// Bytes as they lie in a file or come in from standard input, by offset, so that they can be read
// again. One thread. Errors name the input.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/stop_flag.h"

namespace quipu {

class RawInput {
 public:
  virtual ~RawInput() = default;
  // Up to n bytes from `offset` on; at least one unless the input ends there: then 0. May wait for
  // more to come.
  virtual Result<size_t> read_at(uint64_t offset, char* to, size_t n) = 0;
  virtual bool would_wait(uint64_t offset) = 0;  // read_at(offset) would wait now
  virtual uint64_t size() const = 0;             // 0 if unknown
};

// A regular file; anything else is an error that says what to do instead.
Result<std::unique_ptr<RawInput>> open_raw_file(const std::string& path);

// Standard input, by way of its spool: see open_standard_input(). Opening compares what comes in
// with what is already spooled (and waits for it). `fd` stays the caller's.
Result<std::unique_ptr<RawInput>> open_spooled(int fd, const std::string& name,
                                               const std::string& spool_folder, bool again,
                                               const StopFlag* stop);

}  // namespace quipu
