// An input before it is known where to go on in it: opened from its start as often as is needed,
// and read up to places in it. One thread; errors name the input.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/result.h"
#include "source/byte_stream.h"
#include "source/fingerprint.h"

namespace quipu {

struct OpenedInput {
  std::unique_ptr<ByteStream> stream;
  Fingerprint taken;  // of what the stream has passed
};

struct Header {
  std::string text;  // without its end of line
  size_t bytes = 0;  // with it
};

struct Input {
  std::shared_ptr<RawInput> raw;
  std::string key;   // SourcePosition::path
  std::string name;  // for messages
  const std::atomic<bool>* stop = nullptr;
  Header header;

  Result<OpenedInput> open() const;
  Status read_header(size_t max_line_bytes);
  // Goes on until `bytes` are taken; false if the input is shorter. An error if stopped.
  Result<bool> advance(OpenedInput& at, uint64_t bytes) const;
  bool stopped() const { return stop && stop->load(std::memory_order_relaxed); }
};

// Up to n bytes; fewer only at the end.
Result<std::string> read_up_to(ByteStream& stream, size_t n);

}  // namespace quipu
