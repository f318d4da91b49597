#include "source/input.h"

#include <algorithm>

namespace quipu {
namespace {

constexpr size_t kReadBytes = 64 << 10;

}  // namespace

Result<std::string> read_up_to(ByteStream& stream, size_t n) {
  std::string bytes(n, '\0');
  size_t have = 0;
  while (have < n) {
    QUIPU_ASSIGN(auto got, stream.read(bytes.data() + have, n - have));
    if (got == 0) break;
    have += got;
  }
  bytes.resize(have);
  return bytes;
}

Result<OpenedInput> Input::open() const {
  QUIPU_ASSIGN(auto stream, open_stream(raw, name));
  return OpenedInput{std::move(stream), Fingerprint(size_t(beginning.bytes))};
}

Result<bool> Input::advance(OpenedInput& at, uint64_t bytes) const {
  if (at.stream->seek(0)) {
    QUIPU_ASSIGN(auto first, read_up_to(*at.stream, at.taken.first_window(bytes)));
    at.stream->seek(bytes - Fingerprint::last_window(bytes));
    QUIPU_ASSIGN(auto last, read_up_to(*at.stream, Fingerprint::last_window(bytes)));
    if (first.size() < at.taken.first_window(bytes) ||
        last.size() < Fingerprint::last_window(bytes)) {
      return false;
    }
    at.taken.jump(bytes, first, last);
    return true;
  }
  std::string buffer(kReadBytes, '\0');
  while (at.taken.bytes() < bytes) {
    if (stopped()) return Error{name + ": stopped while passing over what was counted before"};
    QUIPU_ASSIGN(auto got,
                 at.stream->read(buffer.data(),
                                 size_t(std::min<uint64_t>(kReadBytes, bytes - at.taken.bytes()))));
    if (got == 0) return false;
    at.taken.add(std::string_view(buffer).substr(0, got));
  }
  return true;
}

Status Input::read_beginning(const SourceOptions& options) {
  beginning = {};
  QUIPU_ASSIGN(auto at, open());
  last_line_may_grow = !options.complete && !at.stream->has_own_end();
  closed_object_is_whole = options.records.json;
  QUIPU_ASSIGN(beginning, quipu::read_beginning(*at.stream, name, options));
  return {};
}

}  // namespace quipu
