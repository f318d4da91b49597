// An input before it is known where to go on in it: opened from its start as often as is needed,
// and read up to places in it. One thread; errors name the input.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/stop_flag.h"
#include "source/byte_stream.h"
#include "source/fingerprint.h"
#include "source/read_beginning.h"

namespace quipu {

struct OpenedInput {
  std::unique_ptr<ByteStream> stream;
  Fingerprint taken;  // of what the stream has passed
};

struct Input {
  std::shared_ptr<RawInput> raw;
  std::string key;   // SourcePosition::path
  std::string name;  // for messages
  const StopFlag* stop = nullptr;
  bool last_line_may_grow = false;      // one without newline
  bool closed_object_is_whole = false;  // nevertheless
  InputBeginning beginning;

  Result<OpenedInput> open() const;
  Status read_beginning(const SourceOptions& options);
  // Goes on until `bytes` are taken; false if the input is shorter. An error if stopped.
  Result<bool> advance(OpenedInput& at, uint64_t bytes) const;
  bool stopped() const { return stop && stop->is_set(); }
};

// Up to n bytes; fewer only at the end.
Result<std::string> read_up_to(ByteStream& stream, size_t n);

}  // namespace quipu
