// The files of the page, as they are in files/ and in Debian's libjs-dygraphs, made a part of the
// program by embed.cmake. Constants, any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace quipu {

struct EmbeddedFile {
  std::string_view name, bytes;
};

extern const EmbeddedFile kEmbeddedFiles[];
extern const size_t kEmbeddedFileCount;

}  // namespace quipu
