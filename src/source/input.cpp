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
    auto got = stream.read(bytes.data() + have, n - have);
    if (!got.ok()) return got.error();
    if (*got == 0) break;
    have += *got;
  }
  bytes.resize(have);
  return bytes;
}

Result<OpenedInput> Input::open() const {
  auto stream = open_stream(raw, name);
  if (!stream.ok()) return stream.error();
  return OpenedInput{std::move(*stream), Fingerprint(size_t(beginning.bytes))};
}

Result<bool> Input::advance(OpenedInput& at, uint64_t bytes) const {
  if (at.stream->seek(0)) {
    auto first = read_up_to(*at.stream, at.taken.first_window(bytes));
    if (!first.ok()) return first.error();
    at.stream->seek(bytes - Fingerprint::last_window(bytes));
    auto last = read_up_to(*at.stream, Fingerprint::last_window(bytes));
    if (!last.ok()) return last.error();
    if (first->size() < at.taken.first_window(bytes) ||
        last->size() < Fingerprint::last_window(bytes)) {
      return false;
    }
    at.taken.jump(bytes, *first, *last);
    return true;
  }
  std::string buffer(kReadBytes, '\0');
  while (at.taken.bytes() < bytes) {
    if (stopped()) return Error{name + ": stopped while passing over what was counted before"};
    auto got = at.stream->read(buffer.data(),
                               size_t(std::min<uint64_t>(kReadBytes, bytes - at.taken.bytes())));
    if (!got.ok()) return got.error();
    if (*got == 0) return false;
    at.taken.add(std::string_view(buffer).substr(0, *got));
  }
  return true;
}

Status Input::read_beginning(const SourceOptions& options) {
  beginning = {};
  auto at = open();
  if (!at.ok()) return at.error();
  last_line_may_grow = !options.complete && !at->stream->has_own_end();
  closed_object_is_whole = options.records.json;
  auto read = quipu::read_beginning(*at->stream, name, options);
  if (!read.ok()) return read.error();
  beginning = std::move(*read);
  return {};
}

}  // namespace quipu
