// Text whose lines end with CR alone, with newlines instead. Which it is follows from the input's
// first line: the first CR or LF in its first kFirstLineBytes ends it; if that is a CR, and no LF
// stands behind it, every CR of the input is given as LF. So places within the input stay as they
// are. One thread.
#pragma once

#include <memory>

#include "source/byte_stream.h"

namespace quipu {

inline constexpr size_t kFirstLineBytes = 1 << 20;

std::unique_ptr<ByteStream> with_newlines(std::unique_ptr<ByteStream> stream);

}  // namespace quipu
