#include "source/line_source.h"

#include <algorithm>
#include <cstring>

#include "base/newlines.h"
#include "source/block_weight.h"

namespace quipu {
namespace {

constexpr size_t kSkipBytes = 64 << 10;

// The first record of a block that is longer than `most`: where it begins; its end if there is
// none.
size_t find_too_long(const Block& block, size_t most) {
  for (BlockRecords records(block); records.next();) {
    if (records.text().size() > most) return size_t(records.text().data() - block.text.data());
  }
  return block.text.size();
}

}  // namespace

LineSource::LineSource(Start start, const SourceOptions& options)
    : max_line_bytes_(std::max<size_t>(options.max_line_bytes, 1)),
      block_bytes_(std::max<size_t>(options.block_bytes, 1)),
      format_(options.records),
      complete_(options.complete || start.stream->has_own_end()),
      weigher_(options.weigher),
      block_weight_(options.block_weight),
      stream_(std::move(start.stream)),
      scanner_(options.records, max_line_bytes_),
      taken_(std::move(start.taken)),
      ahead_(std::move(start.ahead)),
      lines_(start.lines),
      ended_(start.ended),
      position_(std::move(start.position)),
      header_(std::move(start.header)),
      name_(std::move(start.name)),
      bytes_total_(start.bytes_total),
      lines_again_(start.lines_again) {}

// Reads until there is a block's worth with a whole record in it, a record longer than the limit,
// or the end; less if there is a whole record and more is not to be had without waiting. The bytes
// beyond `size` are room.
Status LineSource::fill(std::vector<char>& bytes, size_t& size) {
  scanner_.restart();
  scanner_.scan(std::string_view(bytes.data(), size), false);
  while (!ended_ && (size < block_bytes_ || (scanner_.whole() == 0 && size <= max_line_bytes_)) &&
         !(scanner_.whole() > 0 && stream_->would_wait())) {
    if (bytes.size() < size + block_bytes_ + kBlockPadding)
      bytes.resize(size + block_bytes_ + kBlockPadding);
    const size_t room = size < block_bytes_ ? block_bytes_ - size : block_bytes_;
    QUIPU_ASSIGN(auto got, stream_->read(bytes.data() + size, room));
    ended_ = got == 0;
    size += got;
    scanner_.scan(std::string_view(bytes.data(), size), false);
  }
  return {};
}

// How much of what stands at the end is whole; the rest is left.
size_t LineSource::whole_at_end(std::string_view all) {
  if (complete_) {
    scanner_.scan(all, true);
    return all.size();
  }
  const std::string_view rest = all.substr(scanner_.whole());
  if (format_.json && rest.size() <= max_line_bytes_ && is_closed_object(rest)) {
    // A CR at the end belongs to an end of line that may be half there.
    return all.size() - (rest.back() == '\r');
  }
  leave(rest, scanner_.in_quotes());
  return scanner_.whole();
}

void LineSource::leave(std::string_view rest, bool open_quote) {
  if (rest.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos) return;
  unfinished_.bytes = rest.size();
  unfinished_.open_quote = open_quote;
}

Block LineSource::end() {
  ahead_.clear();
  unfinished_.line = unfinished_.bytes > 0 ? lines_ + 1 : 0;
  position_.finished = true;
  return {};
}

// Takes the rest of a record too long, with its newline; false: it has none. The bytes at hand are
// in ahead_.
Result<bool> LineSource::skip_rest_of_line() {
  while (true) {
    const size_t newline = ahead_.find('\n');
    if (newline != std::string::npos) {
      taken_.add(std::string_view(ahead_).substr(0, newline + 1));
      ahead_.erase(0, newline + 1);
      return true;
    }
    taken_.add(ahead_);
    ahead_.resize(ended_ ? 0 : kSkipBytes);
    if (!ended_) {
      QUIPU_ASSIGN(auto got, stream_->read(ahead_.data(), ahead_.size()));
      ended_ = got == 0;
      ahead_.resize(got);
    }
    if (ended_) return false;
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

// The head of the record at the begin of `all`, which is longer than the limit.
Result<Block> LineSource::next_too_long(std::shared_ptr<std::vector<char>> buffer,
                                        std::string_view all) {
  const Fingerprint before = taken_;
  ahead_.assign(all.substr(max_line_bytes_));
  Block block = give(std::move(buffer), max_line_bytes_);
  block.truncated_line = true;
  QUIPU_ASSIGN(auto closed, skip_rest_of_line());
  if (!closed && !complete_) {
    unfinished_.bytes = taken_.bytes() - before.bytes();
    taken_ = before;
    return end();
  }
  reached(count_newlines(block.text) + 1, !closed);
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
  size_t whole = scanner_.whole();
  if (whole == 0 && !ended_) return next_too_long(std::move(buffer), all);
  if (ended_) whole = whole_at_end(all);
  if (whole == 0) return end();
  Block block;
  block.text = all.substr(0, whole);
  block.over_lines = scanner_.over_lines();
  if (whole > max_line_bytes_) {  // only then can a record be too long
    whole = find_too_long(block, max_line_bytes_);
    if (whole == 0) return next_too_long(std::move(buffer), all);
  }
  block.text = all.substr(0, whole);
  uint64_t weight;
  whole = cut_by_weight(block, weigher_, block_weight_, weight);
  ahead_.assign(all.substr(whole));
  std::vector<RecordSpan> over_lines = std::move(block.over_lines);
  while (!over_lines.empty() && over_lines.back().end > whole) over_lines.pop_back();
  block = give(std::move(buffer), whole);
  block.over_lines = std::move(over_lines);
  block.weight = weight;
  const bool open_line = block.text.back() != '\n';
  reached(count_newlines(block.text) + open_line, open_line);
  return block;
}

bool BlockRecords::next() {
  if (!block_.numbered.empty()) {
    if (next_ == block_.numbered.size()) return false;
    const NumberedRecord& record = block_.numbered[next_++];
    text_ = block_.text.substr(record.begin, record.end - record.begin);
    line_ = offset_ = record.number;
    return true;
  }
  line_ += lines_;
  if (next_ >= block_.text.size()) return false;
  const size_t begin = next_;
  size_t end;
  lines_ = 1;
  if (block_.truncated_line) {
    end = next_ = block_.text.size();
  } else if (over_lines_ < block_.over_lines.size() &&
             block_.over_lines[over_lines_].begin == begin) {
    next_ = block_.over_lines[over_lines_++].end;
    end = next_ - (block_.text[next_ - 1] == '\n');
    lines_ += count_newlines(block_.text.substr(begin, end - begin));
  } else {
    end = std::min(block_.text.find('\n', begin), block_.text.size());
    next_ = end + 1;
  }
  text_ = block_.text.substr(begin, end - begin);
  offset_ = block_.offset + begin;
  return true;
}

}  // namespace quipu
