// The decompressed bytes of an input, in order: plain, gzip (any number of members) or zstd (any
// number of frames), told apart by their first bytes. Where the first line ends with a CR alone,
// each CR is given as a newline. One thread. Errors name the input and the
// place, and stay.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "source/raw_input.h"

namespace quipu {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Up to n > 0 bytes; at least one unless the input ended: then 0. May wait.
  virtual Result<size_t> read(char* to, size_t n) = 0;
  virtual bool would_wait() = 0;  // read() would wait now
  virtual bool seek(uint64_t) {
    return false;
  }  // false: this kind cannot; the next read() then starts there
  virtual uint64_t raw_bytes() const = 0;  // bytes of the input consumed
  // Its format says where it ends, so that what ended well is whole.
  virtual bool has_own_end() const { return false; }
};

// Reading or seeking waits for the first line.
Result<std::unique_ptr<ByteStream>> open_stream(std::shared_ptr<RawInput> input,
                                                const std::string& name);

}  // namespace quipu
