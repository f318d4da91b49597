// What stands at an input's beginning and is no record: its byte order mark, and the line that
// names its columns. Stateless.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "source/byte_stream.h"
#include "source/source.h"

namespace quipu {

struct InputBeginning {
  std::string header;  // without its end of line; empty: there is none (yet)
  uint64_t bytes = 0;  // what it takes, the mark and blank lines before it included
  uint64_t lines = 0;
};

// Reads an input from its start as far as needed. Errors: what is no text; a header longer than a
// line may be; damage before the header's end.
Result<InputBeginning> read_beginning(ByteStream& stream, const std::string& name,
                                      const SourceOptions& options);

}  // namespace quipu
