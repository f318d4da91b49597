#include "source/input.h"

#include <algorithm>

namespace quipu {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kHeaderReadBytes = 4 << 10;

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
  return OpenedInput{std::move(*stream), Fingerprint(header.bytes)};
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

Status Input::read_header(size_t max_line_bytes) {
  auto at = open();
  if (!at.ok()) return at.error();
  header = {};
  bool whole = false;
  std::string buffer(kHeaderReadBytes, '\0');
  while (!whole && header.text.size() <= max_line_bytes) {
    auto got = at->stream->read(buffer.data(), buffer.size());  // what there is, without waiting
    if (!got.ok()) return got.error();
    if (*got == 0) break;
    const std::string_view more = std::string_view(buffer).substr(0, *got);
    const size_t newline = more.find('\n');
    whole = newline != std::string_view::npos;
    header.text += more.substr(0, newline);
  }
  if (header.text.size() > max_line_bytes) {
    return Error{name + ": its header line is longer than " + std::to_string(max_line_bytes) +
                 " bytes; is it a delimited file?"};
  }
  header.bytes = header.text.size() + whole;
  if (!header.text.empty() && header.text.back() == '\r') header.text.pop_back();
  return {};
}

}  // namespace quipu
