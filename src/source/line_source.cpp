#include "source/line_source.h"

#include <algorithm>
#include <cstring>

namespace quipu {
namespace {

constexpr size_t kSkipBytes = 64 << 10;

// The length of the first line that is longer than `most`, and where it begins; the last line may
// be open.
struct LongLine {
  size_t begin, length;
  bool found = false;
};
LongLine find_long_line(std::string_view text, size_t most) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end - at > most) return {at, end - at, true};
    at = end + 1;
  }
  return {0, 0, false};
}

uint64_t count_newlines(std::string_view text) {
  uint64_t n = 0;
  for (size_t at = 0; (at = text.find('\n', at)) != std::string_view::npos; ++at) ++n;
  return n;
}

}  // namespace

LineSource::LineSource(Start start, const SourceOptions& options)
    : max_line_bytes_(std::max<size_t>(options.max_line_bytes, 1)),
      block_bytes_(std::max<size_t>(options.block_bytes, 1)),
      stream_(std::move(start.stream)),
      taken_(std::move(start.taken)),
      ahead_(std::move(start.ahead)),
      lines_(start.lines),
      ended_(start.ended),
      position_(std::move(start.position)),
      header_(std::move(start.header)),
      name_(std::move(start.name)),
      bytes_total_(start.bytes_total),
      lines_again_(start.lines_again) {}

// Reads until there is a block's worth with a newline in it, a line longer than the limit, or the
// end; less if there is a newline and more is not to be had without waiting. The bytes beyond
// `size` are room.
Status LineSource::fill(std::vector<char>& bytes, size_t& size) {
  bool has_newline = std::memchr(bytes.data(), '\n', size) != nullptr;
  while (!ended_ && (size < block_bytes_ || (!has_newline && size <= max_line_bytes_)) &&
         !(has_newline && stream_->would_wait())) {
    if (bytes.size() < size + block_bytes_ + kBlockPadding)
      bytes.resize(size + block_bytes_ + kBlockPadding);
    const size_t room = size < block_bytes_ ? block_bytes_ - size : block_bytes_;
    auto got = stream_->read(bytes.data() + size, room);
    if (!got.ok()) return got.error();
    ended_ = *got == 0;
    has_newline = has_newline || std::memchr(bytes.data() + size, '\n', *got) != nullptr;
    size += *got;
  }
  return {};
}

// Takes the rest of a line too long, with its newline. The bytes at hand are in ahead_.
Status LineSource::skip_rest_of_line() {
  while (true) {
    const size_t newline = ahead_.find('\n');
    if (newline != std::string::npos) {
      taken_.add(std::string_view(ahead_).substr(0, newline + 1));
      ahead_.erase(0, newline + 1);
      reached(1, false);
      return {};
    }
    taken_.add(ahead_);
    ahead_.resize(ended_ ? 0 : kSkipBytes);
    if (!ended_) {
      auto got = stream_->read(ahead_.data(), ahead_.size());
      if (!got.ok()) return got.error();
      ended_ = *got == 0;
      ahead_.resize(*got);
    }
    if (ended_) {
      reached(1, true);
      return {};
    }
  }
}

void LineSource::reached(uint64_t lines, bool open_line) {
  lines_ += lines;
  position_.bytes = taken_.bytes();
  position_.lines = lines_;
  position_.first = taken_.first();
  position_.last = taken_.last();
  position_.beginnings = taken_.beginnings();
  position_.open_line = open_line;
  position_.finished = false;
}

Block LineSource::give(std::shared_ptr<std::vector<char>> buffer, size_t text_size) {
  Block block;
  block.text = std::string_view(buffer->data(), text_size);
  block.buffer = std::move(buffer);
  block.first_line = lines_ + 1;
  block.offset = taken_.bytes();
  taken_.add(block.text);
  return block;
}

Result<Block> LineSource::next() {
  auto buffer = buffers_.take(std::max(ahead_.size(), block_bytes_) + kBlockPadding);
  size_t size = ahead_.size();
  std::memcpy(buffer->data(), ahead_.data(), size);
  if (Status status = fill(*buffer, size); !status.ok()) {
    ahead_.assign(buffer->data(), size);
    return status.error();
  }
  if (buffer->size() < size + kBlockPadding) buffer->resize(size + kBlockPadding);
  const std::string_view all(buffer->data(), size);
  const size_t last_newline = all.rfind('\n');
  size_t whole = last_newline == std::string_view::npos ? 0 : last_newline + 1;
  if (ended_) whole = size;
  if (size == 0) {
    ahead_.clear();
    position_.finished = true;
    return Block{};
  }
  // Only then can a line be too long.
  if (whole == 0 || whole > max_line_bytes_) {
    const LongLine line = find_long_line(whole == 0 ? all : all.substr(0, whole), max_line_bytes_);
    if (line.found && line.begin == 0) {
      ahead_.assign(all.substr(max_line_bytes_));
      Block block = give(std::move(buffer), max_line_bytes_);
      block.truncated_line = true;
      QUIPU_TRY(skip_rest_of_line());
      return block;
    }
    if (line.found) whole = line.begin;
  }
  ahead_.assign(all.substr(whole));
  Block block = give(std::move(buffer), whole);
  const bool open_line = block.text.back() != '\n';
  reached(count_newlines(block.text) + open_line, open_line);
  return block;
}

}  // namespace quipu
